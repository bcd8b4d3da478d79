"""A runner of evaluations that does what a test says."""

import asyncio
from collections.abc import Callable

from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.workers.job import EvaluationJob


class ScriptedRunner:
    """Implements `services.scoring.workers.job.EvaluationRunner`.

    A job starts its steps in order and completes each, unless `ends` has another outcome. `hold` stops every job before
    the step that it names, until `resume`. `errors` are raised by the next jobs, one each, and `breaks` by jobs that
    have come to the step.
    """

    def __init__(self) -> None:
        self.jobs: list[EvaluationJob] = []
        self.ends: dict[tuple[str, str], StepOutcome] = {}
        """Outcomes by condition and step."""
        self.duration_seconds: float | None = 1.5
        self.copy: bytes | None = b"RIFF copy"
        """What is written where a job wants a copy of its recording."""
        self.errors: list[Exception] = []
        self.breaks: dict[str, Exception] = {}
        """By step."""
        self.hold = ""
        self.held: asyncio.Queue[str] = asyncio.Queue()
        """Ids of jobs that were stopped before a step."""
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        """Ids of jobs that have ended, also of those that were cancelled."""
        self.cancelled: list[str] = []
        """Ids of jobs that were cancelled."""
        self._resumed = asyncio.Event()

    def resume(self) -> None:
        """Lets all jobs go on."""
        self.hold = ""
        self._resumed.set()

    async def run(self, job: EvaluationJob, on_step: Callable[[StepOutcome], None]) -> RecordingEvaluation:
        """Evaluates as the test says."""
        self.jobs.append(job)
        if job.copy_path is not None and self.copy is not None:
            job.copy_path.write_bytes(self.copy)
        if self.errors:
            raise self.errors.pop(0)
        try:
            versions = [await self._version(job, condition, on_step) for condition in ("", *job.conditions)]
        except asyncio.CancelledError:
            self.cancelled.append(job.id)
            raise
        finally:
            self.ended.put_nowait(job.id)
        further = dict(zip(job.conditions, versions[1:], strict=True))
        return RecordingEvaluation(self.duration_seconds, versions[0].outcomes, further)

    async def _version(
        self, job: EvaluationJob, condition: str, on_step: Callable[[StepOutcome], None]
    ) -> RecordingEvaluation:
        outcomes = {}
        for step in job.steps:
            on_step(StepOutcome(step, StepStatus.started, condition=condition))
            if step == self.hold:
                self._resumed.clear()
                self.held.put_nowait(job.id)
                await self._resumed.wait()
            if step in self.breaks:
                raise self.breaks[step]
            completed = StepOutcome(step, StepStatus.completed, 0.25, backend=f"{step}/1", condition=condition)
            outcomes[step] = self.ends.get((condition, step), completed)
            on_step(outcomes[step])
        return RecordingEvaluation(self.duration_seconds, outcomes)
