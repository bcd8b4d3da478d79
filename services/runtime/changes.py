"""Notifies the watchers of something in every process when any process has changed it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from services.runtime.db import Database


class Changes:
    """Wakes the watchers in this process. Whoever changes something sends its id on the channel, with `db.notify`."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._watchers: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listens for notifications until cancelled."""
        await self._database.listen(self._channel, self._on_change)

    def _on_change(self, changed_id: str) -> None:
        # The id is empty after a lost connection, because anything may have changed.
        groups = [self._watchers.get(changed_id, set())] if changed_id else list(self._watchers.values())
        for group in groups:
            for event in group:
                event.set()

    @contextmanager
    def watching(self, watched_id: str) -> Iterator[asyncio.Event]:
        """Yields an asyncio event that is set whenever what has this id may have changed."""
        event = asyncio.Event()
        self._watchers.setdefault(watched_id, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[watched_id].discard(event)
            if not self._watchers[watched_id]:
                del self._watchers[watched_id]
