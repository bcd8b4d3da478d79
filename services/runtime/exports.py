"""Files that callers export: written in threads, a few at a time, and returned in pieces."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from services.runtime.errors import QuotaExceeded
from services.runtime.identity import current_identity

PIECE_BYTES = 64 * 1024
"""The size of the pieces in which files are sent."""
MAX_CONCURRENT_EXPORTS = 2
"""The number of files that are written at the same time. Each has at most a few megabytes: 400 trials with the longest
prompts, or the evaluation of a recording of two hours."""
MAX_EXPORTS_PER_DEVELOPER = 4
"""The number of a developer's exports in memory. A slow reader keeps its file in memory until it has read all of it."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An exported file."""

    name: str
    content_type: str
    content: bytes

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yields the content in one piece, which `file_pieces` cuts."""
        yield self.content


class ExportLimits:
    """Bounds the exports of a process."""

    def __init__(self) -> None:
        self._writing = asyncio.Semaphore(MAX_CONCURRENT_EXPORTS)
        self._in_progress: Counter[str] = Counter()

    @contextmanager
    def in_progress(self) -> Iterator[None]:
        """Counts an export of the caller until the block ends. Raises QuotaExceeded if the caller has too many."""
        developer_id = current_identity().developer_id
        if self._in_progress[developer_id] >= MAX_EXPORTS_PER_DEVELOPER:
            raise QuotaExceeded(
                f"You already have {MAX_EXPORTS_PER_DEVELOPER} exports in progress, which is the limit. "
                "Read one of them to its end first.",
                limit=str(MAX_EXPORTS_PER_DEVELOPER),
            )
        self._in_progress[developer_id] += 1
        try:
            yield
        finally:
            self._in_progress[developer_id] -= 1
            if not self._in_progress[developer_id]:
                del self._in_progress[developer_id]

    async def write(self, write: Callable[[], T]) -> T:
        """Runs a function in a thread when it is its turn, and returns what it returns."""
        async with self._writing:
            return await asyncio.to_thread(write)
