"""Clips and their states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ClipStatus(StrEnum):
    """The state of a clip."""

    PENDING = "pending"
    """It waits for a slot at its provider."""
    SYNTHESIZING = "synthesizing"
    """Its speech was requested from tts."""
    SCORING = "scoring"
    """Its audio is stored, and its evaluation was requested from scoring."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the clip is completed, failed or cancelled."""
        return self in (ClipStatus.COMPLETED, ClipStatus.FAILED, ClipStatus.CANCELLED)


EVALUATION_FAILED = "evaluation_failed"
"""The error kind of a clip whose audio could not be evaluated. The other kinds are those of SynthesisFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One text spoken by one voice, with the fields of its run that a request for it needs."""

    id: str
    run_id: str
    developer_id: str
    traceparent: str
    """The W3C trace context of the call that started the run."""
    text: str
    provider: str
    voice_id: str
    model_id: str
    speed: float | None
    language: str | None
    seed: int | None
    status: ClipStatus
    attempts: int
    """The number of requests for its current step. 0 before its speech was requested for the first time."""
    attempts_before: int
    """How many of these requests were made before the last retry."""
    audio_name: str | None
    listen: bool = False
    """Whether models listen to its audio."""
    spoken_language: str = ""
    """The BCP 47 tag of the language that the voice speaks. Empty if unknown."""


@dataclass(frozen=True, slots=True)
class SpokenText:
    """What a clip says."""

    text: str
    language: str
    """BCP 47. Empty if unknown."""


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """What models heard in the audio of a clip."""

    transcript: str | None = None
    words: Mapping[str, Any] | None = None
    """The words of the text, aligned with those of the transcript: the JSON of `voicearena.scoring.v1.WordErrors`."""
    backends: Mapping[str, str] = field(default_factory=dict)
    """The code or model of each value, by the name of the metric, and of the transcript as `transcript`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a clip has failed."""

    during: ClipStatus
    """The step that failed: SYNTHESIZING or SCORING."""
    kind: str
    message: str
    provider_requests: int | None = None
    """How many requests the provider has received for the clip. None if unknown."""


@dataclass(frozen=True, slots=True)
class EndedClip:
    """A clip that has just completed or failed."""

    id: str
    run_id: str
    status: ClipStatus
    last: bool
    """Whether it was the last clip of its run to end."""
