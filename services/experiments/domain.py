"""What an experiment and a trial are, and which of their states follow on which."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.experiments.verdict import LATENCY, CompositeProfile
from services.runtime.outside_text import without_unseen
from services.shared.clips.domain import ClipStatus
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
MIN_VOTES_PER_PAIR, MAX_VOTES_PER_PAIR, VOTES_PER_PAIR = 1, 100, 3
MIN_LISTENING_DAYS, MAX_LISTENING_DAYS, LISTENING_DAYS = 1, 90, 14
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 1, 3650
MAX_SEED = 2**32 - 1
MAX_PROMPT_CHARACTERS = 5000
MAX_NAME_CHARACTERS = 200
MAX_PROVIDER_CHARACTERS = 100
MAX_VOICE_CHARACTERS = 200
MAX_URL_CHARACTERS = 2048


class ExperimentStatus(StrEnum):
    """How far an experiment is; the names are those of the wire."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (ExperimentStatus.COMPLETED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)


class EvalMode(StrEnum):
    """Who judges; the names are those of the wire."""

    AUTOMATED = "automated"
    HUMAN = "human"
    HYBRID = "hybrid"

    @property
    def asks_listeners(self) -> bool:
        """Whether people vote."""
        return self is not EvalMode.AUTOMATED


TrialStatus = ClipStatus
"""How far a trial is; the names are those of the wire."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A voice model as it was in the catalogue when the experiment began. Parameters are None for the voice's own."""

    provider: str
    voice_id: str
    model_id: str = ""
    speed: float | None = None
    language: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A comparison of voice models over prompts."""

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
    repeats: int = 1
    seed: int = 0
    """Decides the order of the trials."""
    votes_per_pair: int = VOTES_PER_PAIR
    listening_days: int = LISTENING_DAYS
    listening_until: datetime | None = None
    """When listeners have to be done; None before every trial has ended, and where nobody is asked."""
    votes_received: int = 0
    """The votes of each pair, at most votes_per_pair of one."""
    votes_needed: int = 0
    """votes_per_pair times the pairs that can be heard; 0 before every trial has ended."""
    audio_retention_days: int
    cloned_from: str = ""
    traceparent: str = ""
    """The trace of the call that runs it; what happens of itself later goes on in it."""
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
            # A retry of failed trials closes the vote until they have ended.
            and self.completed_trials + self.failed_trials == self.total_trials
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt spoken by one model. `attempts` counts the requests of its current step, 0 while it is pending."""

    id: str
    experiment_id: str
    prompt_index: int
    model_index: int
    repeat_index: int = 0
    position: int = 0
    """Its place in the order in which the experiment asks for its trials."""
    prompt_text: str
    provider: str
    voice_id: str
    model_id: str
    speed: float | None
    language: str | None = None
    seed: int | None = None
    status: TrialStatus
    attempts: int
    attempts_before: int = 0
    """How many of them were made before it was retried."""
    provider_requests: int = 0
    audio_name: str | None = None
    audio_deleted_at: datetime | None = None
    error_kind: str = ""
    error_message: str = ""
    created_at: datetime
    ended_at: datetime | None = None
    measurements: Measurements = field(default_factory=Measurements)


def comparable(prompt: str) -> str:
    """Returns what two prompts have in common if they are spoken alike.

    Upper and lower case, white space around and between words, characters that can't be seen, and the spelling of
    characters (a letter with its accent in one or in two, full-width letters) make no difference. Punctuation does: a
    question is spoken unlike a statement. The folding is Unicode's NFKC_Casefold.
    """
    folded = unicodedata.normalize("NFKC", without_unseen(prompt)).casefold()
    # Folding may take a text out of its normal form, and the normal form may fold further.
    folded = without_unseen(unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def units(prompts: Sequence[str]) -> list[int]:
    """Returns for each prompt the index of the first prompt that is equal to it, which may be its own.

    The unit of evidence is the prompt, so the same text eight times over must not count as eight.
    """
    first: dict[str, int] = {}
    return [first.setdefault(comparable(prompt), index) for index, prompt in enumerate(prompts)]
