"""Evaluates recordings in worker processes, which start when needed and end when idle."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import structlog

from services.runtime.errors import Unavailable
from services.scoring.backends.backend import BackendSettings
from services.scoring.pipeline.evaluating import DECODE, chosen_steps
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.workers.fair_queue import FairQueue, Waiting
from services.scoring.workers.job import EvaluationFailed, EvaluationJob
from services.scoring.workers.processes import MODEL_OWNER, WORKER, ModelOwner, Worker, WorkerDied

log = structlog.get_logger()

MAX_WAITING = 1000
"""Interactive jobs that wait, and bulk jobs that wait."""
MAX_JOB_SECONDS = 6 * 60 * 60.0
"""Recordings have up to two hours, and a slow machine hears them at half the speed of speech."""
STOPPING = "scoring is being stopped"
DECODED = ("", DECODE)
MAX_STARTS = 3
"""How often a worker may end before it begins with a job."""


class WorkerPool:
    """Runs up to `max_workers` jobs at a time, each in a process of its own, and one process with all models.

    If there is more than one worker, the last one is for interactive jobs only. Processes that have nothing to do end
    after `idle_seconds`.
    """

    def __init__(
        self,
        max_workers: int,
        idle_seconds: float,
        settings: BackendSettings | None = None,
        *,
        max_waiting: int = MAX_WAITING,
        worker_command: Sequence[str] = WORKER,
        owner_command: Sequence[str] = MODEL_OWNER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_workers = max_workers
        self._max_bulk = max(1, max_workers - 1)
        self._idle_seconds = idle_seconds
        self._settings = settings or BackendSettings()
        self._worker_command = worker_command
        self._clock = clock
        self.folder = Path(mkdtemp(prefix="voice-arena-scoring-"))
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(max_waiting)
        self._running: Counter[str] = Counter()
        self._running_bulk = 0
        self._workers: set[Worker] = set()
        self._idle: dict[Worker, asyncio.TimerHandle] = {}
        self._models = ModelOwner(self.folder / "models", self._settings, owner_command)
        self._models_idle: asyncio.TimerHandle | None = None
        self._closed = False
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, job: EvaluationJob, on_step: Callable[[StepOutcome], None]) -> RecordingEvaluation:
        """Evaluates a recording, see EvaluationRunner."""
        async with self._turn(job):
            ended: dict[tuple[str, str], StepOutcome] = {}
            running: set[tuple[str, str]] = set()

            def note(outcome: StepOutcome) -> None:
                key = (outcome.condition, outcome.step)
                if outcome.status is StepStatus.started:
                    if key in running:
                        return
                    running.add(key)
                else:
                    running.discard(key)
                    ended[key] = outcome
                on_step(outcome)

            try:
                async with asyncio.timeout(MAX_JOB_SECONDS):
                    duration = await self._evaluate(job, ended, running, note)
            except TimeoutError:
                raise EvaluationFailed(f"It took longer than {MAX_JOB_SECONDS / 3600:.0f} hours.") from None
            return _whole(job, duration, ended)

    async def close(self) -> None:
        """Ends all processes. Jobs that run or wait raise Unavailable."""
        self._closed = True
        while waiting := self._queue.take(self._clock()):
            if not waiting.item.cancelled():
                waiting.item.set_exception(Unavailable(STOPPING))
        if self._models_idle:
            self._models_idle.cancel()
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        for worker in list(self._workers):
            self._end(worker)
        await asyncio.gather(*self._ending, self._models.stop())
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def ping(self) -> None:
        """Does nothing: processes start when needed."""

    async def _evaluate(
        self,
        job: EvaluationJob,
        ended: dict[tuple[str, str], StepOutcome],
        running: set[tuple[str, str]],
        note: Callable[[StepOutcome], None],
    ) -> float | None:
        """Evaluates in a worker, and once more in a new one if the worker dies."""
        deaths = starts = 0
        while True:
            if DECODED not in ended:
                # It begins by starting a process, which takes a second or two if no worker is idle.
                note(StepOutcome(DECODE, StepStatus.started))
            worker = await self._worker(new=deaths > 0)
            try:
                duration = await worker.evaluate(job, ended.values(), note, alone=deaths > 0)
            except WorkerDied as death:
                if self._closed:
                    raise Unavailable(STOPPING) from None
                log.warning("a worker died", evaluation_id=job.id, cause=str(death), steps=_names(running))
                deaths += death.began
                starts += not death.began
                if deaths == 2:
                    during = f" during {_names(running)}" if running else ""
                    raise EvaluationFailed(
                        f"The process that evaluated the recording ended twice{during} ({death})."
                    ) from None
                if starts == MAX_STARTS:
                    raise EvaluationFailed("The process that evaluates recordings does not start.") from None
                if death.began:
                    running.clear()
            except EvaluationFailed:
                self._rest(worker)
                raise
            except BaseException:
                # The job was cancelled, so the process is in the middle of its work.
                self._end(worker)
                raise
            else:
                self._rest(worker)
                return duration

    @asynccontextmanager
    async def _turn(self, job: EvaluationJob) -> AsyncIterator[None]:
        """Waits until it is the turn of a job. Raises Busy if too many jobs wait."""
        if self._closed:
            raise Unavailable(STOPPING)
        begins: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._queue.put(begins, job.developer_id, interactive=job.interactive, now=self._clock())
        self._begin_next()
        try:
            await begins
        except asyncio.CancelledError:
            if self._closed:
                raise
            if begins.cancelled():
                self._queue.remove(waiting)
            else:
                self._finished(waiting)
            raise
        try:
            yield
        finally:
            self._finished(waiting)

    def _begin_next(self) -> None:
        while self._running.total() < self._max_workers:
            with_bulk = self._running_bulk < self._max_bulk
            waiting = self._queue.take(self._clock(), self._running, with_bulk=with_bulk)
            if waiting is None:
                return
            if waiting.item.cancelled():
                # Its task was cancelled in the same moment, and has not noticed yet.
                continue
            self._running[waiting.developer_id] += 1
            self._running_bulk += not waiting.interactive
            waiting.item.set_result(None)

    def _finished(self, waiting: Waiting[asyncio.Future[None]]) -> None:
        self._running[waiting.developer_id] -= 1
        if not self._running[waiting.developer_id]:
            del self._running[waiting.developer_id]
        self._running_bulk -= not waiting.interactive
        self._begin_next()
        if not self._running and not self._closed:
            loop = asyncio.get_running_loop()
            self._models_idle = loop.call_later(self._idle_seconds, self._stop_models)

    async def _worker(self, *, new: bool) -> Worker:
        if self._models_idle:
            self._models_idle.cancel()
            self._models_idle = None
        self._models.start()
        while self._idle and not new:
            worker, timer = self._idle.popitem()
            timer.cancel()
            if not worker.has_ended:
                return worker
            self._end(worker)
        worker = await Worker.start(self.folder, self._models.address, self._settings, self._worker_command)
        self._workers.add(worker)
        if self._closed:
            self._end(worker)
            raise Unavailable(STOPPING)
        return worker

    def _rest(self, worker: Worker) -> None:
        if self._closed:
            return
        self._idle[worker] = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, worker)

    def _retire(self, worker: Worker) -> None:
        self._idle.pop(worker).cancel()
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._later(worker.end())

    def _stop_models(self) -> None:
        self._models_idle = None
        self._later(self._models.stop())

    def _later(self, ending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(ending)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _whole(
    job: EvaluationJob, duration: float | None, ended: Mapping[tuple[str, str], StepOutcome]
) -> RecordingEvaluation:
    def outcomes(condition: str) -> dict[str, StepOutcome]:
        return {
            step.name: ended[condition, step.name]
            for step in chosen_steps(job.steps)
            if (condition, step.name) in ended
        }

    conditions = job.conditions if duration is not None else ()
    return RecordingEvaluation(
        duration, outcomes(""), {one: RecordingEvaluation(duration, outcomes(one)) for one in conditions}
    )


def _names(running: Collection[tuple[str, str]]) -> str:
    return " and ".join(sorted({step for _, step in running}))
