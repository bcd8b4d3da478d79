"""Lists the daily snapshots of boards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from voicearena.elo.v1.leaderboard_pb2 import Snapshot

from services.elo.leaderboard.store import BoardStore
from services.runtime.db import Database
from services.runtime.pages import Pages

DEFAULT_SNAPSHOTS = 100
MAX_SNAPSHOTS = 1000


class HistoryFilter(NamedTuple):
    """Selects snapshots. An empty category means the boards over all, an empty model all models."""

    owner: str
    board: str
    category: str
    model_id: str


class History:
    """Reads snapshots."""

    def __init__(self, database: Database, store: BoardStore, pages: Pages) -> None:
        self._database = database
        self._store = store
        self._pages = pages

    async def page(self, wanted: HistoryFilter, size: int, token: str) -> tuple[Sequence[Snapshot], str]:
        """Returns a page of snapshots, newest first, and the token of the next page."""

        async def fetch(after: Any, limit: int) -> Sequence[Snapshot]:
            async with self._database.reading() as connection:
                return await self._store.snapshots(connection, *wanted, after, limit)

        return await self._pages.page(
            size,
            token,
            {"list": "snapshots", **wanted._asdict()},
            fetch,
            lambda one: (one.snapshot_date, one.model_id),
            DEFAULT_SNAPSHOTS,
            MAX_SNAPSHOTS,
        )
