"""What a voter can read of themselves."""

import pytest

from services.elo.voting.voters import MIN_RANKED_VOTES
from services.runtime.db import Database
from services.runtime.errors import CredentialsMissing
from services.shared.listening.domain import ListenerAnswer
from tests.contract.stores.elo.arena_world import ArenaWorld, model_id
from tests.contract.stores.subject_contract import NOON, Clock

A, B, TIE, BOTH_BAD = ListenerAnswer


@pytest.fixture
async def world(emptied_schema: Database) -> ArenaWorld:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin(models=3)
    return world


async def vote_for(world: ArenaWorld, preferred: int, a: int, b: int) -> None:
    """Votes for one model in a battle of two."""
    await world.open_battle(a, b)
    given = await world.heard()
    side_a_won = preferred == a
    await world.vote(given, A if side_a_won != given.assignment.swapped else B)


async def test_a_voter_without_votes_has_nothing(world: ArenaWorld) -> None:
    with world.voter() as id_:
        found = await world.read_voter.get()
    assert (found.id, found.votes_cast, found.votes_until_ranking, found.first_vote_at) == (id_, 0, 30, None)
    with pytest.raises(CredentialsMissing):
        await world.read_voter.get()


async def test_my_own_ranking_begins_with_30_votes_and_has_mine_only(world: ArenaWorld) -> None:
    with world.voter() as me:
        for _ in range(20):
            await vote_for(world, 0, 0, 1)
        for _ in range(9):
            await vote_for(world, 1, 2, 1)
    with world.voter():
        for _ in range(3):
            await vote_for(world, 2, 2, 0)
    with world.voter(me):
        before = await world.read_voter.get()
        assert (before.votes_cast, before.votes_until_ranking, before.ranking) == (29, 1, ())
        assert before.first_vote_at is not None
        assert before.first_vote_at > NOON
        await world.open_battle(2, 1)
        await world.vote(await world.heard(), TIE)
        mine = await world.read_voter.get()
    assert (mine.votes_cast, mine.votes_until_ranking) == (MIN_RANKED_VOTES, 0)
    assert [(one.model_id, one.votes, one.won_share) for one in mine.ranking] == [
        (model_id(0), 20, 1.0),
        (model_id(1), 30, pytest.approx(9.5 / 30)),
        (model_id(2), 10, pytest.approx(0.05)),
    ]
