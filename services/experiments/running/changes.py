"""Notifies the watchers of an experiment in every process when any process has changed it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.tables import CHANGED
from services.runtime.db import Database, notify


async def notify_watchers(connection: AsyncConnection, experiment_id: str) -> None:
    """Wakes the watchers of an experiment when the transaction commits."""
    await notify(connection, CHANGED, experiment_id)


class Changes:
    """Wakes the watchers in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listens for notifications until cancelled."""
        await self._database.listen(CHANGED, self._on_change)

    def _on_change(self, experiment_id: str) -> None:
        # The id is empty after a lost connection, because anything may have changed.
        groups = [self._watchers.get(experiment_id, set())] if experiment_id else list(self._watchers.values())
        for group in groups:
            for event in group:
                event.set()

    @contextmanager
    def watching(self, experiment_id: str) -> Iterator[asyncio.Event]:
        """Yields an asyncio event that is set whenever the experiment may have changed."""
        event = asyncio.Event()
        self._watchers.setdefault(experiment_id, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[experiment_id].discard(event)
            if not self._watchers[experiment_id]:
                del self._watchers[experiment_id]
