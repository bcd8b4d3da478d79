"""What happens as work comes back: each clip takes its next step at once, and its user hears of its end.

Whoever changes a clip in flight holds the row lock of its run, so steps of one run follow one another. An answer counts
only if it is to the latest request of the clip's current step: what a superseded attempt did late has no effect. An
answer about a clip that is not there any more is about one that was deleted, and so is what it left behind.
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
from services.shared.clips.domain import EVALUATION_FAILED, Clip, ClipStatus, Ended, Failure
from services.shared.clips.store import ClipStore, Held, Moved
from services.shared.clips.table import OnEnd, User
from services.shared.metrics import Measurements

log = structlog.get_logger()

# With a patience of 20 s that doubles, the last request is given up about 85 minutes after the first.
MAX_ATTEMPTS = 8
RECONCILE_BATCH = 200
# A delay that tts tells of; longer than any that it waits for.
MAX_DELAY = timedelta(minutes=10)


class Progress:
    """The use cases over one database."""

    def __init__(self, database: Database, store: ClipStore, dispatcher: Dispatcher, user: User, on_end: OnEnd) -> None:
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
        """The audio of a clip is there: have it evaluated, and let another clip have its place at the provider.

        `share` is how many jobs the user may have there now, 0 if tts does not say.
        """
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, clip_id, ClipStatus.SYNTHESIZING)
            if held is None:
                return
            with self._work_for(held):
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
                    clip_id, 1, run_id=held.run_id, developer_id=held.developer_id, audio_name=audio_name
                )
                others = await self._dispatcher.next_requests(connection, moved.provider, share)
                await outbox.add_each(connection, [(request, ""), *others])
        self._user.figures.moved.labels(ClipStatus.SCORING).inc()

    async def delayed(self, event_id: str, clip_id: str, attempt: int, until: datetime) -> None:
        """The provider of a clip asked for patience, and gets it: nothing is asked again before its time is over."""
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, clip_id, ClipStatus.SYNTHESIZING)
            if held is not None:
                await self._store.delayed(connection, clip_id, attempt, min(until, now() + MAX_DELAY))

    async def evaluated(self, event_id: str, clip_id: str, attempt: int, measured: Measurements) -> None:
        """A clip has been evaluated: it is complete."""
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, clip_id, ClipStatus.SCORING)
            if held is None:
                return
            with self._work_for(held):
                moved = await self._store.evaluated(connection, clip_id, attempt, measured, at=now())
                if moved is None:
                    return _ignored(clip_id, attempt)
                await self._ended(connection, Ended(clip_id, held.run_id, ClipStatus.COMPLETED, moved.last))

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
        """A step of a clip has failed for good, and the clip with it; its run goes on.

        Without `attempt` it counts whichever request the clip waits for.
        """
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, clip_id, during)
            if held is None:
                return
            with self._work_for(held):
                failure = Failure(during, kind, one_line(message), provider_requests)
                if not await self._fail(connection, held, clip_id, attempt, failure, share):
                    _ignored(clip_id, attempt)

    async def _held(self, connection: AsyncConnection, event_id: str, clip_id: str, during: ClipStatus) -> Held | None:
        """Returns the clip's run, locked, if the answer is to have an effect on it."""
        held, first_time = await self._store.hold_for(
            connection, clip_id, consumer=self._requests.requester, event_id=event_id
        )
        if held is None:
            # Also when the event was seen before: then the work was done a second time, after the deletion.
            log.info("what belongs to a deleted job is deleted", job_id=clip_id, step=during)
            only_speech = during is ClipStatus.SYNTHESIZING
            deletions = self._requests.speech_deletions if only_speech else self._requests.deletions
            await outbox.add(connection, *deletions([clip_id]))
            return None
        return held if first_time and held.running else None

    async def _fail(
        self,
        connection: AsyncConnection,
        held: Held,
        clip_id: str,
        attempt: int | None,
        failure: Failure,
        share: int = 0,
    ) -> Moved | None:
        moved = await self._store.failed(connection, clip_id, attempt, failure, at=now())
        if moved is None:
            return None
        await self._ended(connection, Ended(clip_id, held.run_id, ClipStatus.FAILED, moved.last))
        if failure.during is ClipStatus.SYNTHESIZING:
            # After the user's own work, so that nobody waits for it at the provider.
            others = await self._dispatcher.next_requests(connection, moved.provider, share)
            await outbox.add_each(connection, others)
        return moved

    async def _ended(self, connection: AsyncConnection, ended: Ended) -> None:
        self._user.figures.moved.labels(ended.status).inc()
        await self._on_end(connection, ended)

    async def reconcile(self, patience: timedelta) -> int:
        """Asks again for what has stayed unanswered too long, and returns for how many clips.

        Nothing is lost with this, even if the bus forgets everything: PostgreSQL knows what was asked for.
        """
        async with self._database.reading() as connection:
            stale = await self._store.stale(connection, now(), patience, RECONCILE_BATCH)
        for clip in stale:
            await self._ask_again(clip)
        return len(stale)

    async def _ask_again(self, stale: Clip) -> None:
        # Something may have happened to it meanwhile, or another process have asked: then it is not moved.
        asked = stale.attempts - stale.attempts_before
        async with self._database.transaction() as connection:
            held = await self._store.hold(connection, stale.id)
            if held is None or not held.running:
                return
            with self._work_for(held):
                if asked >= MAX_ATTEMPTS:
                    of_speech = stale.status is ClipStatus.SYNTHESIZING
                    step, kind = ("speech", "timed_out") if of_speech else ("measurements", EVALUATION_FAILED)
                    failure = Failure(stale.status, kind, f"no {step} came back after {asked} requests")
                    await self._fail(connection, held, stale.id, stale.attempts, failure)
                else:
                    await self._request_again(connection, stale)

    async def _request_again(self, connection: AsyncConnection, stale: Clip) -> None:
        moved = await self._store.requested_again(connection, stale, now())
        if moved is not None:
            again = dataclasses.replace(stale, attempts=stale.attempts + 1)
            log.warning("asking again", job_id=again.id, step=again.status, attempt=again.attempts)
            await outbox.add(connection, self._requests.current_step(again))

    @contextmanager
    def _work_for(self, held: Held) -> Iterator[None]:
        """Has logs name the run, and events of the block be of the trace in which it was begun."""
        run = {self._user.run: held.run_id}
        with telemetry.working_on(**run), telemetry.continuing(held.traceparent):
            yield


def _ignored(clip_id: str, attempt: int | None) -> None:
    log.info("a late answer is ignored", job_id=clip_id, attempt=attempt)
