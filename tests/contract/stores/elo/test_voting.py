"""A voter gets a battle, hears both clips, votes and learns who spoke."""

import pytest

from services.elo.battles.domain import BattleStatus, VoteSource
from services.elo.voting.live_ratings import RatingChange
from services.runtime.db import Database
from services.runtime.errors import NotFound, NotReady, WrongState
from services.shared.listening.domain import ListenerAnswer
from tests.contract.stores.elo.arena_world import ArenaWorld, model_id
from tests.contract.stores.subject_contract import Clock

A, B, TIE, BOTH_BAD = ListenerAnswer


@pytest.fixture
def service() -> str:
    return "elo"


@pytest.fixture
async def world(emptied_schema: Database) -> ArenaWorld:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin()
    return world


async def test_the_first_vote_decides_the_battle_and_reveals_the_models(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter():
        given = await world.heard()
        revealed = await world.vote(given, A)
    swapped = given.assignment.swapped
    assert revealed.view.battle.status is BattleStatus.DECIDED
    assert revealed.view.battle.winner == ("b" if swapped else "a")
    assert revealed.view.battle.vote_source is VoteSource.HUMAN
    assert revealed.view.battle.elo_delta == (-24 if swapped else 24)
    assert (revealed.clip_a.model.id, revealed.clip_b.model.id) == (model_id(swapped), model_id(not swapped))
    assert (revealed.clip_a.rating, revealed.clip_b.rating) == (RatingChange(1500, 1524), RatingChange(1500, 1476))
    assert revealed.votes_cast == 1
    assert (await world.stored(battle.id)).closes_at is None


async def test_no_battle_is_ready_without_open_battles(world: ArenaWorld) -> None:
    with world.voter(), pytest.raises(NotReady) as refused:
        await world.next()
    assert refused.value.metadata == {"retry_after_seconds": "5"}


async def test_a_battle_that_was_not_given_to_the_voter_can_not_be_voted_on(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter(), pytest.raises(NotFound, match="was not given to this voter"):
        await world.voting.vote(battle.id, A)


async def test_a_second_answer_is_refused_and_moves_nothing(world: ArenaWorld) -> None:
    await world.open_battle()
    with world.voter():
        given = await world.heard()
        first = await world.vote(given, A)
        with pytest.raises(WrongState, match="already answered with a") as refused:
            await world.vote(given, B)
        assert await world.vote(given, A) == first
    assert refused.value.metadata == {"status": "answered", "answer": "a"}
