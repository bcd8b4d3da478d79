"""Combines concurrent reads into one query.

Reads that arrive while a query runs wait for it and then share the next one. Under load this divides the cost of a
read, in Python and in PostgreSQL, by the number of callers. A single caller waits no longer than without it. It is
meant for the few kinds of reads that make up most calls.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Reads above this number wait for the next batch.
MAX_BATCHED_KEYS = 200


class BatchedReads(Generic[K, V]):
    """Reads values by key. `read` returns the values of many keys at once, without the keys that do not exist."""

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._read = read
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reader: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Returns the value of a key, or None if there is none. The value is read after this call has begun.

        Raises what `read` raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V | None] = loop.create_future()
        self._waiting.append((key, future))
        if self._reader is None:
            # An empty context: the task works for many calls and must not have one call's identity or deadline.
            self._reader = loop.create_task(self._read_all(), context=Context())
        return await future

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCHED_KEYS], self._waiting[MAX_BATCHED_KEYS:]
                await self._read_batch(batch)
        finally:
            self._reader = None

    async def _read_batch(self, batch: list[tuple[K, asyncio.Future[V | None]]]) -> None:
        try:
            found = await self._read({key for key, _ in batch})
        except Exception as error:  # noqa: BLE001 - it is raised in every waiting call
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for key, future in batch:
                # The future of a cancelled call is done.
                if not future.done():
                    future.set_result(found.get(key))
