"""Reads audio from an engine at the engine's pace and passes it on at the client's pace.

A provider's slot is held while its engine speaks, not while the client plays the audio. Audio that the client has not
read is kept in memory, with limits per stream, per developer and per process.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress

from services.runtime.errors import Busy, DeadlineExceeded

MEBIBYTE = 1024 * 1024
# The longest text takes about 7 minutes at 24 kHz, which is 20 MiB.
MAX_STREAM_BYTES = 20 * MEBIBYTE
MAX_DEVELOPER_BYTES = 32 * MEBIBYTE
MAX_PROCESS_BYTES = 96 * MEBIBYTE
# A stream can always keep this much, however much other streams hold: about 5 s at 24 kHz.
MIN_STREAM_BYTES = MEBIBYTE // 4
# How long, in total, an engine may hold its slot without free memory while other requests wait for the slot.
MAX_BLOCKED_SECONDS = 2.0
# The same if no other request waits. A stream whose client reads nothing for this time is ended.
MAX_STALL_SECONDS = 30.0
_CHECK_INTERVAL_SECONDS = 0.1

Sink = Callable[[bytes], Awaitable[None]]


class StreamMemory:
    """The memory for unread audio that all streams of this process share."""

    def __init__(
        self,
        *,
        max_stream_bytes: int = MAX_STREAM_BYTES,
        max_developer_bytes: int = MAX_DEVELOPER_BYTES,
        max_process_bytes: int = MAX_PROCESS_BYTES,
        min_stream_bytes: int = MIN_STREAM_BYTES,
    ) -> None:
        self._max_stream_bytes = max_stream_bytes
        self._max_developer_bytes = max_developer_bytes
        self._max_process_bytes = max_process_bytes
        self._min_stream_bytes = min_stream_bytes
        self._held: Counter[str] = Counter()

    def check(self, developer_id: str) -> None:
        """Raises Busy if the unread audio of a developer has reached its limit."""
        if self._held[developer_id] >= self._max_developer_bytes:
            raise Busy(
                f"Your other streams hold {self._held[developer_id] // MEBIBYTE} MiB of unread audio. "
                "Read or close them first."
            )

    def has_free_memory(self, developer_id: str, stream_bytes: int) -> bool:
        """Returns whether a stream that holds `stream_bytes` bytes may hold more."""
        return stream_bytes < self._min_stream_bytes or (
            stream_bytes < self._max_stream_bytes
            and self._held[developer_id] < self._max_developer_bytes
            and self._held.total() < self._max_process_bytes
        )

    def add(self, developer_id: str, size: int) -> None:
        """Adds to the number of bytes held for a developer. A negative size removes them."""
        self._held[developer_id] += size
        if not self._held[developer_id]:
            del self._held[developer_id]


class SpeechBuffer:
    """The unread audio of one stream.

    `slot_wanted` returns whether another request waits for the slot that the engine holds.
    """

    def __init__(
        self,
        memory: StreamMemory,
        developer_id: str,
        slot_wanted: Callable[[], bool],
        *,
        blocked_seconds: float = MAX_BLOCKED_SECONDS,
        stall_seconds: float = MAX_STALL_SECONDS,
    ) -> None:
        self._memory = memory
        self._developer_id = developer_id
        self._slot_wanted = slot_wanted
        self._blocked_seconds = blocked_seconds
        self._stall_seconds = stall_seconds
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._blocked = 0.0
        self._ended = False
        self._given_up = False
        self._changed = asyncio.Condition()
        # When the client last took audio, None while the client waits for the engine.
        self._idle_since: float | None = asyncio.get_running_loop().time()

    async def put(self, piece: bytes) -> None:
        """Adds audio. Waits while there is no free memory. Raises DeadlineExceeded if the client reads too slowly."""
        if self._given_up:
            raise self._not_read()
        if not self._has_free_memory():
            await self._wait_for_memory()
        async with self._changed:
            self._pieces.append(piece)
            self._count(len(piece))
            self._changed.notify_all()

    async def end(self) -> None:
        """Marks the end of the audio."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def drain(self) -> AsyncIterator[bytes]:
        """Yields the audio until its end. Raises DeadlineExceeded if the client did not read it in time."""
        clock = asyncio.get_running_loop().time
        while True:
            self._idle_since = None
            async with self._changed:
                await self._changed.wait_for(lambda: self._pieces or self._ended or self._given_up)
                if self._given_up:
                    raise self._not_read()
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
                self._count(-len(piece))
                self._changed.notify_all()
            self._idle_since = clock()
            yield piece

    async def watch(self) -> None:
        """Ends the stream when the client has read nothing for too long, also after the engine has finished."""
        clock = asyncio.get_running_loop().time
        while not self._given_up:
            idle_since = clock() if self._idle_since is None else self._idle_since
            if clock() - idle_since > self._stall_seconds:
                await self._give_up()
            else:
                await asyncio.sleep(idle_since + self._stall_seconds - clock() + _CHECK_INTERVAL_SECONDS)

    def clear(self) -> None:
        """Discards the unread audio."""
        self._count(-self._bytes)
        self._pieces.clear()

    async def _wait_for_memory(self) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            while not self._has_free_memory():
                waited = clock() - began
                too_long = self._blocked + waited > self._blocked_seconds and self._slot_wanted()
                if too_long or waited > self._stall_seconds or self._given_up:
                    await self._give_up()
                    raise self._not_read()
                async with self._changed:
                    # Other streams can free memory, and other requests can start to wait, without notice.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_CHECK_INTERVAL_SECONDS):
                            await self._changed.wait()
        finally:
            self._blocked += clock() - began

    async def _give_up(self) -> None:
        async with self._changed:
            self._given_up = True
            self.clear()
            self._changed.notify_all()

    def _not_read(self) -> DeadlineExceeded:
        return DeadlineExceeded("The audio was not read in time, so the stream was ended")

    def _has_free_memory(self) -> bool:
        return self._memory.has_free_memory(self._developer_id, self._bytes)

    def _count(self, size: int) -> None:
        self._bytes += size
        self._memory.add(self._developer_id, size)


async def buffered(fill: Callable[[Sink], Awaitable[None]], buffer: SpeechBuffer) -> AsyncGenerator[bytes, None]:
    """Runs `fill`, which sends audio to the sink that it receives, and yields that audio. Raises what `fill` raises.

    Closing the generator cancels `fill` and waits until it has ended.
    """

    async def run() -> None:
        try:
            await fill(buffer.put)
        finally:
            await buffer.end()

    filling, watching = asyncio.create_task(run()), asyncio.create_task(buffer.watch())
    try:
        async for piece in buffer.drain():
            yield piece
        await filling
    finally:
        for task in (filling, watching):
            task.cancel()
        await asyncio.gather(filling, watching, return_exceptions=True)
        buffer.clear()
