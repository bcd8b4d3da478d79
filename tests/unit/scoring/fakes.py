"""A store of recordings in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.runtime.errors import NotFound


class MemoryRecordingStore:
    """A store of recordings by name. The next call of `open` raises `error`, once."""

    def __init__(self) -> None:
        self.recordings: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.readings = 0

    async def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces of an odd number of bytes."""
        self.readings += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if name not in self.recordings:
            raise NotFound.of("audio", name)
        content = self.recordings[name]
        for start in range(0, len(content), 1001):
            yield content[start : start + 1001]
