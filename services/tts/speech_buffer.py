"""Takes audio from an engine at the engine's pace and hands it on at the listener's.

A provider's slot is held while its engine speaks and never while a listener plays: what the engine is ahead is kept in
memory, within bounds for a stream, a developer and the process.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress

from services.runtime.errors import Busy, DeadlineExceeded

MEBIBYTE = 1024 * 1024
# The longest text that can be spoken is some 7 minutes at 24 kHz.
MAX_STREAM_BYTES = 20 * MEBIBYTE
MAX_DEVELOPER_BYTES = 32 * MEBIBYTE
MAX_PROCESS_BYTES = 96 * MEBIBYTE
# What a stream may always keep, whatever others have not read: some seconds.
MIN_STREAM_BYTES = MEBIBYTE // 4
# How long an engine that finds no room keeps its slot from others who wait for it, all together.
MAX_BLOCKED_SECONDS = 2.0
# And how long if nobody waits; also after how long without a read a stream's audio is thrown away.
MAX_STALL_SECONDS = 30.0
_LOOK_SECONDS = 0.1

Sink = Callable[[bytes], Awaitable[None]]


class SpeechSpace:
    """The memory that all streams of this process share."""

    def __init__(
        self,
        *,
        per_stream: int = MAX_STREAM_BYTES,
        per_developer: int = MAX_DEVELOPER_BYTES,
        in_all: int = MAX_PROCESS_BYTES,
        always: int = MIN_STREAM_BYTES,
    ) -> None:
        self._per_stream = per_stream
        self._per_developer = per_developer
        self._in_all = in_all
        self._always = always
        self._held: Counter[str] = Counter()

    def check(self, developer_id: str) -> None:
        """Raises Busy if a developer has not read as much audio as may be kept for them."""
        if self._held[developer_id] >= self._per_developer:
            raise Busy(
                f"{self._held[developer_id] // MEBIBYTE} MiB of audio of your other streams wait to be read; "
                "read or close them first"
            )

    def has_room(self, developer_id: str, of_stream: int) -> bool:
        """Tells whether a stream that keeps `of_stream` bytes may keep more."""
        return of_stream < self._always or (
            of_stream < self._per_stream
            and self._held[developer_id] < self._per_developer
            and self._held.total() < self._in_all
        )

    def add(self, developer_id: str, size: int) -> None:
        """Notes bytes that are kept, or with a negative size are not any more."""
        self._held[developer_id] += size
        if not self._held[developer_id]:
            del self._held[developer_id]


class SpeechBuffer:
    """The audio of one stream that its listener has not taken yet.

    `wanted` tells whether somebody waits for the slot that the engine holds.
    """

    def __init__(
        self,
        space: SpeechSpace,
        developer_id: str,
        wanted: Callable[[], bool],
        *,
        blocked_seconds: float = MAX_BLOCKED_SECONDS,
        stall_seconds: float = MAX_STALL_SECONDS,
    ) -> None:
        self._space = space
        self._developer_id = developer_id
        self._wanted = wanted
        self._blocked_seconds = blocked_seconds
        self._stall_seconds = stall_seconds
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._blocked = 0.0
        self._ended = False
        self._given_up = False
        self._changed = asyncio.Condition()
        # When the listener last came for more, None while they wait for the engine.
        self._left_at: float | None = asyncio.get_running_loop().time()

    async def put(self, piece: bytes) -> None:
        """Adds audio, waiting while there is no room; DeadlineExceeded if the listener takes too long to make some."""
        if self._given_up:
            raise self._unread()
        if not self._has_room():
            await self._wait_for_room()
        async with self._changed:
            self._pieces.append(piece)
            self._keep(len(piece))
            self._changed.notify_all()

    async def end(self) -> None:
        """Says that nothing more is put."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def drain(self) -> AsyncIterator[bytes]:
        """Yields what is put, until the end is said and all is taken. DeadlineExceeded if it was given up."""
        clock = asyncio.get_running_loop().time
        while True:
            self._left_at = None
            async with self._changed:
                await self._changed.wait_for(lambda: self._pieces or self._ended or self._given_up)
                if self._given_up:
                    raise self._unread()
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
                self._keep(-len(piece))
                self._changed.notify_all()
            self._left_at = clock()
            yield piece

    async def watch(self) -> None:
        """Gives the stream up once its listener has taken nothing for too long, whether its engine is done or not."""
        clock = asyncio.get_running_loop().time
        while not self._given_up:
            left_at = clock() if self._left_at is None else self._left_at
            if clock() - left_at > self._stall_seconds:
                await self._give_up()
            else:
                await asyncio.sleep(left_at + self._stall_seconds - clock() + _LOOK_SECONDS)

    def clear(self) -> None:
        """Throws away what was not taken."""
        self._keep(-self._bytes)
        self._pieces.clear()

    async def _wait_for_room(self) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            while not self._has_room():
                waited = clock() - began
                too_long = self._blocked + waited > self._blocked_seconds and self._wanted()
                if too_long or waited > self._stall_seconds or self._given_up:
                    await self._give_up()
                    raise self._unread()
                async with self._changed:
                    # Not only this stream's listener makes room, and who waits for the slot says nothing.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._changed.wait()
        finally:
            self._blocked += clock() - began

    async def _give_up(self) -> None:
        async with self._changed:
            self._given_up = True
            self.clear()
            self._changed.notify_all()

    def _unread(self) -> DeadlineExceeded:
        return DeadlineExceeded("the audio was not read in time, so the stream was given up")

    def _has_room(self) -> bool:
        return self._space.has_room(self._developer_id, self._bytes)

    def _keep(self, size: int) -> None:
        self._bytes += size
        self._space.add(self._developer_id, size)


async def buffered(fill: Callable[[Sink], Awaitable[None]], buffer: SpeechBuffer) -> AsyncGenerator[bytes, None]:
    """Runs `fill`, which puts audio into the sink that it is given, and yields that audio; raises what `fill` raises.

    Closing the generator cancels `fill` and waits for its end.
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
