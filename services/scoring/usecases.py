"""The use cases of the scoring service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Protocol

import structlog

from services.runtime import inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotFound
from services.runtime.outside_text import one_line
from services.scoring import facts
from services.scoring.domain import MAX_AUDIO_BYTES, AudioUnreadable, Evaluation, Job, Status
from services.scoring.metrics.signal import SignalMetrics, measure
from services.scoring.store import Store
from services.shared.audio.wav import WavError, read_wav

log = structlog.get_logger()

CONSUMER = "scoring"
MAX_DELETED_JOBS = 500


class RecordingStore(Protocol):
    """Where recordings are stored."""

    def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces. Raises NotFound if it does not exist, Unavailable if it can't be read now."""


class Scoring:
    """The use cases over one database and one audio store.

    Recordings are measured in `workers`, so that they don't block the event loop. Threads are enough, because numpy
    releases the global interpreter lock.
    """

    def __init__(self, database: Database, store: Store, audio: RecordingStore, workers: Executor) -> None:
        self._database = database
        self._store = store
        self._audio = audio
        self._workers = workers

    async def evaluate(self, job: Job, event_id: str) -> None:
        """Measures the audio of a job and publishes the result.

        If an earlier request for the job has ended the evaluation, its result is published again. Audio that does not
        exist or can't be read fails the evaluation for good. Any other error is raised, and the event is delivered
        again.
        """
        evaluation = await self._begin(job)
        if evaluation.status is not Status.running:
            await self._end(job, event_id)
            return
        try:
            await self._end(job, event_id, await self._measure(evaluation.audio_name))
        except AudioUnreadable as error:
            await self._end(job, event_id, one_line(str(error)))

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
                await self._store.delete(connection, job_ids)

    async def _begin(self, job: Job) -> Evaluation:
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
            await outbox.add(connection, facts.evaluation_ended(job, evaluation))

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
