"""Takes audio from an engine at the engine's pace and hands it on at the listener's."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from services.runtime.errors import DeadlineExceeded

# What an engine may be ahead of its listener: about 90 s of speech at 22 kHz.
BUFFER_BYTES = 4 * 1024 * 1024
# A listener who takes nothing for so long while the buffer is full does not keep the engine from others any longer.
STALL_SECONDS = 30.0

Sink = Callable[[bytes], Awaitable[None]]


class SpeechBuffer:
    """A bounded queue of audio, counted in bytes."""

    def __init__(self, limit_bytes: int = BUFFER_BYTES, stall_seconds: float = STALL_SECONDS) -> None:
        self._limit = limit_bytes
        self._stall_seconds = stall_seconds
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def put(self, piece: bytes) -> None:
        """Adds audio, waiting while the buffer is full; DeadlineExceeded if nothing is taken for too long."""
        async with self._changed:
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await self._changed.wait_for(lambda: self._bytes < self._limit)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the audio was not read for {self._stall_seconds:g} s, so it was given up"
                ) from None
            self._pieces.append(piece)
            self._bytes += len(piece)
            self._changed.notify_all()

    async def end(self) -> None:
        """Says that nothing more is put."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def drain(self) -> AsyncIterator[bytes]:
        """Yields what is put, until the end is said and all is taken."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._pieces or self._ended)
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
                self._bytes -= len(piece)
                self._changed.notify_all()
            yield piece


async def buffered(fill: Callable[[Sink], Awaitable[None]]) -> AsyncGenerator[bytes, None]:
    """Runs `fill`, which puts audio into the sink that it is given, and yields that audio; raises what `fill` raises.

    Closing the generator cancels `fill` and waits for its end.
    """
    buffer = SpeechBuffer()

    async def run() -> None:
        try:
            await fill(buffer.put)
        finally:
            await buffer.end()

    filling = asyncio.create_task(run())
    try:
        async for piece in buffer.drain():
            yield piece
        await filling
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
