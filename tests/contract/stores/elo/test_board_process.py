"""The process that publishes boards, over PostgreSQL: one of several works, and another takes over."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from services.elo.leaderboard.board_keeper import BoardKeeper, BoardProcessEnded
from services.elo.leaderboard.boards import Boards
from services.elo.leaderboard.store import BoardKey, BoardStore
from services.elo.ratings import Votes
from services.runtime.db import Database
from tests.contract.stores.elo.votes import add_cast, add_votes

HUMAN = BoardKey("", "human", "", "")
MAX_WAIT_SECONDS = 60.0


async def at_once() -> None:
    """There is work."""


@asynccontextmanager
async def kept(keeper: BoardKeeper) -> AsyncIterator["asyncio.Task[None]"]:
    run = asyncio.create_task(keeper.run())
    try:
        yield run
    finally:
        run.cancel()
        await asyncio.wait([run])


async def votes_reach(database: Database, count: int) -> None:
    """Waits until the board has so many votes."""
    boards = Boards(database, BoardStore(), 1.0)
    listening = asyncio.create_task(boards.run())
    try:
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            async for board in boards.watch(HUMAN):
                if board is not None and board.votes == count:
                    return
    finally:
        listening.cancel()
        await asyncio.wait([listening])


async def test_another_process_takes_over_when_one_is_killed(
    emptied_schema: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret of this installation")
    cast = await add_cast(emptied_schema, 2, 2, 2)
    votes = Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1])
    first = BoardKeeper(at_once)
    async with kept(first) as run:
        await add_votes(emptied_schema, cast, votes)
        await votes_reach(emptied_schema, 2)
        # The first one has the lock now.
        async with kept(BoardKeeper(at_once)):
            assert first.pid is not None
            # Calls come before boards.
            assert psutil.Process(first.pid).nice() > psutil.Process().nice()
            os.kill(first.pid, signal.SIGKILL)
            with pytest.raises(BoardProcessEnded, match="status -9"):
                await run
            await add_votes(emptied_schema, cast, votes, prefix="b")
            await votes_reach(emptied_schema, 4)
