"""Listening tests, their pairs, their listeners, and the assignments of pairs to listeners."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

NO_ADDRESS_LIMIT = 0
"""The value of `max_listeners_per_address` that means no limit. Supervised panels have it."""
MAX_JOINED_FROM_ADDRESS = 1000
"""The number of listeners who may join by one invitation from one address, whether their votes count or not."""
PENDING_ASSIGNMENT_DURATION = timedelta(minutes=10)
"""How long an unanswered assignment counts as a vote that is expected soon, from when the listener last got it."""


class Side(StrEnum):
    """The position of a clip in a comparison."""

    A = "a"
    B = "b"


class ListenerAnswer(StrEnum):
    """The answer of a listener about clip A and clip B. The values are those in the API."""

    A = "a"
    B = "b"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Preference(StrEnum):
    """Which candidate of a pair a listener preferred, on whichever side it was played."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


def preference(answer: ListenerAnswer, *, swapped: bool) -> Preference:
    """Returns an answer in terms of candidates instead of sides. With `swapped`, clip A is the second candidate."""
    if answer in (ListenerAnswer.TIE, ListenerAnswer.BOTH_BAD):
        return Preference(answer)
    return Preference.SECOND if (answer is ListenerAnswer.A) == swapped else Preference.FIRST


@dataclass(frozen=True, slots=True)
class ListeningTest:
    """A blind comparison. It has the same id as its subject, such as an experiment."""

    id: str
    votes_per_pair: int
    closes_at: datetime | None
    """Votes are accepted until this time. None while the test is closed."""

    def open(self, at: datetime) -> bool:
        """Returns whether votes are accepted at this time."""
        return self.closes_at is not None and at < self.closes_at


@dataclass(frozen=True, slots=True, order=True)
class PairKey:
    """Identifies two candidates that speak the same text, by their numbers in the subject; `first` < `second`."""

    text_index: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class CandidateAudio:
    """One stored recording of a candidate."""

    audio_name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair with everything that a listener needs.

    `first` and `second` have one or more recordings each. One of them is drawn for each listener. They are empty once
    the audio was deleted.
    """

    key: PairKey
    text: str
    first: Sequence[CandidateAudio]
    second: Sequence[CandidateAudio]
    target_lufs: float
    """The loudness at which its clips are played, in LUFS."""
    votes: int = 0

    def lacks(self, votes_per_pair: int) -> int:
        """Returns how many votes the pair still needs. A pair whose audio was deleted needs no more votes."""
        return max(0, votes_per_pair - self.votes) if self.first and self.second else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A person who takes part in a test.

    The caller chooses the id. In several tests, the same id and invitation mean the same person.
    """

    id: str
    test_id: str
    invitation_id: str
    """What they joined through, such as a listening link, or the arena. Limits per address apply within one."""
    max_listeners_per_address: int
    """The number of listeners at one address whose votes count. NO_ADDRESS_LIMIT means no limit."""
    created_at: datetime
    voter_id: str | None = None
    """Their anonymous session. None if they joined in a release that had no sessions."""
    address: bytes | None = None
    """The keyed hash of the address from which they joined. None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A pair as given to one listener: which recordings, on which sides, under which clip names."""

    id: str
    test_id: str
    listener_id: str
    key: PairKey
    first_audio: str | None
    """The name of the stored audio. None once it was deleted."""
    second_audio: str | None
    swapped: bool
    """True if clip A is the second candidate."""
    drawn_from: int
    """The number of pairs from which this one was drawn, each with the same probability."""
    target_lufs: float
    clip_a: str
    """The name under which the listener fetches clip A, such as `clp_<32 hex digits>.wav`."""
    clip_b: str
    a_seconds: float
    b_seconds: float
    shown_at: datetime
    """When the listener last received it."""
    a_sent_at: datetime | None = None
    """When every byte of clip A had been sent to the listener, in one or several ranges. None until then."""
    b_sent_at: datetime | None = None
    answer: ListenerAnswer | None = None
    """None until the listener has voted."""

    def audio_of(self, clip: str) -> str | None:
        """Returns the name of the stored audio from which one of its clips is made."""
        return self.second_audio if (clip == self.clip_a) == self.swapped else self.first_audio

    def sent_at(self, side: Side) -> datetime | None:
        """Returns when every byte of a clip had been sent, None until then."""
        return self.a_sent_at if side is Side.A else self.b_sent_at

    def side_of(self, clip: str) -> Side:
        """Returns the side of one of its clips, given by name."""
        return Side.A if clip == self.clip_a else Side.B

    def seconds_of(self, side: Side) -> float:
        """Returns the length of a clip in seconds."""
        return self.a_seconds if side is Side.A else self.b_seconds

    @property
    def seconds(self) -> float:
        """The length of both clips together, in seconds."""
        return self.a_seconds + self.b_seconds

    @property
    def ready_at(self) -> datetime | None:
        """The earliest time by which the listener can have heard each clip to its end, one after the other.

        None until both clips have been sent completely.
        """
        if self.a_sent_at is None or self.b_sent_at is None:
            return None
        return max(
            self.a_sent_at + timedelta(seconds=self.a_seconds),
            self.b_sent_at + timedelta(seconds=self.b_seconds),
            min(self.a_sent_at, self.b_sent_at) + timedelta(seconds=self.seconds),
        )


@dataclass(frozen=True, slots=True)
class ListenerProgress:
    """How many comparisons a listener has answered and has left."""

    votes_given: int
    pairs_left: int
    open: bool


@dataclass(frozen=True, slots=True)
class InvitationTally:
    """How many listeners joined by one invitation, and how many votes they cast."""

    listeners: int = 0
    votes: int = 0
    excluded_votes: int = 0
