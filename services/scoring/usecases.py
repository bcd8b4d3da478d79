"""What the scoring service does: one method per verb."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Protocol

import structlog

from services.runtime import inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotFound
from services.runtime.identity import owned
from services.runtime.outside_text import one_line
from services.scoring import facts
from services.scoring.domain import MAX_AUDIO_BYTES, AudioUnreadable, Evaluation, Job, Status
from services.scoring.metrics.signal import SignalMetrics, measure
from services.scoring.store import Store
from services.shared.audio.wav import WavError, read_wav

log = structlog.get_logger()

CONSUMER = "scoring"
MAX_DELETED_JOBS = 500
_JOB_ID = re.compile(r"[a-z]{2,8}_[0-9a-f]{32}")


class Audio(Protocol):
    """Where recordings lie."""

    def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces. NotFound if there is none, Unavailable if that can't be told now."""


class Scoring:
    """The use cases over one database and one audio store.

    Measuring happens in `workers`, so that the event loop goes on. Threads will do, since numpy releases the
    interpreter's lock.
    """

    def __init__(self, database: Database, store: Store, audio: Audio, workers: Executor) -> None:
        self._database = database
        self._store = store
        self._audio = audio
        self._workers = workers

    async def evaluate(self, job: Job, event_id: str) -> None:
        """Measures the job's audio and answers, or answers with what an earlier request for the same job found.

        Audio that is not there or can't be read fails the evaluation for good. Anything else that goes wrong is raised,
        for the event to come again.
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
        """Fails the evaluation of a job that was tried too often, unless it has ended meanwhile, and answers."""
        await self._begin(job)
        await self._end(
            job, event_id, f"The audio could not be measured, and no further try is made: {one_line(reason)}"
        )

    async def delete(self, job_ids: Sequence[str], event_id: str) -> None:
        """Deletes the evaluations of jobs, those too that are under way; InvalidInput if they are too many."""
        if len(job_ids) > MAX_DELETED_JOBS:
            raise InvalidInput.of(FieldViolation("job_ids", f"must be at most {MAX_DELETED_JOBS}, got {len(job_ids)}"))
        async with self._database.transaction() as connection:
            if await inbox.first_time(connection, CONSUMER, event_id):
                await self._store.delete(connection, job_ids)

    async def get_evaluation(self, evaluation_id: str) -> Evaluation:
        """Returns an evaluation of the caller; NotFound if there is none or it is somebody else's."""
        if not _JOB_ID.fullmatch(evaluation_id):
            description = "must be the id of a trial or other job: its kind, _ and 32 hexadecimal digits"
            raise InvalidInput.of(FieldViolation("id", description))
        async with self._database.reading() as connection:
            return owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)

    async def _begin(self, job: Job) -> Evaluation:
        # One statement needs no transaction around it, which would be two more round trips.
        async with self._database.reading() as connection:
            return await self._store.begin(connection, job)

    async def _end(self, job: Job, event_id: str, outcome: SignalMetrics | str | None = None) -> None:
        """Ends the evaluation, unless it has ended, and answers with how it ended, all in one transaction."""
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            evaluation = await self._store.finish(connection, job.id, outcome, now()) if outcome is not None else None
            if evaluation is None:
                # It had ended before, and however it did is the answer.
                evaluation = await self._store.get(connection, job.id)
            if evaluation is None:
                # It was deleted meanwhile, and who does that awaits no answer.
                log.info("an evaluation was deleted before it ended", evaluation_id=job.id)
                return
            await outbox.add(connection, facts.evaluation_ended(job, evaluation))

    async def _measure(self, audio_name: str) -> SignalMetrics:
        content = bytearray()
        try:
            async for piece in self._audio.open(audio_name):
                content += piece
                if len(content) > MAX_AUDIO_BYTES:
                    raise AudioUnreadable(f"The audio is larger than {MAX_AUDIO_BYTES // 2**20} MB.")
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
