"""Processes the results of tts and scoring. Each clip takes its next step at once.

Changes of an unfinished clip need the row lock of its run, so the steps of one run follow one another. A result counts
only if it belongs to the latest request for the current step of the clip. Late results of earlier attempts have no
effect. If a result arrives for a clip that does not exist, the clip was deleted, and its audio and evaluation are
deleted too.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import outbox, telemetry
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.outside_text import one_line
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.domain import EVALUATION_FAILED, Clip, ClipStatus, EndedClip, Failure, HeardSpeech
from services.shared.clips.store import ClipStore, LockedRun, StepResult
from services.shared.clips.table import ClipUser, OnEnd
from services.shared.metrics import Measurements

log = structlog.get_logger()

# With a timeout of 20 s that doubles with each attempt, the clip fails about 85 minutes after the first request.
MAX_ATTEMPTS = 8
RECONCILE_BATCH = 200
# The limit of a delay that tts announces. It is longer than any that tts waits for.
MAX_DELAY = timedelta(minutes=10)


class Progress:
    """The use cases over one database."""

    def __init__(
        self, database: Database, store: ClipStore, dispatcher: Dispatcher, user: ClipUser, on_end: OnEnd
    ) -> None:
        self._database = database
        self._store = store
        self._dispatcher = dispatcher
        self._user = user
        self._on_end = on_end
        self._requests = user.requests

    async def synthesized(
        self,
        event_id: str,
        clip_id: str,
        attempt: int,
        audio_name: str,
        measured: Measurements,
        provider_requests: int = 0,
        share: int = 0,
    ) -> None:
        """Records the audio of a clip, requests its evaluation, and gives its slot at the provider to the next clip.

        `share` is the number of slots that tts assigns to this service at the provider, 0 if unknown.
        """
        async with self._database.transaction() as connection:
            run = await self._lock_run_for(connection, event_id, clip_id, ClipStatus.SYNTHESIZING)
            if run is None:
                return
            with self._telemetry_of(run):
                moved = await self._store.synthesized(
                    connection,
                    clip_id,
                    attempt,
                    measured,
                    audio_name=audio_name,
                    provider_requests=provider_requests,
                    at=now(),
                )
                if moved is None:
                    return _ignored(clip_id, attempt)
                request = self._requests.evaluation(
                    clip_id,
                    1,
                    run_id=run.run_id,
                    developer_id=run.developer_id,
                    audio_name=audio_name,
                    spoken=await self._store.spoken_text(connection, clip_id) if run.listen else None,
                )
                others = await self._dispatcher.next_requests(connection, moved.provider, share)
                await outbox.add_each(connection, [(request, ""), *others])
        self._user.operational_metrics.moved.labels(ClipStatus.SCORING).inc()

    async def delayed(self, event_id: str, clip_id: str, attempt: int, until: datetime) -> None:
        """Records that tts waits for the provider until this time. The timeout of the request starts only then."""
        async with self._database.transaction() as connection:
            run = await self._lock_run_for(connection, event_id, clip_id, ClipStatus.SYNTHESIZING)
            if run is not None:
                await self._store.delayed(connection, clip_id, attempt, min(until, now() + MAX_DELAY))

    async def evaluated(
        self, event_id: str, clip_id: str, attempt: int, measured: Measurements, heard: HeardSpeech | None = None
    ) -> None:
        """Records the evaluation of a clip, which completes it. `heard` is None if nothing listened to it."""
        async with self._database.transaction() as connection:
            run = await self._lock_run_for(connection, event_id, clip_id, ClipStatus.SCORING)
            if run is None:
                return
            with self._telemetry_of(run):
                moved = await self._store.evaluated(connection, clip_id, attempt, measured, heard, at=now())
                if moved is None:
                    return _ignored(clip_id, attempt)
                await self._ended(connection, EndedClip(clip_id, run.run_id, ClipStatus.COMPLETED, moved.last))

    async def failed(
        self,
        event_id: str,
        clip_id: str,
        attempt: int | None,
        during: ClipStatus,
        message: str,
        *,
        kind: str,
        provider_requests: int | None = None,
        share: int = 0,
    ) -> None:
        """Fails a clip because the step `during` has failed for good. The run goes on.

        If `attempt` is None, the failure counts whatever request the clip waits for.
        """
        async with self._database.transaction() as connection:
            run = await self._lock_run_for(connection, event_id, clip_id, during)
            if run is None:
                return
            with self._telemetry_of(run):
                failure = Failure(during, kind, one_line(message), provider_requests)
                if not await self._fail(connection, run, clip_id, attempt, failure, share):
                    _ignored(clip_id, attempt)

    async def _lock_run_for(
        self, connection: AsyncConnection, event_id: str, clip_id: str, during: ClipStatus
    ) -> LockedRun | None:
        """Locks and returns the run of a clip. Returns None if the result must have no effect."""
        run, first_time = await self._store.lock_run_for_event(
            connection, clip_id, consumer=self._requests.requester, event_id=event_id
        )
        if run is None:
            # Even if the event was processed before: the work may have been done again after the deletion.
            log.info("deleting the data of a deleted job", job_id=clip_id, step=during)
            only_speech = during is ClipStatus.SYNTHESIZING
            deletions = self._requests.speech_deletions if only_speech else self._requests.deletions
            await outbox.add(connection, *deletions([clip_id]))
            return None
        return run if first_time and run.running else None

    async def _fail(
        self,
        connection: AsyncConnection,
        run: LockedRun,
        clip_id: str,
        attempt: int | None,
        failure: Failure,
        share: int = 0,
    ) -> StepResult | None:
        moved = await self._store.failed(connection, clip_id, attempt, failure, at=now())
        if moved is None:
            return None
        await self._ended(connection, EndedClip(clip_id, run.run_id, ClipStatus.FAILED, moved.last))
        if failure.during is ClipStatus.SYNTHESIZING:
            # Last, because other releases at the provider wait from here on until the transaction ends.
            others = await self._dispatcher.next_requests(connection, moved.provider, share)
            await outbox.add_each(connection, others)
        return moved

    async def _ended(self, connection: AsyncConnection, ended: EndedClip) -> None:
        self._user.operational_metrics.moved.labels(ended.status).inc()
        await self._on_end(connection, ended)

    async def reconcile(self, timeout: timedelta) -> int:
        """Repeats requests without a result for too long. Returns the number of clips concerned.

        So no clip is lost even if the bus loses every event, because PostgreSQL knows what was requested. A clip fails
        after MAX_ATTEMPTS requests. `timeout` is the timeout of the first request, and doubles with each attempt.
        """
        async with self._database.reading() as connection:
            stale = await self._store.stale(connection, now(), timeout, RECONCILE_BATCH)
        for clip in stale:
            await self._ask_again(clip)
        return len(stale)

    async def _ask_again(self, stale: Clip) -> None:
        # The steps below do nothing if the clip has moved meanwhile, or if another process has repeated the request.
        requests = stale.attempts - stale.attempts_before
        async with self._database.transaction() as connection:
            run = await self._store.lock_run(connection, stale.id)
            if run is None or not run.running:
                return
            with self._telemetry_of(run):
                if requests >= MAX_ATTEMPTS:
                    of_speech = stale.status is ClipStatus.SYNTHESIZING
                    step, kind = ("speech", "timed_out") if of_speech else ("measurements", EVALUATION_FAILED)
                    failure = Failure(stale.status, kind, f"no {step} came back after {requests} requests")
                    await self._fail(connection, run, stale.id, stale.attempts, failure)
                else:
                    await self._request_again(connection, stale)

    async def _request_again(self, connection: AsyncConnection, stale: Clip) -> None:
        moved = await self._store.requested_again(connection, stale, now())
        if moved is not None:
            again = dataclasses.replace(stale, attempts=stale.attempts + 1)
            log.warning("asking again", job_id=again.id, step=again.status, attempt=again.attempts)
            last = again.attempts - again.attempts_before == MAX_ATTEMPTS
            await outbox.add(connection, self._requests.current_step(again, last=last))

    @contextmanager
    def _telemetry_of(self, run: LockedRun) -> Iterator[None]:
        """Adds the run to log lines in this block, and continues the trace in which the run was started."""
        run_id = {self._user.run: run.run_id}
        with telemetry.working_on(**run_id), telemetry.continuing(run.traceparent):
            yield


def _ignored(clip_id: str, attempt: int | None) -> None:
    log.info("a late result is ignored", job_id=clip_id, attempt=attempt)
