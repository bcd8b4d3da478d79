"""Boards are computed from the stored votes, and only when there is something new."""

from datetime import timedelta

import numpy as np
import pytest
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard

from services.elo.leaderboard.publishing import Publishing
from services.elo.leaderboard.store import BoardKey, BoardStore, StoredBoard
from services.elo.ratings import VoteKind, Votes, publish
from services.runtime.db import Database
from tests.contract.stores.elo.votes import Cast, add_cast, add_votes
from tests.simulated_votes import Arena

HOUR = timedelta(hours=1)
STORE = BoardStore()


@pytest.fixture
def service() -> str:
    return "elo"


async def stored(
    database: Database, board: str = "human", owner: str = "", category: str = "", language: str = ""
) -> StoredBoard:
    async with database.reading() as connection:
        found = await STORE.get(connection, BoardKey(owner, board, category, language))
    assert found is not None
    return found


async def board(database: Database, *key: str, **names: str) -> Leaderboard:
    return Leaderboard.FromString((await stored(database, *key, **names)).leaderboard)


async def simulated(database: Database, arena: Arena, seed: int = 1) -> tuple[Cast, Votes]:
    random = np.random.default_rng(seed)
    votes = arena.vote(arena.strengths(random), random)
    cast = await add_cast(database, arena.models, arena.scenarios, arena.voters)
    await add_votes(database, cast, votes)
    return cast, votes


SMALL = Arena(models=5, scenarios=24, voters=80, votes=700, activity_spread=0.5)


async def test_the_stored_board_is_the_fit_of_its_votes(emptied_schema: Database) -> None:
    cast, votes = await simulated(emptied_schema, SMALL)
    assert await Publishing(emptied_schema, STORE, HOUR).round() == 8
    expected = publish({VoteKind.HUMAN: votes}, 5)
    found = await board(emptied_schema)
    assert (found.votes, found.battles, found.voters, found.connected) == (700, 700, len(set(votes.voter)), True)
    by_id = {row.model_id: row for row in found.rows}
    for at, (model_id, _) in enumerate(cast.models):
        row = by_id[model_id]
        assert row.rating == pytest.approx(expected.elo[at], abs=1e-9)
        assert row.rating_high - row.rating == pytest.approx(expected.half_width[at], abs=1e-6)
        assert (row.rank, row.rank_worst) == (expected.rank[at], expected.rank_worst[at])
        assert row.provisional == expected.provisional[at]
        assert row.wins + row.losses + row.ties == (votes.a == at).sum() + (votes.b == at).sum()
    assert [(row.rank, -row.rating) for row in found.rows] == sorted((row.rank, -row.rating) for row in found.rows)
    assert found.fragility.votes > 0
    assert found.slot_effect.points_low < found.slot_effect.points < found.slot_effect.points_high
