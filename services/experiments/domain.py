"""What an experiment and a trial are, and which of their states follow on which."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

SCENARIOS = (
    "general",
    "customer_support",
    "medical",
    "financial",
    "technical_support",
    "adversarial",
    "multilingual",
)
FEWEST_MODELS, MOST_MODELS = 2, 4
FEWEST_PROMPTS, MOST_PROMPTS = 1, 20
LONGEST_PROMPT = 5000
LONGEST_NAME = 200
LONGEST_PROVIDER = 100
LONGEST_VOICE = 200
LONGEST_URL = 2048
LONGEST_REQUEST_ID = 100
LONGEST_ERROR = 500


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


class TrialStatus(StrEnum):
    """How far a trial is; the names are those of the wire."""

    PENDING = "pending"
    SYNTHESIZING = "synthesizing"
    SCORING = "scoring"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.CANCELLED)


IN_FLIGHT = (TrialStatus.SYNTHESIZING, TrialStatus.SCORING)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A voice model as it was in the catalogue when the experiment began. `speed` is None for the voice's own."""

    provider: str
    voice_id: str
    model_id: str = ""
    speed: float | None = None


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
    total_trials: int
    completed_trials: int = 0
    failed_trials: int = 0
    error_message: str = ""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured of a trial; None until it is. Units are in the names, ratios and amplitudes are 0 to 1."""

    duration_seconds: float | None = None
    ttfb_ms: float | None = None
    generation_time_ms: float | None = None
    ttfa_ms: float | None = None
    leading_silence_ms: float | None = None
    real_time_factor: float | None = None
    connect_ms: float | None = None
    connection_reused: bool | None = None
    transport: str | None = None
    sample_rate_hz: int | None = None
    region: str | None = None
    silence_ratio: float | None = None
    trailing_silence_ms: float | None = None
    peak: float | None = None
    clipping_ratio: float | None = None
    loudness_lufs: float | None = None
    dc_offset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt spoken by one model. `attempts` counts the requests of its current step."""

    id: str
    experiment_id: str
    prompt_index: int
    model_index: int
    prompt_text: str
    provider: str
    voice_id: str
    model_id: str
    speed: float | None
    status: TrialStatus
    attempts: int
    audio_name: str | None = None
    error_message: str = ""
    created_at: datetime
    ended_at: datetime | None = None
    measurements: Measurements = field(default_factory=Measurements)


def one_line(message: str) -> str:
    """Returns an error as it is stored: one line, at most 500 characters."""
    return " ".join(message.split())[:LONGEST_ERROR]
