"""Who is next at a provider."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from services.runtime.errors import Busy
from services.tts.concurrency import ProviderLimit, pause_seconds
from services.tts.domain import SynthesisError
from services.tts.stream_queue import QueueFull, StreamQueue

# Somebody listens: they are told to come back rather than kept waiting for longer.
MAX_STREAM_PAUSE_SECONDS = 20.0


class Slots:
    """The slots of one provider. Streams, for which somebody waits, and jobs take turns when both wait.

    Streams may wait in a bounded queue, in which developers have equal shares (`StreamQueue`). Jobs are bounded by the
    consumer that brings them. How many slots there are follows what the provider answers, which `succeeded` and
    `failed` are told.
    """

    def __init__(self, provider: str, count: int, longest_queue: int) -> None:
        self._provider = provider
        self._limit = ProviderLimit(count)
        self._in_use = 0
        self._streams = StreamQueue(longest_queue)
        self._jobs: deque[asyncio.Future[None]] = deque()
        self._stream_is_next = True
        self._end_of_pause: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """How many there are now; fewer than configured while the provider says that it is full."""
        return self._limit.now

    @property
    def in_use(self) -> int:
        """How many are held. More than there are, for a while, when there have become fewer."""
        return self._in_use

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._streams) + len(self._jobs)

    @asynccontextmanager
    async def for_stream(self, developer_id: str) -> AsyncIterator[None]:
        """Holds a slot for a developer's stream; Busy if too many wait already, or if the provider is to be left alone
        for longer than somebody would wait."""
        if (pause := self._pause_left()) > MAX_STREAM_PAUSE_SECONDS:
            raise Busy(f"{self._provider} asked to be left alone; try again in {math.ceil(pause)} s")
        if self._free():
            self._in_use += 1
            self._streams.began(developer_id)
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if not self._streams.add(developer_id, turn):
                raise self._full()
            try:
                await turn
            except QueueFull:
                raise self._full() from None
            except asyncio.CancelledError:
                if _is_held(turn):
                    self._end_stream(developer_id)
                else:
                    with suppress(ValueError):  # `_hand_out` may have passed it over already
                        self._streams.remove(developer_id, turn)
                raise
        try:
            yield
        finally:
            self._end_stream(developer_id)

    @asynccontextmanager
    async def for_job(self) -> AsyncIterator[None]:
        """Holds a slot for a job."""
        if self._free():
            self._in_use += 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._jobs.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if _is_held(turn):
                    self._release()
                else:
                    with suppress(ValueError):
                        self._jobs.remove(turn)
                raise
        try:
            yield
        finally:
            self._release()

    def succeeded(self) -> None:
        """Says that the request of a slot that is still held went well."""
        self._limit.succeeded()
        self._hand_out()

    def failed(self, error: SynthesisError) -> None:
        """Says that the request of a slot that is still held failed."""
        self._limit.failed(error, self._in_use)
        if pause := pause_seconds(error):
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        """Gives nothing out for so long, unless a longer pause is under way."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._end_of_pause is not None:
            if self._end_of_pause.when() >= until:
                return
            self._end_of_pause.cancel()
        self._end_of_pause = loop.call_at(until, self._resume)

    def _resume(self) -> None:
        self._end_of_pause = None
        self._hand_out()

    def _pause_left(self) -> float:
        return self._end_of_pause.when() - asyncio.get_running_loop().time() if self._end_of_pause is not None else 0.0

    def _free(self) -> bool:
        return self._in_use < self._limit.now and self._end_of_pause is None

    def _full(self) -> Busy:
        return Busy(f"{self._provider} is busy and its queue of {self._streams.longest} is full; try again later")

    def _end_stream(self, developer_id: str) -> None:
        self._streams.ended(developer_id)
        self._release()

    def _release(self) -> None:
        self._in_use -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        """Hands what is free to who is next."""
        while self._free():
            streams_first = bool(self._streams) and (self._stream_is_next or not self._jobs)
            if not streams_first and not self._jobs:
                return
            developer_id, turn = self._streams.pop() if streams_first else ("", self._jobs.popleft())
            # A future that was cancelled in this very turn of the loop is still in its queue.
            if not turn.done():
                self._in_use += 1
                if streams_first:
                    self._streams.began(developer_id)
                self._stream_is_next = not streams_first
                turn.set_result(None)


def _is_held(turn: asyncio.Future[None]) -> bool:
    """Tells whether a slot was handed over at the moment of giving up."""
    return turn.done() and not turn.cancelled() and turn.exception() is None
