"""Records when API keys were last used: in memory at once, in the database about once a minute.

A killed process loses the uses of the last minute.
"""

from datetime import datetime

import structlog

from services.auth.store import Store
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.periodic import periodic

log = structlog.get_logger()

WRITE_INTERVAL_SECONDS = 60.0
# Keys per statement.
MAX_BATCH = 1000


class KeyUses:
    """The uses that are not in the database yet, at most one per key. Only valid keys have uses."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._seen: dict[str, datetime] = {}

    def note(self, key_id: str) -> None:
        """Records that a key is used now."""
        self._seen[key_id] = now()

    async def write(self) -> None:
        """Writes the recorded uses. If that fails, they are kept for the next time."""
        while self._seen:
            batch = {key_id: self._seen.pop(key_id) for key_id in list(self._seen)[:MAX_BATCH]}
            try:
                async with self._database.transaction() as connection:
                    await self._store.note_uses(connection, batch)
            except BaseException:
                self._seen = {**batch, **self._seen}
                raise

    async def keep_writing(self) -> None:
        """Writes once a minute until it is cancelled, and once at its end."""
        try:
            await periodic(self.write, WRITE_INTERVAL_SECONDS)
        finally:
            try:
                await self.write()
            except DISCONNECTED as error:
                log.warning("the last uses of API keys could not be written", error=str(error))
