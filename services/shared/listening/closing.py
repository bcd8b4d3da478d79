"""Closes tests before every pair has its votes: by hand, or because their time is over."""

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

OVERDUE_CHECK_INTERVAL_SECONDS = 5.0
BATCH_SIZE = 100


class Closing:
    """The use cases over one database. Closing needs the lock of the subject, so a test closes only once."""

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
        """Closes a test with the votes received so far, and ends its subject. Returns False if the test is not open.

        The caller must hold the lock of the subject in this transaction.
        """
        if not await self._store.suspend(connection, test_id):
            return False
        await self._subject.ended(connection, test_id)
        return True

    async def overdue(self) -> int:
        """Closes tests whose time is over, up to BATCH_SIZE of them, and returns how many."""
        async with self._database.reading() as connection:
            found = await self._store.overdue(connection, self._clock(), BATCH_SIZE)
        return sum([await self._close_if_overdue(test_id) for test_id in found])

    async def _close_if_overdue(self, test_id: str) -> bool:
        async with self._database.transaction() as connection:
            # The last vote, a retry or another process may have closed it first.
            if not await self._subject.lock(connection, test_id):
                return False
            test = await self._store.test(connection, test_id)
            if test is None or test.closes_at is None or test.open(self._clock()):
                return False
            with telemetry.working_on(test_id=test_id):
                log.info("the listening test has reached its closing time")
            return await self.close(connection, test_id)
