"""Decides which votes count.

A vote never changes. Whether it counts is a separate state, judged when the vote is cast, from this vote and the
earlier votes of the same listener. States are rows that are only added, and the last one applies. The voter does not
see them.

The votes of a listener are those with the same invitation and listener id, in whichever test. A link of an experiment
belongs to one test. A voter of the arena hears many tests, one for each battle.

The rules look at listeners, addresses, sides and times. They know nothing about what is compared:

- `address_limit`: an address of the listener is full, because as many other listeners as the invitation allows have a
  place there. A listener takes a place at the address from which they joined and at each address from which they voted.
  `JudgingRules.place_duration` says how long they keep it.
- `same_session`: the session has a place by another invitation to the same test, so this is the same person again.
- `daily_limit`: the listener has cast `JudgingRules.max_votes_per_day` votes within 24 hours already.
- `too_fast`: the median vote of the listener came less than MIN_REACTION_SECONDS after the first moment at which both
  clips could have been heard. A person must notice the end of a clip, decide, and move a finger. One early vote may be
  luck.
- `one_side`: the listener always said `a`, or always `b`. Sides are drawn again for each pair, so a person who listens
  does this with a probability of 2 / 2^n, which is 0.2% for MIN_SAME_SIDE votes, whatever they prefer. Sides have
  nothing to do with the candidates, so leaving such votes out favours none of them.

A listener who hears no difference may say `tie` every time, so many ties are no reason. The first three rules are
decided once, when a vote is cast. The other two depend on all votes of a listener, so each further vote can change the
state of the earlier ones.

A service that knows what is compared can find further reasons later, such as `failed_controls` and `unlike_others`.
They hold for the further votes of the listener until the service judges them again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from services.shared.listening.domain import NO_ADDRESS_LIMIT, ListenerAnswer, PairKey, Preference, preference

MIN_REACTION_SECONDS = 0.1
"""In athletics, a start within 0.1 s of the gun is false, and a runner has nothing to decide."""
MIN_TIMED_VOTES = 10
"""The number of votes from which on `too_fast` applies."""
MIN_SAME_SIDE = 10
"""The number of votes for A or B from which on `one_side` applies."""
MAX_JUDGED_VOTES = 300
"""The last votes of a listener, which are judged together. No experiment has as many pairs."""
DAY = timedelta(days=1)


class VoteState(StrEnum):
    """Whether a vote counts."""

    COUNTED = "counted"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"
    """The vote is not judged: it was cast in a release that did not judge votes, or it could not be judged when it was
    cast and is judged later. It counts."""


class ExclusionReason(StrEnum):
    """Why a vote does not count. The values are those in the API."""

    ADDRESS_LIMIT = "address_limit"
    SAME_SESSION = "same_session"
    DAILY_LIMIT = "daily_limit"
    TOO_FAST = "too_fast"
    ONE_SIDE = "one_side"
    FAILED_CONTROLS = "failed_controls"
    """The listener failed comparisons with a known answer. Only the arena has such comparisons."""
    UNLIKE_OTHERS = "unlike_others"
    """The listener surely votes unlike the others. Only the arena compares listeners."""


WITHOUT_PLACE = (ExclusionReason.ADDRESS_LIMIT, ExclusionReason.SAME_SESSION)
"""Reasons that concern who the listener is. A vote excluded for one of them takes no place. A vote excluded for any
other reason still takes its place."""
DECIDED_ONCE = (*WITHOUT_PLACE, ExclusionReason.DAILY_LIMIT)
"""Reasons that are decided when a vote is cast, and never again."""
FOUND_LATER = (ExclusionReason.FAILED_CONTROLS, ExclusionReason.UNLIKE_OTHERS)
"""Reasons that only a service finds, when it judges votes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRules:
    """What differs between services."""

    place_duration: timedelta | None = None
    """How long a vote keeps its listener's place at an address. None keeps it for ever, for tests that end."""
    max_votes_per_day: int | None = None
    """The votes of a listener within 24 hours that count. None means no limit."""
    judged_again: bool = False
    """Whether the service judges votes again later. Then a vote that can't be judged now is accepted as UNKNOWN."""

    def places_since(self, at: datetime) -> datetime | None:
        """Returns the time after which a vote must have been cast to keep a place. None if votes keep it for ever."""
        return None if self.place_duration is None else at - self.place_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVote:
    """A vote with everything that judging and exports need."""

    id: str
    """The id of the assignment that it answers."""
    test_id: str
    listener_id: str
    invitation_id: str
    supervised: bool
    """Whether it belongs to a supervised panel, where a person watches who listens. Addresses have no limit there."""
    key: PairKey
    swapped: bool
    answer: ListenerAnswer
    cast_at: datetime
    ready_at: datetime | None
    """The earliest time at which it would have been accepted. None if unknown."""
    address: bytes | None
    """The keyed hash of the address from which it was cast. None if unknown."""
    joined_from: bytes | None
    """The keyed hash of the address from which its listener joined. None if unknown."""
    state: VoteState = VoteState.UNKNOWN
    exclusion_reason: ExclusionReason | None = None
    judged_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether the vote is evidence."""
        return self.state is not VoteState.EXCLUDED

    @property
    def preferred(self) -> Preference:
        """The answer in terms of candidates instead of sides."""
        return preference(self.answer, swapped=self.swapped)

    @property
    def holds_place(self) -> bool:
        """Whether the vote gives its listener a place at its addresses."""
        return self.exclusion_reason not in WITHOUT_PLACE

    @property
    def can_be_rejudged(self) -> bool:
        """Whether later votes of its listener can change its state."""
        return self.exclusion_reason not in DECIDED_ONCE

    @property
    def addresses(self) -> frozenset[bytes]:
        """The known addresses of the vote and of its listener."""
        return frozenset(address for address in (self.address, self.joined_from) if address is not None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of judging a vote. `exclusion_reason` is None if it counts."""

    vote: CastVote
    exclusion_reason: ExclusionReason | None

    @property
    def state(self) -> VoteState:
        """The new state of the vote."""
        return VoteState.COUNTED if self.exclusion_reason is None else VoteState.EXCLUDED

    @property
    def more(self) -> int:
        """By how much it changes the number of votes that count: -1, 0 or 1."""
        return (self.exclusion_reason is None) - self.vote.counts


