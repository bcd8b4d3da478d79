"""What scoring speaks of: recordings, what is measured of them, and how far an evaluation is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum

from services.scoring.metrics.signal import SignalMetrics
from services.shared.metrics import METRICS, OF_RECORDINGS, Source

MAX_AUDIO_BYTES = 128 * 1024 * 1024
"""46 minutes at 24 kHz. A recording is held in memory while it is measured."""


class AudioUnreadable(Exception):
    """The audio can't be measured, and trying again would not help. The message says why, in a sentence."""


_DESCRIBED = {metric.name: metric for metric in (*METRICS, *OF_RECORDINGS)}
_OF_SAMPLES = [_DESCRIBED[field.name] for field in fields(SignalMetrics) if field.name in _DESCRIBED]
LISTED = (
    *_OF_SAMPLES,
    *(
        metric
        for metric in METRICS
        if metric.source is Source.SYNTHESIS and metric.kind is not str and metric not in _OF_SAMPLES
    ),
)
"""The numbers that are measured of a trial here, in the order in which they are listed."""


class Status(Enum):
    """How far an evaluation is. The names are those of the wire."""

    running = "running"
    completed = "completed"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Somebody's request to have audio measured."""

    id: str
    """The requester's own id of the work, and the evaluation's."""
    requester: str
    """The service that is to be answered."""
    attempt: int
    """Which request for this job it is, from 1."""
    developer_id: str
    """Who owns the audio."""
    audio_name: str
    """The name of the audio in the store."""
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One recording and what was measured of it."""

    id: str
    attempt: int
    """The latest request for it, which is the one that its end answers."""
    developer_id: str
    audio_name: str
    status: Status
    signal_metrics: SignalMetrics | None
    """There once completed."""
    error_message: str
    """Why it failed, empty otherwise."""
    created_at: datetime
    """When it was first asked for."""
    completed_at: datetime | None
    """When it ended."""
