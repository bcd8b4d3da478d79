"""What links, listeners, pairs and votes are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.experiments.domain import Experiment, ExperimentStatus
from services.experiments.verdict import Answer

SHORTEST_LINK_SECONDS, LONGEST_LINK_SECONDS, LINK_SECONDS = 60, 90 * 86400, 14 * 86400
MOST_LINKS = 1000
"""Links of one experiment, the revoked and expired ones too."""
MOST_LISTENERS = 10_000
"""Listeners of one link: far more than any panel has, and an end for who joins in a loop."""
MIN_LISTENERS_PER_ADDRESS, MAX_LISTENERS_PER_ADDRESS, DEFAULT_LISTENERS_PER_ADDRESS = 0, 1000, 3
"""Listeners of one link at one address whose votes count: three leave room for a family or a shared desk."""
SUPERVISED = 0
"""The limit of a link for a supervised panel: there is none."""
MAX_JOINED_FROM_ADDRESS = 1000
"""Listeners who may join by one link from one address, whether their votes count or not."""
HELD_FOR = timedelta(minutes=10)
"""How long a pair that was given out counts as about to be answered."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What lets anyone who has it judge an experiment's trials."""

    id: str
    experiment_id: str
    developer_id: str
    expires_at: datetime
    revoked_at: datetime | None = None
    created_at: datetime
    listeners: int = 0
    votes: int = 0
    max_listeners_per_address: int = DEFAULT_LISTENERS_PER_ADDRESS
    """Listeners at one address whose votes count; SUPERVISED for any number."""
    excluded_votes: int = 0

    @property
    def supervised(self) -> bool:
        """Whether it is for a panel in one place, where somebody sees who listens."""
        return self.max_listeners_per_address == SUPERVISED


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Somebody who has joined by a link."""

    id: str
    link_id: str
    experiment_id: str
    created_at: datetime
    voter_id: str | None = None
    """Their anonymous session; None if they joined before there were any."""
    address: bytes | None = None
    """The keyed hash of the address that they joined from; None if it is not known."""


@dataclass(frozen=True, slots=True, order=True)
class PairKey:
    """Two models on one prompt, each by its position in the experiment; `first` is below `second`."""

    prompt_index: int
    first: int
    second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair that can be heard, or could be before its audio was deleted."""

    key: PairKey
    first_trials: Sequence[str]
    """The ids of the first model's completed trials of the prompt, by repeat; none if it can't be heard any more."""
    second_trials: Sequence[str]
    target_lufs: float
    """The loudness at which its clips are played."""
    votes: int = 0

    def lacks(self, votes_per_pair: int) -> int:
        """Returns how many votes have to come still."""
        return max(0, votes_per_pair - self.votes) if self.first_trials and self.second_trials else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A pair as one listener hears it: which repeats, on which sides, under which names."""

    id: str
    experiment_id: str
    listener_id: str
    link_id: str
    key: PairKey
    first_trial: str
    second_trial: str
    swapped: bool
    """Whether clip A is the second model."""
    drawn_from: int
    """Among how many pairs it was drawn, each as likely."""
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

    def trial_of(self, clip: str) -> str:
        """Returns the id of the trial that is heard in one of its clips."""
        return self.second_trial if (clip == self.clip_a) == self.swapped else self.first_trial

    def sent_at(self, side: Side) -> datetime | None:
        """Returns when all of a clip had gone out, None while it has not."""
        return self.a_sent_at if side is Side.A else self.b_sent_at

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerProgress:
    """How far one listener is."""

    votes_given: int
    pairs_left: int
    open: bool


def preferred(answer: ListenerAnswer, swapped: bool) -> Answer:
    """Returns an answer about sides as one about models."""
    if answer is ListenerAnswer.TIE:
        return Answer.TIE
    if answer is ListenerAnswer.BOTH_BAD:
        return Answer.BOTH_BAD
    return Answer.SECOND if (answer is ListenerAnswer.A) == swapped else Answer.FIRST


def awaits_votes(experiment: Experiment) -> bool:
    """Whether every trial has ended and the verdict waits for listeners."""
    return (
        experiment.status is ExperimentStatus.RUNNING
        and experiment.listening_until is not None
        # A retry of failed trials closes the vote until they have ended.
        and experiment.completed_trials + experiment.failed_trials == experiment.total_trials
    )


def is_open(experiment: Experiment, at: datetime) -> bool:
    """Whether listeners can vote at this moment."""
    return awaits_votes(experiment) and experiment.listening_until is not None and at < experiment.listening_until
