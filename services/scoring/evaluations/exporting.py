"""Exports an evaluation as a file, and returns it in pieces."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.errors import QuotaExceeded
from services.runtime.identity import current_identity
from services.runtime.validation import Validation
from services.scoring.evaluations.exports import FORMATS, ExportFile, export
from services.scoring.evaluations.usecases import Evaluations

MAX_CONCURRENT_EXPORTS = 2
"""The number of files that are written at the same time. That of a recording of two hours has a few megabytes."""
MAX_EXPORTS_PER_DEVELOPER = 4
"""The number of a developer's exports in memory. A slow reader keeps its file in memory until it has read all of it."""


class Exporting:
    """The use case of exporting."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations
        self._writing = asyncio.Semaphore(MAX_CONCURRENT_EXPORTS)
        self._in_progress: Counter[str] = Counter()

    @asynccontextmanager
    async def export(self, evaluation_id: str, format_: str) -> AsyncIterator[ExportFile]:
        """Exports the caller's evaluation as a file. The export is in progress until the block ends.

        Raises InvalidInput for an unknown format, NotFound if the caller has no such evaluation, WrongState unless it
        is completed with the steps that the format needs, and QuotaExceeded if the caller has too many exports in
        progress.
        """
        developer_id = current_identity().developer_id
        if self._in_progress[developer_id] >= MAX_EXPORTS_PER_DEVELOPER:
            raise QuotaExceeded(
                f"You already have {MAX_EXPORTS_PER_DEVELOPER} exports in progress, which is the limit. "
                "Read one of them to its end first.",
                limit=str(MAX_EXPORTS_PER_DEVELOPER),
            )
        self._in_progress[developer_id] += 1
        try:
            yield await self._make(evaluation_id, format_)
        finally:
            self._in_progress[developer_id] -= 1
            if not self._in_progress[developer_id]:
                del self._in_progress[developer_id]

    async def _make(self, evaluation_id: str, format_: str) -> ExportFile:
        valid = Validation()
        valid.one_of(format_, "format", tuple(FORMATS))
        valid.finish()
        found = await self._evaluations.get(evaluation_id)
        async with self._writing:
            return await asyncio.to_thread(export, found, format_)
