"""Whose turn it is: gives pending clips to their providers, as many at a time as a provider takes.

The queue before a provider lies in PostgreSQL, for all runs and processes of a user together, so that no run gets more
of a provider than others that wait for it, and a slow provider keeps nobody else waiting. The answer that makes room at
a provider gives it away in its own transaction (`next_requests`), and says how many slots are the user's own while
other users wait at the provider. Whoever adds clips or makes room in another way calls
`release` once that is committed. `look` finds what a crash in between leaves behind.
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
from services.shared.clips.table import User

log = structlog.get_logger()

# What a provider is given before tts has told what it takes: little, since hosted ones refuse what is too much.
UNKNOWN_CONCURRENCY = 2
# An engine on tts's own machine is often done before the next clip could reach tts, so that one waits there already.
LOCAL_LOOKAHEAD = 2


class Dispatcher:
    """The use cases over one database."""

    def __init__(self, database: Database, store: QueueStore, user: User) -> None:
        self._database = database
        self._store = store
        self._requests = user.requests
        self._figures = user.figures
        self._next: dict[str, asyncio.Task[int]] = {}
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def learn(self, provider: Provider, at: datetime) -> None:
        """Takes in what tts tells of a provider, and gives it what it can take now."""
        async with self._database.transaction() as connection:
            changed = await self._store.learn(connection, provider, at)
        if changed:
            await self.release([provider.id])

    async def release(self, providers: Collection[str]) -> int:
        """Asks for the speech of the clips whose turn it is at these providers, and returns for how many.

        Calls that come while a release of the same provider is under way share the next one. Without PostgreSQL nothing
        is released; `look` does it later.
        """
        return sum(await asyncio.gather(*(self._shared(provider) for provider in dict.fromkeys(providers))))

    async def look(self) -> None:
        """Releases at every provider that clips wait for, and tells Prometheus what has not ended."""
        async with self._database.reading() as connection:
            unfinished = await self._store.unfinished(connection)
        self._figures.unfinished.clear()
        self._figures.longest_wait_seconds.clear()
        waiting = []
        for some in unfinished:
            self._figures.unfinished.labels(some.provider, some.status).set(some.clips)
            if some.status is ClipStatus.PENDING:
                waiting.append(some.provider)
                waited = (now() - some.since).total_seconds()
                self._figures.longest_wait_seconds.labels(some.provider).set(waited)
        await self.release(waiting)

    async def _shared(self, provider: str) -> int:
        task = self._next.get(provider)
        if task is None:
            task = self._next[provider] = asyncio.create_task(self._turn(provider))
        # Others wait for it, too.
        return await asyncio.shield(task)

    async def _turn(self, provider: str) -> int:
        turn = self._turns.setdefault(provider, asyncio.Lock())
        try:
            async with turn:
                # What is committed from now on may not be seen by this release.
                del self._next[provider]
                return await self._release(provider)
        except DISCONNECTED as error:
            log.warning("nothing can be released now", provider=provider, error=str(error))
            return 0

    async def _release(self, provider: str) -> int:
        if not await self._store.waited_for(self._database.hot, [provider]):
            return 0
        async with self._database.transaction() as connection:
            requests = await self.next_requests(connection, provider)
            await outbox.add_each(connection, requests)
        return len(requests)

    async def next_requests(
        self, connection: AsyncConnection, provider: str, share: int = 0
    ) -> Sequence[outbox.Traced]:
        """Releases in the transaction of a caller who has made room; the requests have to be recorded in it.

        Whoever else releases at this provider waits until the transaction ends. The caller may hold locks of runs, and
        takes none from now on. `share` is what an answer of tts says of the user's slots there, 0 if it says nothing.
        """
        with self._figures.release_seconds.time():
            released = await self._store.release(
                connection,
                provider,
                now(),
                unknown_concurrency=UNKNOWN_CONCURRENCY,
                local_lookahead=LOCAL_LOOKAHEAD,
                share=share or None,
            )
        self._figures.moved.labels(ClipStatus.SYNTHESIZING).inc(len(released))
        return [(self._requests.synthesis(clip), clip.traceparent) for clip in released]
