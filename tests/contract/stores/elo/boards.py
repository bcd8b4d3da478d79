"""Publishes and reads boards in tests."""

from datetime import timedelta

from voicearena.elo.v1.leaderboard_pb2 import Leaderboard

from services.elo.leaderboard.publishing import Publishing
from services.elo.leaderboard.store import BoardKey, BoardStore, StoredBoard
from services.elo.ratings import LiveElo
from services.runtime.db import Database

STORE = BoardStore()


def publishing(database: Database, interval: timedelta = timedelta(hours=1)) -> Publishing:
    """Returns what publishes boards, without votes in memory."""
    return Publishing(database, STORE, LiveElo(), interval)


async def published_round(database: Database) -> int:
    """Publishes all boards. Returns their number."""
    return await publishing(database).round()


async def stored(
    database: Database, board: str = "human", owner: str = "", category: str = "", language: str = ""
) -> StoredBoard | None:
    """Returns a board as it is stored."""
    async with database.reading() as connection:
        return await STORE.get(connection, BoardKey(owner, board, category, language))


async def board(
    database: Database, board: str = "human", owner: str = "", category: str = "", language: str = ""
) -> Leaderboard:
    """Returns the message of a stored board."""
    found = await stored(database, board, owner, category, language)
    assert found is not None
    return Leaderboard.FromString(found.leaderboard)


def force_due(publisher: Publishing) -> None:
    """Lets the shortest pause between two computations pass."""
    for schedule in (publisher.schedules or {}).values():
        assert schedule.computed_at is not None
        schedule.computed_at -= timedelta(minutes=1)
