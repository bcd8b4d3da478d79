"""Notes when API keys were last seen: in memory at once, in the database about once a minute.

A process that is killed loses what it has seen since.
"""

from datetime import datetime

import structlog

from services.auth.store import Store
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.periodic import periodic

log = structlog.get_logger()

WRITE_EVERY_SECONDS = 60.0
# Keys that are written in one statement.
MAX_BATCH = 1000


class KeyUses:
    """The uses that are not in the database yet: one for each key that was good, so no more than there are keys."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._seen: dict[str, datetime] = {}

    def note(self, key_id: str) -> None:
        """Notes that a key is used now."""
        self._seen[key_id] = now()

    async def write(self) -> None:
        """Writes what was noted. What can't be written is kept for the next time."""
        while self._seen:
            batch = {key_id: self._seen.pop(key_id) for key_id in list(self._seen)[:MAX_BATCH]}
            try:
                async with self._database.transaction() as connection:
                    await self._store.note_uses(connection, batch)
            except BaseException:
                self._seen = {**batch, **self._seen}
                raise

    async def keep_writing(self) -> None:
        """Writes once a minute while the process lives, and what is left when it ends."""
        try:
            await periodic(self.write, WRITE_EVERY_SECONDS)
        finally:
            try:
                await self.write()
            except DISCONNECTED as error:
                log.warning("the last uses of API keys could not be written", error=str(error))
