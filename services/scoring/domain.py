"""Jobs, evaluations and the metrics of scoring."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum

from services.scoring.metrics.signal import SignalMetrics
from services.shared.metrics import METRICS, RECORDING_METRICS, Source

MAX_AUDIO_BYTES = 128 * 1024 * 1024
"""46 minutes at 24 kHz. The whole recording is in memory while it is measured."""


LISTENED_METRICS = {
    "naturalness_mos": "naturalness",
    "word_error_rate": "word_errors",
    "prosody_score": "prosody",
    "signal_quality_mos": "quality",
    "hard_word_accuracy": "word_errors",
    "speech_failures": "word_errors",
    "semascore": "meaning",
}
"""The step that measures each metric of trials from models that listen."""


class AudioUnreadable(Exception):
    """The audio can't be measured, and a retry would not help. The message is a sentence that says why."""


_DESCRIBED = {metric.name: metric for metric in (*METRICS, *RECORDING_METRICS)}
_OF_SAMPLES = [_DESCRIBED[field.name] for field in fields(SignalMetrics) if field.name in _DESCRIBED]
LISTED_METRICS = (
    *_OF_SAMPLES,
    *(
        metric
        for metric in METRICS
        if metric.source is Source.SYNTHESIS and metric.kind is not str and metric not in _OF_SAMPLES
    ),
)
"""The metrics of `GET /api/v1/metrics`, in this order: those of the recording, then the numbers that tts measures."""


class Status(Enum):
    """The status of an evaluation. The values are those in the API."""

    running = "running"
    completed = "completed"
    failed = "failed"
    pending = "pending"
    cancelled = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A request to measure audio."""

    id: str
    """The id that the requester chose for the work. The evaluation has the same id."""
    requester: str
    """The service that receives the result."""
    attempt: int
    """The number of this request for the job, starting at 1."""
    developer_id: str
    """The developer who owns the audio."""
    audio_name: str
    """The name of the audio in the store."""
    requested_at: datetime
    listen: bool = False
    """Whether models listen to the audio after its samples were measured."""
    reference_text: str = ""
    """The text that is spoken. Empty if nothing listens."""
    language: str = ""
    """The BCP 47 tag of the spoken language. Empty if unknown."""


@dataclass(frozen=True, slots=True)
class JobEvaluation:
    """The evaluation of one recording."""

    id: str
    attempt: int
    """The number of the latest request for it. The result names this attempt."""
    developer_id: str
    audio_name: str
    status: Status
    signal_metrics: SignalMetrics | None
    """None until they are measured."""
    error_message: str
    """Why it failed. Empty if it did not fail."""
    created_at: datetime
    """When it was first requested."""
    completed_at: datetime | None
    """When it completed or failed. None before."""
    requester: str = ""
    """The service that receives the result. Empty for evaluations of earlier versions."""
    queued_at: datetime | None = None
    """When it began to wait for models to listen. None if they do not listen, or not yet."""

    @property
    def ended(self) -> bool:
        """Whether it is completed or failed."""
        return self.status in (Status.completed, Status.failed)
