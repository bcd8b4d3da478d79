"""What evaluates recordings for the use cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.scoring.pipeline.evaluating import VERSIONS
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome
from services.scoring.pipeline.work import Options

CONDITIONS = tuple(VERSIONS)
"""Further versions of a recording that can be evaluated beside it. `telephone` is G.711 at 8 kHz."""


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """A recording to evaluate."""

    id: str
    developer_id: str
    """Developers take turns, so that one with many recordings does not hold up the others."""
    audio_path: Path
    """A file that stays until the job has ended."""
    options: Options
    steps: tuple[str, ...]
    """Names of the steps to run; the steps that they need run as well. All if empty."""
    conditions: tuple[str, ...]
    """Some of CONDITIONS."""
    interactive: bool
    """Whether somebody waits for it. Such jobs go before others."""
    copy_path: Path | None = None
    """Where to write the recording as a WAV of 16-bit mono PCM. None for nowhere."""


class EvaluationRunner(Protocol):
    """Evaluates recordings."""

    async def run(self, job: EvaluationJob, on_step: Callable[[StepOutcome], None]) -> RecordingEvaluation:
        """Evaluates a recording and returns how all steps ended.

        `on_step` is called in the event loop when a step starts and when it ends. The `condition` of an outcome says
        which version of the recording it is about. If a worker process dies, a step can start again; it ends once.
        A recording that cannot be decoded fails the step `decode` and raises nothing. Cancelling the task ends the
        work.

        Raises Busy if too many jobs wait, Unavailable if the service is being stopped, and EvaluationFailed if the
        recording ended its worker process twice.
        """
        ...


class EvaluationFailed(Exception):
    """The evaluation cannot be completed, and another attempt would not help. The message is a sentence that says
    why."""
