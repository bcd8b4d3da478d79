"""Which votes in battles count, and how they are judged again."""

import asyncio
import re
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.battle_service_pb2 import NextBattleResponse, VoteInBattleResponse, Voter

from services.elo.battles.domain import BattleStatus
from services.elo.domain import INSTALLATION
from services.elo.integrity.settings import IntegritySettings
from services.elo.tables import LIVE_RATINGS, SCENARIOS
from services.elo.voting.live_ratings import RatingChange
from services.runtime.db import Database
from services.runtime.errors import RateLimited, WrongState
from services.shared.listening.domain import Listener, ListenerAnswer
from services.shared.listening.judging import MIN_SAME_SIDE, CastVote
from services.shared.listening.vote_store import SqlVoteStore
from tests.contract.stores.elo.integrity_world import IntegrityWorld
from tests.contract.stores.subject_contract import Clock

A, B, TIE, BOTH_BAD = ListenerAnswer
COUNTED = ("counted", "")
ADDRESS_LIMIT, ONE_SIDE = ("excluded", "address_limit"), ("excluded", "one_side")


@pytest.fixture
async def world(emptied_schema: Database) -> IntegrityWorld:
    world = IntegrityWorld(emptied_schema, Clock(), max_voters_per_address=2, max_battles_per_minute=10)
    await world.begin()
    return world


async def live(world: IntegrityWorld) -> dict[int, tuple[float, int, int, int]]:
    """Returns rating, wins, losses and ties of each model."""
    row = LIVE_RATINGS.c
    query = sa.select(row.model_seq, row.rating, row.wins, row.losses, row.ties).where(row.owner == INSTALLATION)
    async with world.database.reading() as connection:
        return {seq: tuple(values) for seq, *values in await connection.execute(query)}  # type: ignore[misc]


async def cast_by_somebody(world: IntegrityWorld, answer: ListenerAnswer) -> str:
    """A new voter votes, while others do the same. Returns their id."""
    with world.voter() as voter:
        while True:
            given = await world.heard()
            try:
                await world.vote(given, answer)
            except WrongState:
                # Another voter was quicker, and has decided the battle.
                continue
            return voter


async def test_votes_of_further_voters_at_an_address_are_recorded_and_do_not_count(world: IntegrityWorld) -> None:
    world.address = b"office"
    reasons = []
    for _ in range(3):
        await world.open_battle()
        with world.voter() as voter:
            await world.cast()
        reasons += await world.states(voter)
    assert reasons == [COUNTED, COUNTED, ADDRESS_LIMIT]
    assert await world.counted() == [True, True, False]


async def test_an_office_is_not_locked_out_for_ever(world: IntegrityWorld) -> None:
    world.address = b"office"
    for _ in range(3):
        await world.open_battle()
    for _ in range(2):
        with world.voter():
            await world.cast()
    world.later(hours=25)
    with world.voter() as voter:
        await world.cast()
    assert await world.states(voter) == [COUNTED]


async def test_voters_who_come_at_once_do_not_share_the_last_place_of_an_address(world: IntegrityWorld) -> None:
    world.address = b"office"

    for _ in range(30):
        await world.open_battle()
    voters = await asyncio.gather(*(cast_by_somebody(world, A) for _ in range(6)))
    states = [state for voter in voters for state in await world.states(voter)]
    assert sorted(states) == [COUNTED, COUNTED, *[ADDRESS_LIMIT] * 4]


async def test_the_answer_to_an_excluded_vote_is_that_to_a_counted_one(world: IntegrityWorld) -> None:
    world.address = b"office"
    for _ in range(2):
        await world.open_battle()
        with world.voter():
            await world.cast()
    before = await live(world)
    await world.open_battle()
    with world.voter() as voter:
        given = await world.heard()
        revealed = await world.vote(given, A)
    assert await world.states(voter) == [ADDRESS_LIMIT]
    assert await live(world) == before
    change = revealed.clip_a.rating.after - revealed.clip_a.rating.before
    assert change > 0
    assert revealed.clip_b.rating == RatingChange(revealed.clip_b.rating.before, revealed.clip_b.rating.before - change)


