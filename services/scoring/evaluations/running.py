"""Runs evaluations that wait: of recordings, and of jobs to which models listen.

PostgreSQL is the queue. A process claims an evaluation for a short time and renews its claim while it works, so an
evaluation whose process has ended is run again by another one. Each claim is a new run with a number of its own, and
only the latest run can store anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import outbox, telemetry
from services.runtime.background import end_tasks
from services.runtime.changes import Changes
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database, notify
from services.runtime.errors import Busy, NotFound, Unavailable
from services.runtime.outside_text import one_line
from services.runtime.periodic import periodic
from services.scoring.evaluations.domain import MAX_TRIES, Evaluation
from services.scoring.evaluations.job_results import job_ended, recording_evaluation_ended
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.steps import close_steps, storable
from services.scoring.evaluations.store import Run, Store
from services.scoring.evaluations.usecases import CHANGED, WAITING
from services.scoring.pipeline.mono_copy import MAX_SECONDS
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationFailed, EvaluationJob, EvaluationRunner

log = structlog.get_logger()

CLAIM_SECONDS = 20.0
"""An evaluation whose process has ended waits at most this long for another one."""
RENEW_SECONDS = 5.0
LOOK_SECONDS = 2.0
"""How often to look for evaluations whose notification was lost, and whose claim ran out."""
BUSY_SECONDS = 0.5
"""How long to wait before the next try if the runner takes no more."""
RETRY_SECONDS = 0.5

GIVEN_UP = f"The evaluation was interrupted {MAX_TRIES} times, and there will be no further attempt."
NOT_RUN = "It was not run."
TOO_LONG = f"A recording of a scenario can be {MAX_SECONDS:.0f} s long at most."
NOT_STORED = "The recording is not in the audio store any more."


class Superseded(Exception):
    """The run may store nothing any more: its evaluation was cancelled or deleted, or another process runs it."""


class Running:
    """Runs evaluations. Any number of processes can do this.

    It claims at most `max_running` evaluations of recordings at a time, and one fewer of jobs, but at least one. The
    runner decides which of them is next: somebody waits for a recording, and nobody for a single job.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        recordings: Recordings,
        changes: Changes,
        runner: EvaluationRunner,
        max_running: int,
    ) -> None:
        self._database = database
        self._store = store
        self._recordings = recordings
        self._changes = changes
        self._runner = runner
        self._max_running = {False: max_running, True: max(1, max_running - 1)}
        """By whether it is the evaluation of a job."""
        self._tasks: dict[asyncio.Task[None], bool] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Runs evaluations until cancelled. What is unfinished then is handed back and waits again."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._database.listen(WAITING, lambda _: self._wake.set()))
                tasks.create_task(periodic(self._claim, LOOK_SECONDS, batch=1, wake=self._wake), name="evaluations")
        finally:
            await end_tasks(self._tasks)

    async def _claim(self) -> int:
        """Begins one evaluation of each kind if there is a free place. Returns how many it began."""
        return await self._claim_one(jobs=False) + await self._claim_one(jobs=True)

    async def _claim_one(self, *, jobs: bool) -> int:
        if list(self._tasks.values()).count(jobs) >= self._max_running[jobs]:
            return 0
        async with self._database.transaction() as connection:
            moment = now()
            until = moment + timedelta(seconds=CLAIM_SECONDS)
            claimed = await self._store.claim(connection, moment, until, jobs=jobs)
            if claimed is None:
                return 0
            await notify(connection, CHANGED, claimed.id)
        task = asyncio.create_task(self._keep(claimed), name=f"evaluation {claimed.id}")
        self._tasks[task] = jobs
        task.add_done_callback(self._ended)
        return 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its claim runs out, and it is run again.
            log.error("an evaluation broke off", work=task.get_name(), exc_info=error)

    async def _keep(self, evaluation: Evaluation) -> None:
        """Runs one evaluation to its end, or hands it back."""
        run = Run(evaluation.id, evaluation.run)
        with telemetry.continuing(evaluation.traceparent), telemetry.working_on(evaluation_id=evaluation.id):
            try:
                if evaluation.tries > MAX_TRIES:
                    await self._end(evaluation, GIVEN_UP)
                else:
                    await self._evaluate(evaluation, run)
            except Superseded:
                log.info("an evaluation was cancelled or superseded")
            except Busy:
                await asyncio.sleep(BUSY_SECONDS)
                await self._hand_back(run)
            except (Unavailable, *DISCONNECTED) as error:
                log.warning("an evaluation waits for what it needs", error=str(error).strip())
                await asyncio.sleep(BUSY_SECONDS)
                with suppress(*DISCONNECTED):
                    await self._hand_back(run)
            except asyncio.CancelledError:
                # The process stops. Another one can run it at once.
                with suppress(*DISCONNECTED):
                    await self._hand_back(run)
                raise

    async def _evaluate(self, evaluation: Evaluation, run: Run) -> None:
        heard: asyncio.Queue[StepOutcome] = asyncio.Queue()
        try:
            with TemporaryDirectory(prefix="voice-arena-") as folder:
                copy_path = Path(folder, "copy.wav") if evaluation.copy_name else None
                found = await self._work(evaluation, run, heard, copy_path)
                if copy_path is not None and copy_path.exists():
                    await self._recordings.keep_copy(evaluation.copy_name, copy_path)
        except EvaluationFailed as error:
            await self._end(evaluation, one_line(str(error)), outcomes=_all(heard))
            return
        except NotFound:
            await self._end(evaluation, NOT_STORED)
            return
        decoded = found.outcomes["decode"]
        message = decoded.reason if found.duration_seconds is None else ""
        if evaluation.scenario_id and (found.duration_seconds or 0.0) > MAX_SECONDS:
            message = TOO_LONG
        versions = (found, *found.conditions.values())
        outcomes = [storable(outcome) for version in versions for outcome in version.outcomes.values()]
        await self._end(evaluation, message, found.duration_seconds, outcomes)

    async def _work(
        self, evaluation: Evaluation, run: Run, heard: asyncio.Queue[StepOutcome], copy_path: Path | None
    ) -> RecordingEvaluation:
        """Runs the steps, which report to `heard`. Raises Superseded once the run may store nothing.

        How the steps of a recording stand is stored meanwhile. Nobody watches those of a job, so they wait in `heard`.
        """
        async with self._recordings.file(evaluation.audio_name) as path:
            if not await asyncio.to_thread(path.exists):
                raise NotFound.of("audio", evaluation.audio_name)
            job = EvaluationJob(
                id=evaluation.id,
                developer_id=evaluation.developer_id,
                audio_path=path,
                options=Options(
                    evaluation.reference_text,
                    evaluation.language,
                    evaluation.num_speakers,
                    evaluation.channels,
                    evaluation.names,
                ),
                steps=evaluation.steps,
                conditions=evaluation.conditions,
                interactive=not evaluation.of_job,
                copy_path=copy_path,
            )
            working = asyncio.create_task(self._runner.run(job, heard.put_nowait))
            keeping = [asyncio.create_task(self._watch(run))]
            if not evaluation.of_job:
                keeping.append(asyncio.create_task(self._record(run, heard)))
            tasks = (working, *keeping)
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    # They end only by an error.
                    for task in keeping:
                        if task.done():
                            task.result()
                return await working
            finally:
                await end_tasks(tasks)

    async def _record(self, run: Run, heard: asyncio.Queue[StepOutcome]) -> None:
        """Stores how steps stand, those together that come together."""
        while True:
            await self._store_outcomes(run, [storable(await heard.get()), *_all(heard)])

    async def _store_outcomes(self, run: Run, outcomes: Sequence[StepOutcome]) -> None:
        while True:
            try:
                async with self._database.transaction() as connection:
                    if not await self._store.renew(connection, run, now() + timedelta(seconds=CLAIM_SECONDS)):
                        raise Superseded
                    await self._store.record(connection, run, outcomes)
                    await notify(connection, CHANGED, run.evaluation_id)
                return
            except DISCONNECTED as error:
                log.warning("the outcome of a step can't be stored now", error=str(error).strip())
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self, run: Run) -> None:
        """Renews the claim, and notices at once when the evaluation is cancelled or deleted. Raises Superseded then."""
        with self._changes.watching(run.evaluation_id) as changed:
            renewed_at = asyncio.get_running_loop().time()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(renewed_at + RENEW_SECONDS):
                        await changed.wait()
                changed.clear()
                try:
                    if asyncio.get_running_loop().time() < renewed_at + RENEW_SECONDS:
                        await self._check(run)
                        continue
                    await self._store_outcomes(run, [])
                    renewed_at = asyncio.get_running_loop().time()
                except DISCONNECTED:
                    await asyncio.sleep(RETRY_SECONDS)

    async def _check(self, run: Run) -> None:
        async with self._database.reading() as connection:
            found = await self._store.get(connection, run.evaluation_id)
        if found is None or found.ended or found.run != run.number:
            raise Superseded

    async def _end(
        self,
        evaluation: Evaluation,
        error_message: str,
        duration_seconds: float | None = None,
        outcomes: Sequence[StepOutcome] = (),
    ) -> None:
        """Ends the run with the outcomes of all steps, all in one transaction.

        The evaluation of a job is completed in any case, because its samples are measured. Its steps have the message.
        """
        run = Run(evaluation.id, evaluation.run)
        message = "" if evaluation.of_job else error_message
        while True:
            try:
                async with self._database.transaction() as connection:
                    if not await self._store.renew(connection, run, now() + timedelta(seconds=CLAIM_SECONDS)):
                        raise Superseded
                    await self._store.record(connection, run, outcomes)
                    await close_steps(connection, self._store, run, error_message or NOT_RUN)
                    ended = await self._store.end(connection, run, message, duration_seconds, now())
                    if ended is not None:
                        await outbox.add(connection, await self._fact(connection, ended))
                    await notify(connection, CHANGED, run.evaluation_id)
                return
            except DISCONNECTED as error:
                log.warning("the end of an evaluation can't be stored now", error=str(error).strip())
                await asyncio.sleep(RETRY_SECONDS)

    async def _fact(self, connection: AsyncConnection, ended: Evaluation) -> Message:
        outcomes = await self._store.outcomes(connection, ended.id) if ended.of_job or ended.copy_name else ()
        if not ended.of_job:
            return recording_evaluation_ended(ended, outcomes)
        return job_ended(ended.requester, ended, outcomes)

    async def _hand_back(self, run: Run) -> None:
        async with self._database.transaction() as connection:
            await self._store.hand_back(connection, run)
            await notify(connection, CHANGED, run.evaluation_id)
            await notify(connection, WAITING, run.evaluation_id)


def _all(heard: asyncio.Queue[StepOutcome]) -> list[StepOutcome]:
    """Takes all outcomes out of a queue."""
    return [storable(heard.get_nowait()) for _ in range(heard.qsize())]
