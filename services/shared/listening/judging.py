"""Which votes are doubtful.

A vote is never changed. Whether it counts is a state of its own, judged when the vote is cast, from it and from what
the same listener said before. States are rows that are only ever added, and the last one holds. The voter is not told.

The rules know listeners, addresses, sides and times, and nothing of what is compared:

- `address_limit`: as many listeners at that address as their invitation allows have votes that may count. A listener
  holds a place at the address that they joined from and at each address that they voted from.
- `same_session`: the session holds a place by another invitation to the same test, so this is the same person again.
- `too_fast`: half of the listener's votes or more came less than MIN_REACTION_SECONDS after the first moment at which
  both clips could have been heard. A person has to notice the end of a clip, decide, and move a finger; one early vote
  may be luck.
- `one_side`: always `a`, or always `b`. Sides are drawn anew for each pair, so whoever listens, with however clear a
  taste, does this with a probability of 2 / 2^n: 0.2% for MIN_SAME_SIDE votes. Since sides have nothing to do with
  models, leaving such votes out speaks for no model.

A listener who finds every pair alike may say `tie` every time, so that is no reason. The first two rules are settled
for a vote when it is cast. The other two are about all votes of a listener, and may change with each further one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from services.shared.listening.domain import SUPERVISED, ListenerAnswer, PairKey, Preference

MIN_REACTION_SECONDS = 0.1
"""Athletics calls a start within 0.1 s of the gun a false one, and a runner has nothing to choose."""
MIN_TIMED_VOTES = 10
"""Votes from which on a listener's times are looked at."""
MIN_SAME_SIDE = 10
"""Votes for a side from which on it is looked at whether they are all for the same."""


class VoteState(StrEnum):
    """Whether a vote counts."""

    COUNTED = "counted"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"
    """It was cast before votes were judged. It counts."""


class Doubt(StrEnum):
    """Why a vote is left out; the names are those of the wire."""

    ADDRESS_LIMIT = "address_limit"
    SAME_SESSION = "same_session"
    TOO_FAST = "too_fast"
    ONE_SIDE = "one_side"


WITHOUT_PLACE = (Doubt.ADDRESS_LIMIT, Doubt.SAME_SESSION)
"""Doubts about who a listener is. With any other, their listener still holds a place, which nobody else can take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVote:
    """A vote as it is judged and exported."""

    id: str
    """That of the assignment that it answers."""
    test_id: str
    listener_id: str
    invitation_id: str
    supervised: bool
    """Whether it is of a supervised panel, where somebody sees who listens."""
    key: PairKey
    swapped: bool
    answer: ListenerAnswer
    cast_at: datetime
    ready_at: datetime | None
    """The first moment at which it would have been taken; None if it is not known."""
    address: bytes | None
    """The keyed hash of the address that it was cast from; None if it is not known."""
    joined_from: bytes | None
    """That of the address that its listener joined from."""
    state: VoteState = VoteState.UNKNOWN
    doubt: Doubt | None = None
    judged_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it is part of the evidence."""
        return self.state is not VoteState.EXCLUDED

    @property
    def preferred(self) -> Preference:
        """The answer as one about the candidates rather than sides."""
        if self.answer in (ListenerAnswer.TIE, ListenerAnswer.BOTH_BAD):
            return Preference(self.answer)
        return Preference.SECOND if (self.answer is ListenerAnswer.A) == self.swapped else Preference.FIRST

    @property
    def holds_place(self) -> bool:
        """Whether its listener holds a place at its address."""
        return self.doubt not in WITHOUT_PLACE

    @property
    def addresses(self) -> frozenset[bytes]:
        """The addresses at which it shows its listener."""
        return frozenset(address for address in (self.address, self.joined_from) if address is not None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found of a vote. `doubt` is None if it counts."""

    vote: CastVote
    doubt: Doubt | None

    @property
    def state(self) -> VoteState:
        """The state that the vote gets."""
        return VoteState.COUNTED if self.doubt is None else VoteState.EXCLUDED


def unclaimed(votes: Sequence[CastVote]) -> frozenset[bytes]:
    """Returns the addresses of a listener's last vote at which the votes before it hold no place."""
    held = frozenset[bytes]().union(*(vote.addresses for vote in votes[:-1] if vote.holds_place))
    return votes[-1].addresses - held


def judge(
    votes: Sequence[CastVote],
    max_listeners_per_address: int,
    *,
    places: Collection[Collection[str]],
    same_session: Collection[str],
) -> list[Judgement]:
    """Judges all votes of one listener, of which the last was cast just now; returns the new states, that of the last
    vote first.

    `places` has for each address of `unclaimed` the other listeners of the invitation who hold a place there,
    `same_session` those of the same session and test.
    """
    *before, last = votes
    claimed: Doubt | None = None
    if not any(vote.holds_place for vote in before) and same_session:
        claimed = Doubt.SAME_SESSION
    elif max_listeners_per_address != SUPERVISED and any(len(others) >= max_listeners_per_address for others in places):
        claimed = Doubt.ADDRESS_LIMIT
    of_all = _doubt_of_all(votes)
    # What is unknown of before stays so: it was cast under other rules.
    changed = [vote for vote in before if vote.state is not VoteState.UNKNOWN and vote.holds_place]
    return [
        Judgement(last, claimed or of_all),
        *(Judgement(vote, of_all) for vote in changed if vote.doubt is not of_all),
    ]


def _doubt_of_all(votes: Sequence[CastVote]) -> Doubt | None:
    spare = [(vote.cast_at - vote.ready_at).total_seconds() for vote in votes if vote.ready_at is not None]
    if len(spare) >= MIN_TIMED_VOTES and median(spare) < MIN_REACTION_SECONDS:
        return Doubt.TOO_FAST
    sides = [vote.answer for vote in votes if vote.answer in (ListenerAnswer.A, ListenerAnswer.B)]
    if len(sides) >= MIN_SAME_SIDE and len(set(sides)) == 1:
        return Doubt.ONE_SIDE
    return None
