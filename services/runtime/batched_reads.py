"""Reads that arrive while another is under way are made together: one round trip for as many callers as there are.

Under load this divides what a read costs, in Python and in PostgreSQL, by the number of callers; a caller who is alone
waits no longer than without it. It is for the few reads that are most of the calls.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# What waits longer than this many others waits for the batch after.
MAX_BATCHED_KEYS = 200


class BatchedReads(Generic[K, V]):
    """Reads values by key. `read` returns those of many keys at once, and leaves out what there is not."""

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._read = read
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reader: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Returns the value as it was after the call began, None if there is none. Raises what `read` raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V | None] = loop.create_future()
        self._waiting.append((key, future))
        if self._reader is None:
            # It works for many calls, so it has the identity, deadline and trace of none.
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
        except Exception as error:  # noqa: BLE001 - it is raised in every call that waits
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for key, future in batch:
                # A call that was cancelled waits no more.
                if not future.done():
                    future.set_result(found.get(key))
