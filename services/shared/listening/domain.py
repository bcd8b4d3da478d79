"""What a listening test, its pairs, its listeners and their assignments are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SUPERVISED = 0
"""The limit of listeners per address of a supervised panel: there is none."""
MAX_JOINED_FROM_ADDRESS = 1000
"""Listeners who may come from one address by one invitation, whether their votes count or not."""
HELD_FOR = timedelta(minutes=10)
"""How long a pair that was given to a listener counts as about to be answered."""


class Side(StrEnum):
    """The place of a clip in what a listener compares."""

    A = "a"
    B = "b"


class ListenerAnswer(StrEnum):
    """What a listener says of clip A and clip B; the names are those of the wire."""

    A = "a"
    B = "b"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Preference(StrEnum):
    """Which of the two candidates of a pair a listener preferred, whichever side it was played on."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


@dataclass(frozen=True, slots=True)
class ListeningTest:
    """A blind comparison. Its id is that of the subject that is compared, such as an experiment."""

    id: str
    votes_per_pair: int
    closes_at: datetime | None
    """Until when votes are taken; None while none are."""

    def open(self, at: datetime) -> bool:
        """Whether votes are taken at this moment."""
        return self.closes_at is not None and at < self.closes_at


@dataclass(frozen=True, slots=True, order=True)
class PairKey:
    """Two candidates that speak one text, each by its number in the subject; `first` is below `second`."""

    text_index: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Stored speech of one candidate."""

    audio_name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair with all that a listener needs: `first` and `second` have one or more recordings each, of which one is
    drawn for each listener, and none once the audio was deleted."""

    key: PairKey
    text: str
    first: Sequence[Speech]
    second: Sequence[Speech]
    target_lufs: float
    """The loudness at which its clips are played."""
    votes: int = 0

    def lacks(self, votes_per_pair: int) -> int:
        """Returns how many votes are still to come. A pair that can't be heard needs no more."""
        return max(0, votes_per_pair - self.votes) if self.first and self.second else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Somebody who takes part in a test. The id is of the caller's choosing, and may be the same in other tests."""

    id: str
    test_id: str
    invitation_id: str
    """What they came by, such as a listening link. Limits per address hold among those who came by the same."""
    max_listeners_per_address: int
    """Listeners at one address whose votes count; SUPERVISED for any number."""
    created_at: datetime
    voter_id: str | None = None
    """Their anonymous session; None if they joined before there were any."""
    address: bytes | None = None
    """The keyed hash of the address that they joined from; None if it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A pair as one listener hears it: which recordings, on which sides, under which names."""

    id: str
    test_id: str
    listener_id: str
    key: PairKey
    first_audio: str | None
    """The name of the stored audio; None once it was deleted."""
    second_audio: str | None
    swapped: bool
    """Whether clip A is of the second candidate."""
    drawn_from: int
    """The number of pairs among which this one was drawn, each with the same chance."""
    target_lufs: float
    clip_a: str
    """The name of the clip."""
    clip_b: str
    a_seconds: float
    b_seconds: float
    shown_at: datetime
    """When it was given to the listener last."""
    a_sent_at: datetime | None = None
    """When all of clip A had gone out, in one piece or in several; None while it has not."""
    b_sent_at: datetime | None = None
    answer: ListenerAnswer | None = None
    """What the listener said; None until then."""

    def audio_of(self, clip: str) -> str | None:
        """Returns the name of the stored audio that is heard in one of its clips."""
        return self.second_audio if (clip == self.clip_a) == self.swapped else self.first_audio

    def sent_at(self, side: Side) -> datetime | None:
        """Returns when all of a clip had gone out, None while it has not."""
        return self.a_sent_at if side is Side.A else self.b_sent_at

    def side_of(self, clip: str) -> Side:
        """Returns the side of one of its clips."""
        return Side.A if clip == self.clip_a else Side.B

    def seconds_of(self, side: Side) -> float:
        """Returns the length of a clip."""
        return self.a_seconds if side is Side.A else self.b_seconds

    @property
    def seconds(self) -> float:
        """The length of both clips together."""
        return self.a_seconds + self.b_seconds

    @property
    def ready_at(self) -> datetime | None:
        """The first moment at which each clip can have been heard since it had gone out, and both in turn.

        None while one has not gone out whole.
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
    """How far one listener is."""

    votes_given: int
    pairs_left: int
    open: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people came by an invitation, and how many votes they cast."""

    listeners: int = 0
    votes: int = 0
    excluded_votes: int = 0
