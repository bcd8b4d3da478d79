"""How those who watch an experiment learn that it has changed, whichever process changed it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.tables import CHANGED
from services.runtime.db import Database, notify


async def announce(connection: AsyncConnection, experiment_id: str) -> None:
    """Wakes who watches this experiment, once the transaction commits."""
    await notify(connection, CHANGED, experiment_id)


class Changes:
    """Wakes this process's watchers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listens for ever."""
        await self._database.listen(CHANGED, self._heard)

    def _heard(self, experiment_id: str) -> None:
        # Empty after a lost connection: anything may have changed.
        groups = [self._watchers.get(experiment_id, set())] if experiment_id else list(self._watchers.values())
        for group in groups:
            for event in group:
                event.set()

    @contextmanager
    def watching(self, experiment_id: str) -> Iterator[asyncio.Event]:
        """Gives an event that is set whenever the experiment may have changed."""
        event = asyncio.Event()
        self._watchers.setdefault(experiment_id, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[experiment_id].discard(event)
            if not self._watchers[experiment_id]:
                del self._watchers[experiment_id]
