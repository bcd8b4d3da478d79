"""The use cases of the scoring service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotFound
from services.runtime.outside_text import one_line
from services.scoring.domain import MAX_AUDIO_BYTES, AudioUnreadable, Job, JobEvaluation
from services.scoring.evaluations.job_results import job_ended
from services.scoring.evaluations.listened_jobs import ListenedJobs
from services.scoring.metrics.signal import SignalMetrics, measure
from services.scoring.store import Store
from services.shared.audio.wav import WavError, read_wav

log = structlog.get_logger()

CONSUMER = "scoring"
MAX_DELETED_JOBS = 500
FULL_SECONDS = 0.5
"""How long to wait before the next look if too many jobs wait for models."""


class RecordingStore(Protocol):
    """Where recordings are stored."""

    def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces. Raises NotFound if it does not exist, Unavailable if it can't be read now."""


class Scoring:
    """The use cases over one database and one audio store.

    Recordings are measured in `workers`, so that they don't block the event loop. Threads are enough, because numpy
    releases the global interpreter lock.
    """

    def __init__(
        self, database: Database, store: Store, listened: ListenedJobs, audio: RecordingStore, workers: Executor
    ) -> None:
        self._database = database
        self._store = store
        self._listened = listened
        self._audio = audio
        self._workers = workers

    async def evaluate(self, job: Job, event_id: str) -> None:
        """Measures the audio of a job and publishes the result. If models listen to it, they do that first.

        Models listen later, and `evaluations.running.Running` publishes the result then. While too many jobs wait for
        them, this waits, so that the bus gives this process no further jobs.

        If an earlier request for the job has ended the evaluation, its result is published again. Audio that does not
        exist or can't be read fails the evaluation for good. Any other error is raised, and the event is delivered
        again.
        """
        evaluation = await self._begin(job)
        if evaluation.ended:
            await self._end(job, event_id)
            return
        if evaluation.queued_at is not None:
            if not job.listen and job.attempt == evaluation.attempt:
                await self._stop_waiting(job, event_id)
            return
        try:
            measured = await self._measure(evaluation.audio_name)
        except AudioUnreadable as error:
            await self._end(job, event_id, one_line(str(error)))
            return
        if job.listen:
            await self._listen(job, event_id, measured)
        else:
            await self._end(job, event_id, measured)

    async def give_up(self, job: Job, event_id: str, reason: str) -> None:
        """Fails the evaluation of a job after the last attempt, unless it has ended, and publishes the result."""
        await self._begin(job)
        await self._end(
            job, event_id, f"The audio could not be measured, and there will be no further attempt: {one_line(reason)}"
        )

    async def delete(self, job_ids: Sequence[str], event_id: str) -> None:
        """Deletes evaluations, including running ones. Raises InvalidInput for more than MAX_DELETED_JOBS jobs."""
        if len(job_ids) > MAX_DELETED_JOBS:
            raise InvalidInput.of(
                FieldViolation("job_ids", f"must have at most {MAX_DELETED_JOBS} entries, got {len(job_ids)}")
            )
        async with self._database.transaction() as connection:
            if await inbox.first_time(connection, CONSUMER, event_id):
                await self._listened.interrupt(connection, await self._store.delete(connection, job_ids))

    async def _begin(self, job: Job) -> JobEvaluation:
        # A single statement needs no explicit transaction, which would cost two more round trips.
        async with self._database.reading() as connection:
            return await self._store.begin(connection, job)

    async def _end(self, job: Job, event_id: str, outcome: SignalMetrics | str | None = None) -> None:
        """Ends the evaluation unless it has ended, and publishes its result, all in one transaction."""
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            evaluation = await self._store.finish(connection, job.id, outcome, now()) if outcome is not None else None
            if evaluation is None:
                # It has ended before. Publish that result.
                evaluation = await self._store.get(connection, job.id)
            if evaluation is None:
                # It was deleted meanwhile, so nobody waits for the result.
                log.info("an evaluation was deleted before it ended", evaluation_id=job.id)
                return
            if evaluation.ended:
                await self._publish(connection, job, evaluation)

    async def _publish(self, connection: AsyncConnection, job: Job, evaluation: JobEvaluation) -> None:
        listened = evaluation.queued_at is not None
        outcomes = await self._listened.outcomes(connection, job.id) if listened else ()
        await outbox.add(connection, job_ended(job.requester, evaluation, outcomes))

    async def _listen(self, job: Job, event_id: str, measured: SignalMetrics) -> None:
        """Makes the job wait for models."""
        while True:
            async with self._database.transaction() as connection:
                if not await self._listened.is_full(connection):
                    if await inbox.first_time(connection, CONSUMER, event_id):
                        await self._listened.add(connection, job, measured, now())
                    return
            await asyncio.sleep(FULL_SECONDS)

    async def _stop_waiting(self, job: Job, event_id: str) -> None:
        """Completes a job that waits for models without them, and publishes its result."""
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            await self._listened.stop_waiting(connection, job.id, now())
            if (evaluation := await self._store.get(connection, job.id)) is not None and evaluation.ended:
                await self._publish(connection, job, evaluation)

    async def _measure(self, audio_name: str) -> SignalMetrics:
        content = bytearray()
        try:
            async for piece in self._audio.open(audio_name):
                content += piece
                if len(content) > MAX_AUDIO_BYTES:
                    raise AudioUnreadable(f"The audio is larger than {MAX_AUDIO_BYTES // 2**20} MiB.")
        except NotFound:
            raise AudioUnreadable("The audio is not in the audio store.") from None
        return await asyncio.get_running_loop().run_in_executor(self._workers, _read_and_measure, content)


def _read_and_measure(content: bytearray) -> SignalMetrics:
    try:
        recording = read_wav(content)
    except WavError as error:
        raise AudioUnreadable(f"The audio is not a WAV that can be measured: {error}.") from None
    if not len(recording.samples):
        raise AudioUnreadable("The audio has no samples.")
    return measure(recording)
