"""300 rigged votes from 20 sessions at one address, cast by the real use cases among 6,000 honest votes."""

from collections import Counter

import numpy as np
import pytest
import sqlalchemy as sa

from services.elo.domain import INSTALLATION
from services.elo.ratings import Board, VoteKind, Votes, publish
from services.elo.tables import BATTLE_VOTES, LIVE_RATINGS
from services.runtime.db import Database
from tests.contract.stores.elo.cast_votes import add_cast_votes
from tests.contract.stores.elo.integrity_world import IntegrityWorld
from tests.contract.stores.elo.rows import NOON
from tests.contract.stores.subject_contract import Clock
from tests.simulated_votes import Arena

MODELS, HONEST_VOTERS, HONEST_VOTES = 12, 200, 6000
SESSIONS, VOTES_PER_SESSION = 20, 15
PER_OFFICE = 5
"""Honest voters at each address."""
RIGGED_ADDRESS = b"of the rigger"


@pytest.fixture(scope="module")
def honest() -> Votes:
    """Votes of people with tastes."""
    arena, random = Arena(models=MODELS, voters=HONEST_VOTERS, votes=HONEST_VOTES), np.random.default_rng(21)
    return arena.vote(arena.strengths(random), random)


@pytest.fixture
async def world(emptied_schema: Database, honest: Votes) -> IntegrityWorld:
    world = IntegrityWorld(emptied_schema, Clock())
    await world.begin(MODELS)
    await add_cast_votes(
        emptied_schema,
        honest,
        world.models,
        ("scn_" + "a" * 32, world.scenario_seq),
        until=NOON,
        address_of=lambda voter: b"office %d" % (voter // PER_OFFICE),
    )
    return world


async def counted_votes(world: IntegrityWorld) -> tuple[Votes, np.ndarray]:
    """Returns the counted votes of people as in a published board, and which of them are honest."""
    row = BATTLE_VOTES.c
    query = sa.select(row.model_a_seq, row.model_b_seq, row.outcome, row.voter_seq).where(
        row.kind == "human", row.rated, row.counted
    )
    async with world.database.reading() as connection:
        found = np.array([tuple(each) for each in await connection.execute(query.order_by(row.seq))])
    numbers = {seq: number for number, (_, seq) in enumerate(world.models)}
    a, b = ([numbers[seq] for seq in found[:, column]] for column in (0, 1))
    votes = Votes.of(a, b, found[:, 2], np.arange(len(found)) % 48, found[:, 3] - 1)
    return votes, votes.voter < HONEST_VOTERS


def rank_groups(board: Board) -> list[tuple[int, int]]:
    return list(zip(board.rank.tolist(), board.rank_worst.tolist(), strict=True))


async def rig(world: IntegrityWorld, model: int) -> list[str]:
    """20 sessions at one address get battles, hear both clips, and always prefer one model. Returns the sessions."""
    random, sessions = np.random.default_rng(22), []
    world.address = RIGGED_ADDRESS
    for _ in range(SESSIONS):
        with world.voter() as session:
            for _ in range(VOTES_PER_SESSION):
                rival = int((model + random.integers(1, MODELS)) % MODELS)
                await world.open_battle(*((model, rival) if random.random() < 0.5 else (rival, model)))
                await world.cast_for(model)
        # Rounds of judging come between the sessions, as in the service.
        await world.rejudging.judge_due()
        sessions.append(session)
    return sessions


async def test_300_rigged_votes_from_one_address_move_nobodys_rank_group(world: IntegrityWorld, honest: Votes) -> None:
    scenario = np.arange(len(honest)) % 48
    clean = publish({VoteKind.HUMAN: Votes.of(honest.a, honest.b, honest.outcome, scenario, honest.voter)}, MODELS)
    model = int(np.argsort(clean.elo)[MODELS // 2])
    async with world.database.reading() as connection:
        live = LIVE_RATINGS.c
        query = sa.select(live.model_seq, live.rating).where(live.owner == INSTALLATION)
        before = {row.model_seq: row.rating for row in await connection.execute(query)}
    sessions = await rig(world, model)
    await world.judge()
    states = [state for session in sessions for state in await world.states(session)]
    reasons = Counter(reason for _, reason in states)
    assert reasons["unlike_others"] >= 10 * VOTES_PER_SESSION - 10
    assert set(reasons) == {"unlike_others", "address_limit"}
    votes, is_honest = await counted_votes(world)
    assert is_honest.sum() > 0.99 * len(honest)
    # The first votes of the first sessions, before enough of them were known, are found as well.
    assert len(votes) - is_honest.sum() == 0
    assert rank_groups(publish({VoteKind.HUMAN: votes}, MODELS)) == rank_groups(clean)
    async with world.database.reading() as connection:
        after = {row.model_seq: row.rating for row in await connection.execute(query)}
    assert after[world.models[model][1]] == pytest.approx(before[world.models[model][1]], abs=60)
    async with world.database.transaction() as connection:
        assert await world.ratings.replay(connection, INSTALLATION) == after


async def test_an_office_of_honest_voters_keeps_its_votes(world: IntegrityWorld, honest: Votes) -> None:
    """Each address has five voters, and nobody is excluded for it."""
    async with world.database.transaction() as connection:
        await world.store.make_due(connection, range(1, HONEST_VOTERS + 1))
    await world.judge()
    votes, is_honest = await counted_votes(world)
    assert is_honest.all()
    assert len(votes) > 0.99 * len(honest)
