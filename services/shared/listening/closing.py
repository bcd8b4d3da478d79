"""Closes tests before every pair has its votes: by hand, or because the time is over."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import telemetry
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.listening.store import ListeningStore
from services.shared.listening.subject import Subject

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 5.0
BATCH = 100


class Closing:
    """The use cases over one database. Whoever closes a test holds the lock of its subject, so it happens once."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        subject: Subject[Any],
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._store = store
        self._subject = subject
        self._clock = clock

    async def close(self, connection: AsyncConnection, test_id: str) -> bool:
        """Closes a test with the votes that there are and ends its subject; False if it is not open.

        The caller holds the lock of the subject.
        """
        if not await self._store.suspend(connection, test_id):
            return False
        await self._subject.ended(connection, test_id)
        return True

    async def overdue(self) -> int:
        """Closes the tests whose time is over, and returns how many."""
        async with self._database.reading() as connection:
            found = await self._store.overdue(connection, self._clock(), BATCH)
        return sum([await self._close_if_overdue(test_id) for test_id in found])

    async def _close_if_overdue(self, test_id: str) -> bool:
        async with self._database.transaction() as connection:
            # The last vote, a retry or another process may have come first.
            if not await self._subject.lock(connection, test_id):
                return False
            test = await self._store.test(connection, test_id)
            if test is None or test.closes_at is None or test.open(self._clock()):
                return False
            with telemetry.working_on(test_id=test_id):
                log.info("the time for listening is over")
            return await self.close(connection, test_id)
