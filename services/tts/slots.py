"""How many requests one provider is given at a time, and who is next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from services.runtime.errors import Busy


class Slots:
    """The slots of one provider. Streams, for which somebody waits, and jobs take turns when both wait.

    Streams may wait in a bounded queue. Jobs are bounded by the consumer that brings them.
    """

    def __init__(self, provider: str, count: int, longest_queue: int) -> None:
        self._provider = provider
        self._free = count
        self._longest_queue = longest_queue
        self._streams: deque[asyncio.Future[None]] = deque()
        self._jobs: deque[asyncio.Future[None]] = deque()
        self._stream_is_next = True

    @asynccontextmanager
    async def for_stream(self) -> AsyncIterator[None]:
        """Holds a slot for a stream; Busy if too many wait already."""
        if not self._free and len(self._streams) >= self._longest_queue:
            raise Busy(f"{self._provider} is busy and its queue of {self._longest_queue} is full; try again later")
        async with self._slot(self._streams):
            yield

    @asynccontextmanager
    async def for_job(self) -> AsyncIterator[None]:
        """Holds a slot for a job."""
        async with self._slot(self._jobs):
            yield

    @asynccontextmanager
    async def _slot(self, queue: deque[asyncio.Future[None]]) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._release()  # the slot was handed over at the moment of giving up
                else:
                    with suppress(ValueError):  # `_release` may have passed it over already
                        queue.remove(turn)
                raise
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        """Hands the slot to who is next, or keeps it free."""
        first, second = (self._streams, self._jobs) if self._stream_is_next else (self._jobs, self._streams)
        queue = first or second
        # A future that was cancelled in this very turn of the loop is still in its queue.
        while queue:
            turn = queue.popleft()
            if not turn.done():
                self._stream_is_next = queue is self._jobs
                turn.set_result(None)
                return
            queue = first or second
        self._free += 1
