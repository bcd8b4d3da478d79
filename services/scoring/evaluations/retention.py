"""Deletes uploaded recordings after their retention."""

from __future__ import annotations

from datetime import timedelta

import structlog

from services.runtime.clock import now
from services.runtime.db import Database
from services.scoring.evaluations.recording_store import RecordingStore
from services.scoring.evaluations.recordings import Recordings

log = structlog.get_logger()

BATCH = 100


class Retention:
    """The use case of retention. The metrics of an evaluation stay."""

    def __init__(self, database: Database, store: RecordingStore, recordings: Recordings, keep_days: int) -> None:
        self._database = database
        self._store = store
        self._recordings = recordings
        self._keep = timedelta(days=keep_days)

    async def sweep(self) -> int:
        """Deletes recordings that are past their retention or that nothing needs. Returns how many were found."""
        async with self._database.transaction() as connection:
            due = await self._store.audio_due(connection, now() - self._keep, BATCH)
            await self._recordings.release(connection, [each.audio_name for each in due])
        if due:
            log.info("recordings were deleted after their retention", evaluations=len(due))
        return max(len(due), await self._recordings.sweep())
