"""Exports an evaluation as a file, and returns it in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.exports import ExportFile, ExportLimits
from services.runtime.validation import Validation
from services.scoring.evaluations.exports import FORMATS, export
from services.scoring.evaluations.usecases import Evaluations


class Exporting:
    """The use case of exporting."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations
        self._limits = ExportLimits()

    @asynccontextmanager
    async def export(self, evaluation_id: str, format_: str) -> AsyncIterator[ExportFile]:
        """Exports the caller's evaluation as a file. The export is in progress until the block ends.

        Raises InvalidInput for an unknown format, NotFound if the caller has no such evaluation, WrongState unless it
        is completed with the steps that the format needs, and QuotaExceeded if the caller has too many exports in
        progress.
        """
        with self._limits.in_progress():
            yield await self._make(evaluation_id, format_)

    async def _make(self, evaluation_id: str, format_: str) -> ExportFile:
        valid = Validation()
        valid.one_of(format_, "format", tuple(FORMATS))
        valid.finish()
        found = await self._evaluations.get(evaluation_id)
        return await self._limits.write(lambda: export(found, format_))