async def test_votes_beyond_the_daily_limit_are_recorded_and_do_not_count(world: IntegrityWorld) -> None:
    world.judging._rules = IntegritySettings(max_counted_votes_per_day=2).judging_rules
    with world.voter() as voter:
        for answer in (A, B, A):
            await world.open_battle()
            await world.cast(answer)
        assert await world.states(voter) == [COUNTED, COUNTED, ("excluded", "daily_limit")]
        world.later(hours=25)
        await world.open_battle()
        await world.cast(B)
    assert (await world.states(voter))[3] == COUNTED
    await world.judge()
    assert await world.counted() == [True, True, False, True]


async def test_fifty_votes_in_ten_seconds_are_stopped_after_ten_battles(world: IntegrityWorld) -> None:
    for _ in range(50):
        await world.open_battle()
    with world.voter():
        given = []
        for _ in range(10):
            given.append(await world.heard())
            await world.vote(given[-1])
            world.clock.at = given[0].assignment.shown_at
        with pytest.raises(RateLimited, match=r"at most 10 new battles a minute\. Try again in 60 s") as refused:
            await world.next()
        assert refused.value.metadata == {"retry_after_seconds": "60"}
        world.later(seconds=59)
        with pytest.raises(RateLimited, match="Try again in 1 s"):
            await world.next()
        world.later(seconds=1)
        unanswered = await world.next()
        # Asking again for the same battle is no new battle.
        for _ in range(20):
            assert (await world.next()).battle.id == unanswered.battle.id
    with world.voter():
        assert await world.next()


async def test_votes_for_one_side_only_are_excluded_and_all_counts_and_ratings_follow(world: IntegrityWorld) -> None:
    with world.voter() as other:
        await world.open_battle()
        await world.cast_for(1)
    without = await live(world)
    battles = []
    with world.voter() as voter:
        for _ in range(MIN_SAME_SIDE):
            await world.open_battle()
            battles.append((await world.cast(A)).battle.id)
            world.later(minutes=1)
    # The tenth is judged with those before it. The others are judged again in the background.
    assert await world.states(voter) == [*[COUNTED] * (MIN_SAME_SIDE - 1), ONE_SIDE]
    decided = [await world.stored(battle) for battle in battles]
    await world.judge()
    assert await world.states(voter) == [ONE_SIDE] * MIN_SAME_SIDE
    assert await world.states(other) == [COUNTED]
    assert await live(world) == without
    async with world.database.reading() as connection:
        assert (await connection.execute(sa.select(SCENARIOS.c.votes))).scalar_one() == 1
    for battle_id, before in zip(battles, decided, strict=True):
        after = await world.stored(battle_id)
        assert (after.votes_a, after.votes_b) == (0, 0)
        # What was said when the vote was cast stays.
        assert (after.elo_delta, after.winner, after.status) == (before.elo_delta, before.winner, before.status)
    # Nothing changes any more, and further votes for the other side make all of them count again.
    await world.judge()
    world.later(minutes=1)
    with world.voter(voter):
        await world.open_battle()
        await world.cast(B)
    await world.judge()
    assert await world.states(voter) == [COUNTED] * (MIN_SAME_SIDE + 1)
    assert await world.counted() == [True] * (MIN_SAME_SIDE + 2)
    wins = {seq: values[1] for seq, values in (await live(world)).items()}
    assert sum(wins.values()) == MIN_SAME_SIDE + 2
    async with world.database.transaction() as connection:
        ratings = {seq: values[0] for seq, values in (await live(world)).items()}
        assert await world.ratings.replay(connection, INSTALLATION) == ratings


async def test_a_voter_is_not_told_that_their_votes_are_judged_again(world: IntegrityWorld) -> None:
    with world.voter() as voter:
        reveals = []
        for _ in range(MIN_SAME_SIDE):
            await world.open_battle()
            given = await world.heard()
            reveals.append((given, await world.vote(given, A)))
            world.later(minutes=1)
        before = await world.read_voter.get()
    await world.judge()
    assert await world.states(voter) == [ONE_SIDE] * MIN_SAME_SIDE
    with world.voter(voter):
        assert await world.read_voter.get() == before
        for given, first in reveals:
            again = await world.vote(given, A)
            assert (again.clip_a.rating, again.clip_b.rating) == (first.clip_a.rating, first.clip_b.rating)
            assert (again.view.battle.rated, again.view.battle.elo_delta) == (True, first.view.battle.elo_delta)
            assert again.votes_cast == MIN_SAME_SIDE
    for message in (VoteInBattleResponse, Voter, NextBattleResponse):
        told = {name for name in message.DESCRIPTOR.fields_by_name if re.search("state|exclu|count|reason", name)}
        assert told <= {"unrated_reason"}


