"""Makes PNGs of share cards, one at a time, and keeps the latest ones."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Sequence

from services.runtime.byte_limited_cache import ByteLimitedCache
from services.runtime.errors import Busy

COMMAND = (sys.executable, "-m", "services.shared.cards.paint")
MAX_KEPT_BYTES = 4 * 1024 * 1024
"""Cards in memory. Each has about 60 kB."""
MAX_WAITING = 16
"""Cards that wait for their turn. One takes about 0.15 s."""
MAX_PAINT_SECONDS = 10.0


class PaintingFailed(Exception):
    """The process that makes a picture failed."""


class Painter:
    """Makes PNGs of SVGs."""

    def __init__(self, command: Sequence[str] = COMMAND, max_seconds: float = MAX_PAINT_SECONDS) -> None:
        self._command = command
        self._max_seconds = max_seconds
        self._pictures: ByteLimitedCache[bytes, bytes] = ByteLimitedCache(MAX_KEPT_BYTES, len)
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def png(self, svg: str) -> bytes:
        """Returns the picture of a card. The same card is painted once while it is kept.

        Raises Busy if too many cards wait, or if the machine is too slow to paint this one in time.
        """
        content = svg.encode()
        return await self._pictures.get(hashlib.sha256(content).digest(), lambda: self._paint_in_turn(content))

    async def _paint_in_turn(self, content: bytes) -> bytes:
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} share cards are waiting to be painted, which is the limit. Try again.")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._paint(content)
        finally:
            self._waiting -= 1

    async def _paint(self, content: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        ended = False
        try:
            async with asyncio.timeout(self._max_seconds):
                picture, problem = await process.communicate(content)
            ended = True
        except TimeoutError:
            raise Busy("The share card could not be painted in time. Try again.") from None
        finally:
            if not ended:
                process.kill()
                await process.wait()
        if process.returncode:
            raise PaintingFailed(f"status {process.returncode}: {problem.decode(errors='replace')[-500:]}")
        return picture
