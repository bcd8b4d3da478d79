"""Experiments and trials, their states and their limits."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.experiments.verdict import LATENCY, CompositeProfile
from services.runtime.outside_text import without_unseen
from services.shared.clips.domain import ClipStatus, HeardSpeech
from services.shared.metrics import Measurements

SCENARIOS = (
    "general",
    "customer_support",
    "medical",
    "financial",
    "technical_support",
    "adversarial",
    "multilingual",
)
MIN_MODELS, MAX_MODELS = 2, 4
MIN_PROMPTS, MAX_PROMPTS = 1, 20
MIN_REPEATS, MAX_REPEATS = 1, 5
MIN_VOTES_PER_PAIR, MAX_VOTES_PER_PAIR, DEFAULT_VOTES_PER_PAIR = 1, 100, 3
MIN_LISTENING_DAYS, MAX_LISTENING_DAYS, DEFAULT_LISTENING_DAYS = 1, 90, 14
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 1, 3650
MAX_SEED = 2**32 - 1
MAX_PROMPT_CHARACTERS = 5000
MAX_NAME_CHARACTERS = 200
MAX_PROVIDER_CHARACTERS = 100
MAX_VOICE_CHARACTERS = 200
MAX_URL_CHARACTERS = 2048


class ExperimentStatus(StrEnum):
    """The status of an experiment. The values are those of the API."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the experiment has ended. A completed one runs again if its failed trials are retried."""
        return self in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)


class EvalMode(StrEnum):
    """Who judges an experiment. The values are those of the API."""

    AUTOMATED = "automated"
    HUMAN = "human"
    HYBRID = "hybrid"

    @property
    def asks_listeners(self) -> bool:
        """Whether listeners are asked to vote."""
        return self is not EvalMode.AUTOMATED


TrialStatus = ClipStatus
"""The status of a trial. The values are those of the API."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A voice model as it was in the catalogue when the experiment began. None means the voice's default parameter."""

    provider: str
    voice_id: str
    model_id: str = ""
    speed: float | None = None
    language: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Voice models that are compared over prompts, and the state of the experiment."""

    id: str
    developer_id: str
    name: str
    scenario: str
    eval_mode: EvalMode
    status: ExperimentStatus
    models: Sequence[ModelSpec]
    prompts: Sequence[str]
    webhook_url: str
    primary_metric: str
    composite: CompositeProfile = LATENCY
    listens: bool = False
    """Whether models listen to its trials. It is decided at creation."""
    repeats: int = 1
    seed: int = 0
    """The seed of the order of the trials."""
    votes_per_pair: int = DEFAULT_VOTES_PER_PAIR
    listening_days: int = DEFAULT_LISTENING_DAYS
    listening_until: datetime | None = None
    """The end of the listening test. None before every trial has ended, and if listeners are not asked."""
    votes_received: int = 0
    """The number of counted votes. Votes of a pair beyond votes_per_pair are not included."""
    votes_needed: int = 0
    """votes_per_pair times the number of pairs with audio; 0 before every trial has ended."""
    audio_retention_days: int
    cloned_from: str = ""
    traceparent: str = ""
    """The trace of the call that ran the experiment. Later work for the experiment continues this trace."""
    total_trials: int
    completed_trials: int = 0
    failed_trials: int = 0
    error_message: str = ""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def listening_open(self, at: datetime) -> bool:
        """Whether listeners can vote at this moment."""
        return (
            self.status is ExperimentStatus.RUNNING
            and self.listening_until is not None
            and at < self.listening_until
            # A retry of failed trials closes the listening test until they have ended.
            and self.completed_trials + self.failed_trials == self.total_trials
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt spoken once by one model."""

    id: str
    experiment_id: str
    prompt_index: int
    model_index: int
    repeat_index: int = 0
    position: int = 0
    """The place in the order in which the experiment requests its trials, starting at 0."""
    prompt_text: str
    provider: str
    voice_id: str
    model_id: str
    speed: float | None
    language: str | None = None
    seed: int | None = None
    spoken_language: str = ""
    """The BCP 47 tag of the language that the voice speaks. Empty if unknown."""
    status: TrialStatus
    attempts: int
    """The number of requests for the current step, 0 while the trial is pending."""
    attempts_before: int = 0
    """The number of attempts before the last retry. `attempts` includes them."""
    provider_requests: int = 0
    audio_name: str | None = None
    audio_deleted_at: datetime | None = None
    error_kind: str = ""
    error_message: str = ""
    created_at: datetime
    ended_at: datetime | None = None
    measurements: Measurements = field(default_factory=Measurements)
    heard_speech: HeardSpeech | None = None
    """What models heard. None if they did not listen to the trial."""


def spoken_form(prompt: str) -> str:
    """Returns a form of the prompt that is equal for prompts that are spoken alike.

    Letter case, white space around and between words, invisible characters, and Unicode variants (composed or
    decomposed accents, full-width letters) make no difference. Punctuation does, because a question is not spoken like
    a statement. The folding is Unicode's NFKC_Casefold.
    """
    folded = unicodedata.normalize("NFKC", without_unseen(prompt)).casefold()
    # Folding can leave the normal form, and the normal form can fold again.
    folded = without_unseen(unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def first_equal_prompts(prompts: Sequence[str]) -> list[int]:
    """Returns, for each prompt, the index of the first prompt that is spoken alike, which may be its own index.

    The unit of evidence is the prompt, so the same text given eight times must not count as eight.
    """
    first: dict[str, int] = {}
    return [first.setdefault(spoken_form(prompt), index) for index, prompt in enumerate(prompts)]
