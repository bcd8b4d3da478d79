"""Boards are read once, and again when any process has computed them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.leaderboard.boards import Boards, Sort
from services.elo.leaderboard.store import BoardKey, BoardStore, StoredBoard
from services.elo.ratings import Votes
from services.elo.tables import BATTLE_VOTES
from services.runtime.db import Database
from tests.contract.stores.elo.boards import force_due, publishing
from tests.contract.stores.elo.votes import add_cast, add_votes

HUMAN = BoardKey("", "human", "", "")
MAX_WAIT_SECONDS = 10.0
VOTES = Votes.of([0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 2], [0, 1, 0, 1], [0, 1, 1, 0])


class CountingStore(BoardStore):
    """Counts the boards that are read."""

    def __init__(self) -> None:
        self.reads = 0

    async def get(self, connection: AsyncConnection, key: BoardKey) -> StoredBoard | None:
        self.reads += 1
        return await super().get(connection, key)


@asynccontextmanager
async def running(boards: Boards) -> AsyncIterator[None]:
    """Runs what forgets boards."""
    run = asyncio.create_task(boards.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.wait([run])


async def voted(database: Database, owner: str = "") -> None:
    cast = await add_cast(database, 2, 2, 2)
    await add_votes(database, cast, VOTES, owner=owner)


async def test_a_board_is_read_once_for_each_order(emptied_schema: Database) -> None:
    await voted(emptied_schema)
    await publishing(emptied_schema).round()
    store = CountingStore()
    boards = Boards(emptied_schema, store, 10.0)
    found = await asyncio.gather(*(boards.leaderboard(HUMAN, Sort.RANK) for _ in range(20)))
    assert {one.votes for one in found} == {4}
    assert store.reads == 1
    by_elo = await boards.leaderboard(HUMAN, Sort.ELO)
    assert {row.model_id for row in by_elo.rows} == {"mdl_a0", "mdl_a1"}
    assert store.reads == 2


async def test_unknown_boards_are_empty_and_cost_no_read(emptied_schema: Database) -> None:
    await voted(emptied_schema)
    await publishing(emptied_schema).round()
    store = CountingStore()
    boards = Boards(emptied_schema, store, 10.0)
    for number in range(50):
        found = await boards.leaderboard(HUMAN._replace(category=f"unknown {number}"), Sort.RANK)
        assert (len(found.rows), found.votes, found.HasField("computed_at")) == (0, 0, False)
    assert store.reads == 0


async def test_a_watcher_gets_the_board_again_when_it_was_computed(emptied_schema: Database) -> None:
    await voted(emptied_schema)
    publisher = publishing(emptied_schema)
    await publisher.round()
    boards = Boards(emptied_schema, BoardStore(), 0.2)
    async with asyncio.timeout(MAX_WAIT_SECONDS), running(boards), aclosing(boards.watch(HUMAN)) as messages:
        first = await anext(messages)
        assert first is not None
        assert first.votes == 4
        # Beginning to listen can have made it forget everything.
        while await anext(messages) is not None:
            pass
        assert await anext(messages) is None
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.seq == 1).values(counted=False))
        force_due(publisher)
        await publisher.round()
        async for message in messages:
            if message is not None and message.votes == 3:
                break
        assert (await boards.leaderboard(HUMAN, Sort.RANK)).votes == 3


async def test_boards_of_other_owners_stay_in_memory(emptied_schema: Database) -> None:
    await voted(emptied_schema, owner="dev_a")
    await publishing(emptied_schema).round()
    store = CountingStore()
    boards = Boards(emptied_schema, store, 10.0)
    owners: Mapping[str, int] = {"dev_a": 4, "dev_b": 0}
    for owner, votes in owners.items():
        assert (await boards.leaderboard(HUMAN._replace(owner=owner), Sort.RANK)).votes == votes
    boards.forget("dev_b")
    await boards.leaderboard(HUMAN._replace(owner="dev_a"), Sort.RANK)
    assert store.reads == 1
    boards.forget("dev_a")
    await boards.leaderboard(HUMAN._replace(owner="dev_a"), Sort.RANK)
    assert store.reads == 2


async def test_a_watch_ends(emptied_schema: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.elo.leaderboard.boards.MAX_WATCH_SECONDS", 0.5)
    boards = Boards(emptied_schema, BoardStore(), 0.1)
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        messages = [message async for message in boards.watch(HUMAN)]
    assert messages[0] is not None
    assert len(messages) > 2
    assert set(map(type, messages[1:])) == {type(None)}
