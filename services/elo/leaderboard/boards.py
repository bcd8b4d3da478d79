"""Reads published boards. Boards that were read are kept in memory until they are computed again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from enum import StrEnum

from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow
from voicearena.elo.v1.leaderboard_service_pb2 import GetHeadToHeadResponse

from services.elo.leaderboard.store import BoardKey, BoardStore, StoredBoard
from services.elo.ratings import METHOD_VERSION
from services.elo.tables import BOARDS_CHANGED
from services.runtime.db import Database

MAX_WATCH_SECONDS = 3600.0
"""Clients connect again after it, so that a forgotten stream ends."""
MAX_OWNERS_IN_MEMORY = 100
MAX_ORDERS_IN_MEMORY = 500
"""Boards in their orders, for each owner. A board of 50 models has 10 kB."""


class Sort(StrEnum):
    """The order of the rows of a board. The values are those in the API."""

    RANK = "rank"
    ELO = "elo"
    BATTLES = "battles"
    WIN_RATE = "win_rate"
    WORD_ERRORS = "word_errors"
    QUALITY = "quality"
    LATENCY = "latency"
    PRICE = "price"


# The field of a row by which it is ordered, and whether higher values come first.
_ORDERS = {
    Sort.ELO: ("elo_rating", True),
    Sort.BATTLES: ("total_battles", True),
    Sort.WIN_RATE: ("win_rate", True),
    Sort.WORD_ERRORS: ("avg_wer", False),
    Sort.QUALITY: ("avg_quality", True),
    Sort.LATENCY: ("median_ttfa_ms", False),
    Sort.PRICE: ("cost_per_1000_characters", False),
}


def ordered(rows: Collection[LeaderboardRow], sort: Sort) -> list[LeaderboardRow]:
    """Returns the rows of a board in an order. Rows without the value come last, and equal ones stay by rank."""
    if sort is Sort.RANK:
        return list(rows)
    name, highest_first = _ORDERS[sort]
    optional = LeaderboardRow.DESCRIPTOR.fields_by_name[name].has_presence

    def place(row: LeaderboardRow) -> tuple[bool, float]:
        value = float(getattr(row, name))
        absent = optional and not row.HasField(name)  # type: ignore[arg-type]
        return absent, 0.0 if absent else -value if highest_first else value

    return sorted(rows, key=place)


@dataclass(slots=True)
class _InMemory:
    """The boards of one owner that were read since they were last computed."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Is set when they are computed again. Then this object is not used any more."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    keys: Collection[BoardKey] | None = None
    """All boards that the owner has. None until they are read."""
    messages: OrderedDict[tuple[BoardKey, Sort], Leaderboard] = field(default_factory=OrderedDict)


class Boards:
    """Reads published boards. `run` must run beside it."""

    def __init__(self, database: Database, store: BoardStore, heartbeat_seconds: float) -> None:
        self._database = database
        self._store = store
        self._heartbeat_seconds = heartbeat_seconds
        self._in_memory: OrderedDict[str, _InMemory] = OrderedDict()

    async def run(self) -> None:
        """Forgets boards when any process has computed them again, until cancelled."""
        await self._database.listen(BOARDS_CHANGED, self.forget)

    def forget(self, owner: str) -> None:
        """Reads the boards of an owner again at their next use."""
        # An empty name is the public board, or comes after a lost connection: anything may have changed then.
        for one in [owner] if owner else list(self._in_memory):
            if forgotten := self._in_memory.pop(one, None):
                forgotten.changed.set()

    async def leaderboard(self, key: BoardKey, sort: Sort) -> Leaderboard:
        """Returns a board with its rows in an order. A board without votes has no rows."""
        return await self._leaderboard(self._of(key.owner), key, sort)

    async def watch(self, key: BoardKey) -> AsyncGenerator[Leaderboard | None, None]:
        """Yields a board as it is, then each time it is computed again, and None as a heartbeat in between.

        Ends after MAX_WATCH_SECONDS.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + MAX_WATCH_SECONDS
        while True:
            in_memory = self._of(key.owner)
            yield await self._leaderboard(in_memory, key, Sort.RANK)
            while not in_memory.changed.is_set():
                left = ends_at - loop.time()
                if left <= 0:
                    return
                try:
                    async with asyncio.timeout(min(self._heartbeat_seconds, left)):
                        await in_memory.changed.wait()
                except TimeoutError:
                    yield None

    async def head_to_head(self, key: BoardKey) -> GetHeadToHeadResponse:
        """Returns the results of each pair of a board. Empty without votes."""
        async with self._database.reading() as connection:
            stored = await self._store.get(connection, key)
        if stored is None:
            return GetHeadToHeadResponse()
        message = GetHeadToHeadResponse.FromString(stored.head_to_head)
        message.computed_at.FromDatetime(stored.computed_at)
        return message

    def _of(self, owner: str) -> _InMemory:
        found = self._in_memory.get(owner)
        if found is None:
            found = self._in_memory[owner] = _InMemory()
            while len(self._in_memory) > MAX_OWNERS_IN_MEMORY:
                # Watchers read again.
                self._in_memory.popitem(last=False)[1].changed.set()
        return found

    async def _leaderboard(self, in_memory: _InMemory, key: BoardKey, sort: Sort) -> Leaderboard:
        found = in_memory.messages.get((key, sort))
        if found is not None:
            return found
        async with in_memory.reading:
            if in_memory.keys is None:
                async with self._database.reading() as connection:
                    in_memory.keys = await self._store.keys(connection, key.owner)
            if key not in in_memory.keys:
                # Not kept: anybody can ask for any category.
                return Leaderboard(
                    board=Leaderboard.Board.Value(key.board),
                    category=key.category,
                    language=key.language,
                    method_version=METHOD_VERSION,
                    connected=True,
                )
            if (key, sort) not in in_memory.messages:
                async with self._database.reading() as connection:
                    stored = await self._store.get(connection, key)
                in_memory.messages[key, sort] = _message(stored, sort)
                while len(in_memory.messages) > MAX_ORDERS_IN_MEMORY:
                    in_memory.messages.popitem(last=False)
            return in_memory.messages[key, sort]


def _message(stored: StoredBoard | None, sort: Sort) -> Leaderboard:
    if stored is None:
        # Its last votes were excluded a moment ago.
        return Leaderboard()
    message = Leaderboard.FromString(stored.leaderboard)
    message.computed_at.FromDatetime(stored.computed_at)
    message.next_at.FromDatetime(stored.next_at)
    rows = ordered(message.rows, sort)
    del message.rows[:]
    message.rows.extend(rows)
    return message