def addresses_without_place(votes: Sequence[CastVote], since: datetime | None = None) -> frozenset[bytes]:
    """Returns the addresses of a listener's last vote at which their earlier votes (after `since`) hold no place."""
    holding = [vote for vote in votes[:-1] if vote.holds_place and (since is None or vote.cast_at > since)]
    return votes[-1].addresses - frozenset[bytes]().union(*(vote.addresses for vote in holding))


def judge(
    votes: Sequence[CastVote],
    max_listeners_per_address: int,
    *,
    places: Collection[Collection[str]],
    same_session: Collection[str],
    max_votes_per_day: int | None = None,
) -> list[Judgement]:
    """Judges all votes of one listener, of which the last was just cast.

    Returns the new state of the last vote, followed by the new states of earlier votes whose state changes.

    `places` has one entry for each address in `addresses_without_place`: the other listeners of the same invitation who
    hold a place there. `same_session` are the other listeners of the same session and test who hold a place.
    """
    *before, last = votes
    reason: ExclusionReason | None = None
    if not any(vote.holds_place for vote in before) and same_session:
        reason = ExclusionReason.SAME_SESSION
    elif max_listeners_per_address != NO_ADDRESS_LIMIT and any(
        len(others) >= max_listeners_per_address for others in places
    ):
        reason = ExclusionReason.ADDRESS_LIMIT
    elif max_votes_per_day is not None and _within_a_day(before, last) >= max_votes_per_day:
        reason = ExclusionReason.DAILY_LIMIT
    listener_reason = behaviour_reason(votes) or found_before(before)
    # UNKNOWN votes were cast under other rules and keep their state.
    rejudged = [vote for vote in before if vote.state is not VoteState.UNKNOWN and vote.can_be_rejudged]
    return [
        Judgement(last, reason or listener_reason),
        *(Judgement(vote, listener_reason) for vote in rejudged if vote.exclusion_reason is not listener_reason),
    ]


def _within_a_day(before: Sequence[CastVote], last: CastVote) -> int:
    return sum(vote.cast_at > last.cast_at - DAY for vote in before)


def found_before(votes: Sequence[CastVote]) -> ExclusionReason | None:
    """Returns the reason, one of FOUND_LATER, that a service has found for all votes of a listener. None without."""
    judged = [vote for vote in votes if vote.state is not VoteState.UNKNOWN and vote.can_be_rejudged]
    reason = judged[-1].exclusion_reason if judged else None
    return reason if reason in FOUND_LATER else None


def behaviour_reason(votes: Sequence[CastVote]) -> ExclusionReason | None:
    """Returns why the votes of one listener don't count, from how they were cast. None if they do."""
    reaction_seconds = [(vote.cast_at - vote.ready_at).total_seconds() for vote in votes if vote.ready_at is not None]
    if len(reaction_seconds) >= MIN_TIMED_VOTES and median(reaction_seconds) < MIN_REACTION_SECONDS:
        return ExclusionReason.TOO_FAST
    sides = [vote.answer for vote in votes if vote.answer in (ListenerAnswer.A, ListenerAnswer.B)]
    if len(sides) >= MIN_SAME_SIDE and len(set(sides)) == 1:
        return ExclusionReason.ONE_SIDE
    return None