class Faulty(SqlVoteStore):
    """A store of votes whose places can't be read."""

    broken = True

    async def places(self, connection: AsyncConnection, *args: object, **values: object) -> Sequence[str]:  # type: ignore[override]
        if self.broken:
            await connection.execute(sa.text("SELECT no_such_function()"))
        return await super().places(connection, *args, **values)  # type: ignore[arg-type, return-value]


async def test_complaint_8_votes_that_can_not_be_judged_are_unknown_and_judged_later(
    emptied_schema: Database,
) -> None:
    """Votes were never counted for three months, because a captcha was down."""
    votes = Faulty()
    world = IntegrityWorld(emptied_schema, Clock(), max_voters_per_address=1, votes=votes)
    await world.begin()
    world.address = b"office"
    voters = []
    for _ in range(2):
        await world.open_battle()
        with world.voter() as voter:
            revealed = await world.vote(await world.heard())
            assert revealed.view.battle.status is BattleStatus.DECIDED
        voters.append(voter)
    assert [await world.states(voter) for voter in voters] == [[("", "")], [("", "")]]
    assert await world.counted() == [True, True]
    # Still down: nothing is lost, and the voters stay due.
    assert await world.rejudging.judge_due() == 0
    assert await world.counted() == [True, True]
    votes.broken = False
    await world.judge()
    # Each is judged as of its own time: the first took the only place, and the second came too late.
    assert [await world.states(voter) for voter in voters] == [[COUNTED], [ADDRESS_LIMIT]]
    assert await world.counted() == [True, False]
    assert {values[1:3] for values in (await live(world)).values()} == {(1, 0), (0, 1)}


class FaultyForOne(SqlVoteStore):
    """A store of votes that can't read those of one voter."""

    voter = ""

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        if listener.id == self.voter:
            raise ValueError("a vote of this voter is damaged")
        return await super().of_listener(connection, listener)


async def test_a_voter_who_can_not_be_judged_keeps_nobody_else_from_being_judged(emptied_schema: Database) -> None:
    votes = FaultyForOne()
    world = IntegrityWorld(emptied_schema, Clock(), votes=votes)
    await world.begin()
    voters = []
    for _ in range(2):
        with world.voter() as voter:
            for _ in range(MIN_SAME_SIDE):
                await world.open_battle()
                await world.cast(A)
        voters.append(voter)
    votes.voter = voters[0]
    assert await world.rejudging.judge_due() == 1
    assert await world.states(voters[0]) == [*[COUNTED] * (MIN_SAME_SIDE - 1), ONE_SIDE]
    assert await world.states(voters[1]) == [ONE_SIDE] * MIN_SAME_SIDE
    votes.voter = ""
    await world.judge()
    assert await world.states(voters[0]) == [ONE_SIDE] * MIN_SAME_SIDE


async def test_judging_again_waits_for_votes_and_loses_none(world: IntegrityWorld) -> None:
    """Votes are cast on the same models while others are excluded."""
    with world.voter() as voter:
        for _ in range(MIN_SAME_SIDE):
            await world.open_battle()
            await world.cast(A)
            world.later(minutes=1)

    for _ in range(30):
        await world.open_battle()
    await asyncio.gather(*(cast_by_somebody(world, (A, B)[number % 2]) for number in range(8)), world.judge())
    await world.judge()
    assert await world.states(voter) == [ONE_SIDE] * MIN_SAME_SIDE
    assert sum(await world.counted()) == 8
    stored = await live(world)
    assert sum(values[1] for values in stored.values()) == 8
    async with world.database.transaction() as connection:
        assert await world.ratings.replay(connection, INSTALLATION) == {seq: row[0] for seq, row in stored.items()}
