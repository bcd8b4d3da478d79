"""What a clip is and how far it can be."""

from dataclasses import dataclass
from enum import StrEnum


class ClipStatus(StrEnum):
    """How far a clip is."""

    PENDING = "pending"
    """It waits for its turn at its provider."""
    SYNTHESIZING = "synthesizing"
    """tts was asked for its speech."""
    SCORING = "scoring"
    """Its audio is stored, and scoring was asked to evaluate it."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (ClipStatus.COMPLETED, ClipStatus.FAILED, ClipStatus.CANCELLED)


EVALUATION_FAILED = "evaluation_failed"
"""The kind of error of a clip whose audio could not be evaluated; the other kinds are those of SynthesisFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One text by one voice, with what a request for it needs of the run that it belongs to."""

    id: str
    run_id: str
    developer_id: str
    traceparent: str
    """Of the call that began the run."""
    text: str
    provider: str
    voice_id: str
    model_id: str
    speed: float | None
    language: str | None
    seed: int | None
    status: ClipStatus
    attempts: int
    """The requests of its current step, 0 while it is pending for the first time."""
    attempts_before: int
    """How many of them were made before it was retried."""
    audio_name: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step of a clip has failed for good."""

    during: ClipStatus
    kind: str
    message: str
    provider_requests: int | None = None
    """How often the provider was asked for the clip so far, None if that is not told."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A clip that has come to its end, by an answer or because none came."""

    id: str
    run_id: str
    status: ClipStatus
    last: bool
    """Whether every clip of its run has ended with it."""
