"""Decides which votes count.

A vote never changes. Whether it counts is a separate state, judged when the vote is cast, from this vote and the
earlier votes of the same listener. States are rows that are only added, and the last one applies. The voter does not
see them.

The rules look at listeners, addresses, sides and times. They know nothing about what is compared:

- `address_limit`: an address of the listener is full, because as many other listeners as the invitation allows have a
  place there. A listener takes a place at the address from which they joined and at each address from which they voted.
- `same_session`: the session has a place by another invitation to the same test, so this is the same person again.
- `too_fast`: the median vote of the listener came less than MIN_REACTION_SECONDS after the first moment at which both
  clips could have been heard. A person must notice the end of a clip, decide, and move a finger. One early vote may be
  luck.
- `one_side`: the listener always said `a`, or always `b`. Sides are drawn again for each pair, so a person who listens
  does this with a probability of 2 / 2^n, which is 0.2% for MIN_SAME_SIDE votes, whatever they prefer. Sides have
  nothing to do with the candidates, so leaving such votes out favours none of them.

A listener who hears no difference may say `tie` every time, so many ties are no reason. The first two rules are decided
once, when a vote is cast. The other two depend on all votes of a listener, so each further vote can change the state of
the earlier ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from services.shared.listening.domain import NO_ADDRESS_LIMIT, ListenerAnswer, PairKey, Preference

MIN_REACTION_SECONDS = 0.1
"""In athletics, a start within 0.1 s of the gun is false, and a runner has nothing to decide."""
MIN_TIMED_VOTES = 10
"""The number of votes from which on `too_fast` applies."""
MIN_SAME_SIDE = 10
"""The number of votes for A or B from which on `one_side` applies."""


class VoteState(StrEnum):
    """Whether a vote counts."""

    COUNTED = "counted"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"
    """The vote was cast in a release that did not judge votes. It counts."""


class ExclusionReason(StrEnum):
    """Why a vote does not count. The values are those in the API."""

    ADDRESS_LIMIT = "address_limit"
    SAME_SESSION = "same_session"
    TOO_FAST = "too_fast"
    ONE_SIDE = "one_side"


WITHOUT_PLACE = (ExclusionReason.ADDRESS_LIMIT, ExclusionReason.SAME_SESSION)
"""Reasons that concern who the listener is. A vote excluded for one of them takes no place. A vote excluded for any
other reason still takes its place."""


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
        if self.answer in (ListenerAnswer.TIE, ListenerAnswer.BOTH_BAD):
            return Preference(self.answer)
        return Preference.SECOND if (self.answer is ListenerAnswer.A) == self.swapped else Preference.FIRST

    @property
    def holds_place(self) -> bool:
        """Whether the vote gives its listener a place at its addresses."""
        return self.exclusion_reason not in WITHOUT_PLACE

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


def addresses_without_place(votes: Sequence[CastVote]) -> frozenset[bytes]:
    """Returns the addresses of a listener's last vote at which their earlier votes hold no place."""
    addresses_with_place = frozenset[bytes]().union(*(vote.addresses for vote in votes[:-1] if vote.holds_place))
    return votes[-1].addresses - addresses_with_place


def judge(
    votes: Sequence[CastVote],
    max_listeners_per_address: int,
    *,
    places: Collection[Collection[str]],
    same_session: Collection[str],
) -> list[Judgement]:
    """Judges all votes of one listener, of which the last was just cast.

    Returns the new state of the last vote, followed by the new states of earlier votes whose state changes.

    `places` has one entry for each address in `addresses_without_place`: the other listeners of the same invitation who
    hold a place there. `same_session` are the other listeners of the same session and test who hold a place.
    """
    *before, last = votes
    identity_reason: ExclusionReason | None = None
    if not any(vote.holds_place for vote in before) and same_session:
        identity_reason = ExclusionReason.SAME_SESSION
    elif max_listeners_per_address != NO_ADDRESS_LIMIT and any(
        len(others) >= max_listeners_per_address for others in places
    ):
        identity_reason = ExclusionReason.ADDRESS_LIMIT
    behaviour_reason = _behaviour_reason(votes)
    # UNKNOWN votes were cast under other rules and keep their state.
    rejudged = [vote for vote in before if vote.state is not VoteState.UNKNOWN and vote.holds_place]
    return [
        Judgement(last, identity_reason or behaviour_reason),
        *(Judgement(vote, behaviour_reason) for vote in rejudged if vote.exclusion_reason is not behaviour_reason),
    ]


def _behaviour_reason(votes: Sequence[CastVote]) -> ExclusionReason | None:
    reaction_seconds = [(vote.cast_at - vote.ready_at).total_seconds() for vote in votes if vote.ready_at is not None]
    if len(reaction_seconds) >= MIN_TIMED_VOTES and median(reaction_seconds) < MIN_REACTION_SECONDS:
        return ExclusionReason.TOO_FAST
    sides = [vote.answer for vote in votes if vote.answer in (ListenerAnswer.A, ListenerAnswer.B)]
    if len(sides) >= MIN_SAME_SIDE and len(set(sides)) == 1:
        return ExclusionReason.ONE_SIDE
    return None
