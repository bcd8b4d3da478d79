"""Each vote moves two live ratings, and replaying the stored votes gives the same ratings."""

import asyncio
import random

import pytest
import sqlalchemy as sa

from services.elo.battles.domain import Battle
from services.elo.domain import FIRST_RATING, INSTALLATION
from services.elo.ratings import LiveElo, Outcome, VoteKind
from services.elo.tables import BATTLE_VOTES, LIVE_RATINGS
from services.elo.voting.live_ratings import LiveRatings, NewVote, RatingChange
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_battles, add_models, add_scenario, add_voter, battle

RATINGS = LiveRatings(LiveElo())


async def cast(database: Database, on: Battle, vote: NewVote) -> tuple[RatingChange, RatingChange]:
    async with database.transaction() as connection:
        return await RATINGS.cast(connection, on, vote)


async def stored(database: Database, owner: str = INSTALLATION) -> dict[int, float]:
    async with database.reading() as connection:
        query = sa.select(LIVE_RATINGS.c.model_seq, LIVE_RATINGS.c.rating).where(LIVE_RATINGS.c.owner == owner)
        return {row.model_seq: row.rating for row in await connection.execute(query)}


async def add_ratings(database: Database, *battles: Battle) -> None:
    """Adds the first ratings, as it is done before a battle opens."""
    for each in battles:
        async with database.transaction() as connection:
            await RATINGS.add(connection, each)


async def two_models(database: Database, **values: object) -> tuple[Battle, int]:
    a, b = await add_models(database, "mdl_a", "mdl_b")
    fought = battle("bat_a", ("mdl_a", a), ("mdl_b", b), await add_scenario(database), **values)
    await add_battles(database, fought)
    await add_ratings(database, fought)
    return fought, await add_voter(database, "usr_a")


async def test_a_vote_of_a_person_moves_both_ratings_by_24_points(emptied_schema: Database) -> None:
    fought, voter = await two_models(emptied_schema)
    vote = NewVote(id="pai_a", kind=VoteKind.HUMAN, outcome=Outcome.A, voter_seq=voter, at=NOON)
    assert await cast(emptied_schema, fought, vote) == (RatingChange(1500, 1524), RatingChange(1500, 1476))
    assert await stored(emptied_schema) == {fought.model_a_seq: 1524, fought.model_b_seq: 1476}


async def test_with_swapped_sides_clip_a_is_side_b(emptied_schema: Database) -> None:
    fought, voter = await two_models(emptied_schema)
    vote = NewVote(id="pai_a", kind=VoteKind.HUMAN, outcome=Outcome.A, swapped=True, voter_seq=voter, at=NOON)
    assert await cast(emptied_schema, fought, vote) == (RatingChange(1500, 1476), RatingChange(1500, 1524))
    async with emptied_schema.reading() as connection:
        row = (await connection.execute(sa.select(BATTLE_VOTES))).one()
    assert (row.model_a_seq, row.model_b_seq, row.outcome, row.change_a) == (
        fought.model_b_seq,
        fought.model_a_seq,
        Outcome.A,
        24,
    )


@pytest.mark.parametrize("values", [{"rated": False}, {"counted": False}])
async def test_a_vote_without_rating_is_stored_and_moves_nothing(
    emptied_schema: Database, values: dict[str, bool]
) -> None:
    fought, voter = await two_models(emptied_schema, rated=values.get("rated", True))
    counted = values.get("counted", True)
    vote = NewVote(id="pai_a", kind=VoteKind.HUMAN, outcome=Outcome.B, voter_seq=voter, counted=counted, at=NOON)
    assert await cast(emptied_schema, fought, vote) == (RatingChange(1500, 1500), RatingChange(1500, 1500))
    async with emptied_schema.reading() as connection:
        assert (await connection.execute(sa.select(BATTLE_VOTES.c.counted))).scalar_one() is counted


async def test_replaying_simultaneous_votes_gives_the_stored_ratings_to_the_last_bit(emptied_schema: Database) -> None:
    rng = random.Random(7)
    ids = [f"mdl_{number}" for number in range(6)]
    numbers = dict(zip(ids, await add_models(emptied_schema, *ids), strict=True))
    scenario, voter = await add_scenario(emptied_schema), await add_voter(emptied_schema, "usr_a")
    battles = []
    for number in range(60):
        a, b = rng.sample(ids, 2)
        battles.append(battle(f"bat_{number}", (a, numbers[a]), (b, numbers[b]), scenario))
    await add_battles(emptied_schema, *battles)
    await add_ratings(emptied_schema, *battles)
    votes = [
        NewVote(
            id=f"pai_{number}",
            kind=VoteKind.HUMAN if number % 3 else VoteKind.METRICS,
            outcome=rng.choice(list(Outcome)),
            swapped=number % 3 == 1,
            voter_seq=voter if number % 3 else None,
            at=NOON,
        )
        for number in range(60)
    ]
    await asyncio.gather(*(cast(emptied_schema, *each) for each in zip(battles, votes, strict=True)))
    before = await stored(emptied_schema)
    assert set(before) <= set(numbers.values())
    assert any(rating != FIRST_RATING for rating in before.values())
    async with emptied_schema.transaction() as connection:
        assert await RATINGS.replay(connection, INSTALLATION) == before
    assert await stored(emptied_schema) == before


async def test_a_replay_leaves_out_what_does_not_count(emptied_schema: Database) -> None:
    fought, voter = await two_models(emptied_schema)
    await cast(
        emptied_schema, fought, NewVote(id="bat_a", kind=VoteKind.METRICS, outcome=Outcome.B, voter_seq=None, at=NOON)
    )
    once = await stored(emptied_schema)
    await cast(
        emptied_schema, fought, NewVote(id="pai_a", kind=VoteKind.HUMAN, outcome=Outcome.A, voter_seq=voter, at=NOON)
    )
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.id == "pai_a").values(counted=False))
        assert await RATINGS.replay(connection, INSTALLATION) == once
    with pytest.raises(sa.exc.DBAPIError, match="votes are not changed"):
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.update(BATTLE_VOTES).values(outcome=2))
