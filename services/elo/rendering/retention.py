"""Deletes the audio of renders after its retention."""

from datetime import timedelta

import structlog

from services.elo import facts
from services.elo.rendering.store import RenderStore
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.listening.store import ListeningStore

log = structlog.get_logger()

BATCH = 100
"""Renders per transaction."""


class Retention:
    """The use case of audio retention. Measurements and transcripts stay."""

    def __init__(self, database: Database, store: RenderStore, listening: ListeningStore, days: int) -> None:
        self._database = database
        self._store = store
        self._listening = listening
        self._kept = timedelta(days=days)

    async def sweep(self) -> int:
        """Requests the deletion of audio that is past its retention and that no open battle needs, at most BATCH.

        Returns the number of renders. Later battles of the same models get new recordings. Recordings that developers
        uploaded belong to their evaluations. Any number of processes can do this at the same time.
        """
        moment = now()
        async with self._database.transaction() as connection:
            due = await self._store.audio_due(connection, moment - self._kept, BATCH)
            if not due:
                return 0
            await outbox.add(connection, *facts.REQUESTS.speech_deletions(due))
            await self._store.forget_audio(connection, due, moment)
            await self._listening.forget_audio(connection, await self._store.battles_with(connection, due))
        log.info("audio was deleted after its retention", renders=len(due))
        return len(due)
