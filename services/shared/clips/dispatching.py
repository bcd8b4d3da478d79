"""Decides when a pending clip is sent to its provider, and sends no more at a time than the provider takes.

Each provider has a queue in PostgreSQL, shared by all runs and all processes of a service. So runs share a provider
fairly, and a slow provider delays no clips of others. A result frees a slot at its provider, and the transaction that
records the result gives the slot to the next clip (`next_requests`). The result also says how many slots the service
may use while other services wait for the same provider (its share). Code that adds clips, or frees slots in another
way, must call `release` after its commit. If a crash prevents that, `release_all` releases the clips later.
"""

import asyncio
import weakref
from collections.abc import Collection, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.shared.clips.domain import ClipStatus
from services.shared.clips.queue_store import Provider, QueueStore
from services.shared.clips.table import ClipUser

log = structlog.get_logger()

# The limit for a provider whose capacity is unknown. It is small because hosted providers refuse too many requests.
UNKNOWN_CONCURRENCY = 2
# Extra requests for an engine on the machine of tts. It is often done before the next request could reach tts, so some
# wait there already.
LOCAL_LOOKAHEAD = 2


class Dispatcher:
    """The use cases over one database."""

    def __init__(self, database: Database, store: QueueStore, user: ClipUser) -> None:
        self._database = database
        self._store = store
        self._requests = user.requests
        self._operational_metrics = user.operational_metrics
        self._next: dict[str, asyncio.Task[int]] = {}
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def record_provider(self, provider: Provider, at: datetime) -> None:
        """Records the capacity of a provider as of `at`, and releases clips if the capacity has changed."""
        async with self._database.transaction() as connection:
            changed = await self._store.record_provider(connection, provider, at)
        if changed:
            await self.release([provider.id])

    async def release(self, providers: Collection[str]) -> int:
        """Requests speech for the clips whose turn it is at these providers. Returns how many were requested.

        Calls during a release of the same provider share the next release. If PostgreSQL can't be reached, nothing is
        released, and `release_all` does it later.
        """
        return sum(await asyncio.gather(*(self._shared_release(provider) for provider in dict.fromkeys(providers))))

    async def release_all(self) -> None:
        """Releases clips at every provider that has pending ones, and updates the gauges of unfinished clips."""
        async with self._database.reading() as connection:
            unfinished = await self._store.unfinished(connection)
        self._operational_metrics.unfinished.clear()
        self._operational_metrics.longest_wait_seconds.clear()
        waiting = []
        for group in unfinished:
            self._operational_metrics.unfinished.labels(group.provider, group.status).set(group.clips)
            if group.status is ClipStatus.PENDING:
                waiting.append(group.provider)
                waited = (now() - group.since).total_seconds()
                self._operational_metrics.longest_wait_seconds.labels(group.provider).set(waited)
        await self.release(waiting)

    async def _shared_release(self, provider: str) -> int:
        task = self._next.get(provider)
        if task is None:
            task = self._next[provider] = asyncio.create_task(self._release_in_turn(provider))
        # Other callers await the same task, so cancelling one of them must not cancel it.
        return await asyncio.shield(task)

    async def _release_in_turn(self, provider: str) -> int:
        lock = self._locks.setdefault(provider, asyncio.Lock())
        try:
            async with lock:
                # This release may not see clips that are committed from now on. They need the next one.
                del self._next[provider]
                return await self._release(provider)
        except DISCONNECTED as error:
            log.warning("no clips can be released at the moment", provider=provider, error=str(error))
            return 0

    async def _release(self, provider: str) -> int:
        if not await self._store.with_pending_clips(self._database.hot, [provider]):
            return 0
        async with self._database.transaction() as connection:
            requests = await self.next_requests(connection, provider)
            await outbox.add_each(connection, requests)
        return len(requests)

    async def next_requests(
        self, connection: AsyncConnection, provider: str, share: int = 0
    ) -> Sequence[outbox.Traced]:
        """Releases clips in the transaction of a caller that has freed a slot. Returns their requests.

        The caller must add the requests to the outbox in the same transaction. Other releases at this provider wait
        until it ends. The caller may hold locks of runs, but must take no further lock of a run afterwards. `share` is
        the number of slots that tts assigns to this service at the provider, 0 if unknown.
        """
        with self._operational_metrics.release_seconds.time():
            released = await self._store.release(
                connection,
                provider,
                now(),
                unknown_concurrency=UNKNOWN_CONCURRENCY,
                local_lookahead=LOCAL_LOOKAHEAD,
                share=share or None,
            )
        self._operational_metrics.moved.labels(ClipStatus.SYNTHESIZING).inc(len(released))
        return [(self._requests.synthesis(clip), clip.traceparent) for clip in released]
