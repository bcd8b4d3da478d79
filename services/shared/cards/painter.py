"""Makes PNGs of share cards, one at a time, and keeps the latest ones."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections import OrderedDict
from collections.abc import Sequence

from services.runtime.errors import Busy

COMMAND = (sys.executable, "-m", "services.shared.cards.paint")
MAX_KEPT = 64
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
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def png(self, svg: str) -> bytes:
        """Returns the picture of a card. The same card is painted once while it is kept.

        Raises Busy if too many cards wait, or if the machine is too slow to paint this one in time.
        """
        content = svg.encode()
        key = hashlib.sha256(content).digest()
        if key not in self._kept:
            if self._waiting >= MAX_WAITING:
                raise Busy(f"{MAX_WAITING} share cards are waiting to be painted, which is the limit. Try again.")
            self._waiting += 1
            try:
                async with self._turn:
                    # Somebody who waited for the same card may have painted it.
                    if key not in self._kept:
                        self._kept[key] = await self._paint(content)
            finally:
                self._waiting -= 1
        self._kept.move_to_end(key)
        picture = self._kept[key]
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return picture

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
