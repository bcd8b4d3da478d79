"""A voter gets a battle, hears both clips, votes and learns who spoke."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from voicearena.elo.v1.events_pb2 import BattleDecided, VoteCast
from voicearena.events.v1.envelope_pb2 import Envelope

from services.elo.battles.domain import BattleStatus, VoteSource
from services.elo.tables import BATTLE_VOTES, LIVE_RATINGS, SCENARIOS
from services.elo.voting.live_ratings import RatingChange
from services.runtime.db import Database
from services.runtime.errors import CredentialsMissing, NotFound, Unauthenticated, WrongState
from services.shared.listening.clip_transfers import SentRange
from services.shared.listening.domain import ListenerAnswer
from tests.contract.stores.elo.arena_world import DAYS, ArenaWorld, model_id
from tests.contract.stores.subject_contract import NOON, Clock

A, B, TIE, BOTH_BAD = ListenerAnswer


@pytest.fixture
async def world(emptied_schema: Database) -> ArenaWorld:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin()
    return world


@pytest.fixture
async def patient_world(emptied_schema: Database) -> ArenaWorld:
    """A world in which a battle takes three votes."""
    world = ArenaWorld(emptied_schema, Clock(), votes_needed=3)
    await world.begin()
    return world


async def published(database: Database, kind: type[Message]) -> list[Message]:
    async with database.reading() as connection:
        envelopes = (await connection.execute(sa.text("SELECT envelope FROM outbox ORDER BY seq"))).scalars()
        found = []
        for each in envelopes:
            event = kind()
            if Envelope.FromString(each).event.Unpack(event):
                found.append(event)
    return found


async def rows(database: Database, table: sa.Table) -> list[dict[str, object]]:
    async with database.reading() as connection:
        return [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]


async def test_the_first_vote_decides_the_battle_and_reveals_the_models(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter():
        given = await world.heard()
        revealed = await world.vote(given, A)
    swapped = given.assignment.swapped
    winner = "b" if swapped else "a"
    assert revealed.view.battle.status is BattleStatus.DECIDED
    assert (revealed.view.battle.winner, revealed.view.battle.vote_source) == (winner, VoteSource.HUMAN)
    assert revealed.view.battle.elo_delta == (-24 if swapped else 24)
    assert (await world.stored(battle.id)).closes_at is None
    (vote,) = await published(world.database, VoteCast)
    assert (vote.vote_id, vote.battle_id) == (given.assignment.id, battle.id)
    assert VoteCast.DESCRIPTOR.fields_by_name["winner"].enum_type.values_by_number[vote.winner].name == winner
    (decided,) = await published(world.database, BattleDecided)
    assert (decided.battle_id, decided.elo_delta, decided.model_a_id) == (
        battle.id,
        revealed.view.battle.elo_delta,
        model_id(0),
    )


async def test_names_and_ratings_come_in_the_answer_to_the_vote(world: ArenaWorld) -> None:
    await world.open_battle()
    with world.voter():
        given = await world.heard()
        revealed = await world.vote(given, A)
    first, second = (1, 0) if given.assignment.swapped else (0, 1)
    assert (revealed.clip_a.model.id, revealed.clip_b.model.id) == (model_id(first), model_id(second))
    assert (revealed.clip_a.rating, revealed.clip_b.rating) == (RatingChange(1500, 1524), RatingChange(1500, 1476))
    assert (revealed.clip_a.standing.wins, revealed.clip_b.standing.losses) == (1, 1)
    assert (revealed.view.battle.rated, revealed.votes_cast) == (True, 1)


async def test_a_second_vote_on_a_battle_is_refused_and_moves_nothing(world: ArenaWorld) -> None:
    await world.open_battle()
    with world.voter():
        given = await world.heard()
        first = await world.vote(given, A)
        before = await rows(world.database, LIVE_RATINGS)
        for other in (B, TIE, BOTH_BAD):
            with pytest.raises(WrongState, match="already answered with a") as refused:
                await world.vote(given, other)
            assert refused.value.metadata == {"status": "answered", "answer": "a"}
        assert await world.vote(given, A) == first
    assert await rows(world.database, LIVE_RATINGS) == before
    assert len(await rows(world.database, BATTLE_VOTES)) == 1


@pytest.mark.parametrize("order", ["ab", "ba", "aab", "bba"])
async def test_any_order_of_listening_unlocks_the_vote(world: ArenaWorld, order: str) -> None:
    await world.open_battle()
    with world.voter():
        given = await world.next()
        clips = {"a": given.assignment.clip_a, "b": given.assignment.clip_b}
        for side in order:
            await world.transfers.record(SentRange(clips[side], 0, 100, 100), world.clock())
            world.clock.at += timedelta(seconds=2)
        assert (await world.vote(given, B)).view.battle.status is BattleStatus.DECIDED


async def test_voting_unheard_is_refused_for_each_battle_by_itself(world: ArenaWorld) -> None:
    await world.open_battle()
    await world.open_battle()
    with world.voter():
        heard = await world.heard()
        await world.vote(heard, A)
        given = await world.next()
        with pytest.raises(WrongState, match="The end of clip A and clip B was not fetched yet") as unfetched:
            await world.vote(given, A)
        await world.transfers.record(SentRange(given.assignment.clip_a, 0, 100, 100), world.clock())
        with pytest.raises(WrongState, match="The end of clip B was not fetched"):
            await world.vote(given, A)
        await world.transfers.record(SentRange(given.assignment.clip_b, 0, 100, 100), world.clock())
        with pytest.raises(WrongState, match="can't have heard both yet") as unheard:
            await world.vote(given, A)
    assert unfetched.value.metadata == {"status": "not_fetched"}
    assert unheard.value.metadata == {"status": "not_heard", "wait_seconds": "3"}
    assert len(await rows(world.database, BATTLE_VOTES)) == 1


async def test_a_voter_does_not_learn_names_through_the_vote_of_another(patient_world: ArenaWorld) -> None:
    battle = await patient_world.open_battle()
    with patient_world.voter():
        await patient_world.vote(await patient_world.heard(), A)
        assert (await patient_world.reading.get(battle.id)).knows_models
    with patient_world.voter():
        given = await patient_world.heard()
        assert not (await patient_world.reading.get(battle.id)).knows_models
        revealed = await patient_world.vote(given, B)
        assert revealed.view.knows_models
    assert not (await patient_world.reading.get(battle.id)).knows_models
    with patient_world.voter():
        await patient_world.vote(await patient_world.heard(), B)
    assert (await patient_world.reading.get(battle.id)).knows_models


async def test_the_majority_of_three_votes_wins(patient_world: ArenaWorld) -> None:
    battle = await patient_world.open_battle()
    for side in (A, A, B):
        with patient_world.voter():
            given = await patient_world.heard()
            said = side if not given.assignment.swapped else {A: B, B: A}[side]
            await patient_world.vote(given, said)
    stored = await patient_world.stored(battle.id)
    assert (stored.winner, stored.votes_a, stored.votes_b) == ("a", 2, 1)
    changes = [row["change_a"] for row in await rows(patient_world.database, BATTLE_VOTES)]
    swaps = [row["swapped"] for row in await rows(patient_world.database, BATTLE_VOTES)]
    assert stored.elo_delta == pytest.approx(
        sum(-change if swap else change for change, swap in zip(changes, swaps, strict=True))
    )


async def test_repeating_an_answer_later_gives_the_first_result_again(patient_world: ArenaWorld) -> None:
    await patient_world.open_battle()
    with patient_world.voter() as voter:
        given = await patient_world.heard()
        first = await patient_world.vote(given, A)
    with patient_world.voter():
        await patient_world.vote(await patient_world.heard(), A)
    with patient_world.voter(voter):
        again = await patient_world.vote(given, A)
    assert (again.clip_a.rating, again.clip_b.rating) == (first.clip_a.rating, first.clip_b.rating)
    assert again.clip_a.model == first.clip_a.model
    assert again.votes_cast == first.votes_cast


async def prepare(world: ArenaWorld) -> str:
    return (await world.bare_battle(status=BattleStatus.PREPARING)).id


async def void(world: ArenaWorld) -> str:
    return (await world.bare_battle(status=BattleStatus.VOID)).id


async def decide(world: ArenaWorld) -> str:
    return (await world.bare_battle(status=BattleStatus.DECIDED, winner="a", vote_source=VoteSource.METRICS)).id


@pytest.mark.parametrize(
    ("make", "status", "says"),
    [
        (prepare, "preparing", "still being prepared"),
        (void, "void", "is void: a side of it could not be made"),
        (decide, "decided", "is decided and accepts no more votes"),
    ],
)
async def test_a_vote_on_a_battle_that_is_not_open_is_refused_with_its_status(
    world: ArenaWorld, make: Callable[[ArenaWorld], Awaitable[str]], status: str, says: str
) -> None:
    battle_id = await make(world)
    with world.voter(), pytest.raises(WrongState, match=says) as refused:
        await world.voting.vote(battle_id, A)
    assert refused.value.metadata == {"status": status}
    assert "POST /api/v1/battles/next" in refused.value.message


async def test_a_vote_on_a_battle_that_was_decided_meanwhile_is_refused(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter() as slow:
        given = await world.heard()
    with world.voter():
        await world.vote(await world.heard(), A)
    with world.voter(slow):
        with pytest.raises(WrongState, match="is decided") as refused:
            await world.vote(given, A)
        assert (await world.reading.get(battle.id)).knows_models
    assert refused.value.metadata == {"status": "decided"}


async def test_a_vote_after_the_closing_time_is_refused(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter():
        given = await world.heard()
        world.clock.at = NOON + timedelta(days=DAYS)
        with pytest.raises(WrongState) as refused:
            await world.vote(given, A)
        assert refused.value.metadata == {"status": "decided"}
        assert await world.closing.overdue() == 1
    assert (await world.stored(battle.id)).status is BattleStatus.DECIDED


async def test_a_vote_on_a_battle_that_was_not_given_to_the_voter_is_not_found(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter():
        given = await world.heard()
    with world.voter(), pytest.raises(NotFound, match="was not given to this voter"):
        await world.vote(given, A)
    assert (await world.stored(battle.id)).status is BattleStatus.OPEN


async def test_a_vote_on_a_private_battle_of_others_is_not_found(world: ArenaWorld) -> None:
    battle = await world.open_battle(private=True, owner="dev_a", developer_id="dev_a")
    for invited_by in ("", "dev_b"):
        with world.voter(invited_by=invited_by), pytest.raises(NotFound, match="There is no battle"):
            await world.voting.vote(battle.id, A)


async def test_a_vote_without_a_session_is_refused(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with pytest.raises(CredentialsMissing, match="Create one with POST /api/v1/voters"):
        await world.voting.vote(battle.id, A)
    with world.developer("dev_a"), pytest.raises(Unauthenticated, match="An API key can't vote"):
        await world.voting.vote(battle.id, A)


async def test_both_bad_moves_no_rating_and_is_counted(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    with world.voter():
        revealed = await world.vote(await world.heard(), BOTH_BAD)
    assert revealed.clip_a.rating == RatingChange(1500, 1500)
    assert [row["both_bad"] for row in await rows(world.database, LIVE_RATINGS)] == [1, 1]
    stored = await world.stored(battle.id)
    assert (stored.winner, stored.votes_both_bad, stored.elo_delta) == ("both_bad", 1, 0)


async def test_an_unrated_battle_moves_nothing_and_says_why(world: ArenaWorld) -> None:
    await world.open_battle(rated=False, unrated_reason="The text names espeak.")
    with world.voter():
        given = await world.heard()
        assert (given.battle.rated, given.battle.unrated_reason) == (False, "The text names espeak.")
        revealed = await world.vote(given, A)
    assert revealed.clip_a.rating == RatingChange(1500, 1500)
    assert revealed.view.battle.unrated_reason == "The text names espeak."
    assert [(row["wins"], row["losses"], row["battles"]) for row in await rows(world.database, LIVE_RATINGS)] == [
        (0, 0, 1),
        (0, 0, 1),
    ]


async def test_counts_of_scenario_and_models_follow_the_votes(world: ArenaWorld) -> None:
    for answer in (TIE, A):
        await world.open_battle()
        with world.voter():
            await world.vote(await world.heard(), answer)
    (scenario,) = await rows(world.database, SCENARIOS)
    assert (scenario["battles"], scenario["votes"], scenario["ties"]) == (2, 2, 1)
    for rating in await rows(world.database, LIVE_RATINGS):
        assert (rating["battles"], rating["ties"]) == (2, 1)
        assert rating["wins"] + rating["losses"] == 1


async def test_a_battle_without_votes_is_decided_by_the_metrics_when_its_time_is_over(world: ArenaWorld) -> None:
    battle = await world.open_battle(metric_vote={"answer": "b"}, elo_delta=-16.0)
    assert await world.closing.overdue() == 0
    world.clock.at = NOON + timedelta(days=DAYS)
    assert await world.closing.overdue() == 1
    stored = await world.stored(battle.id)
    assert (stored.status, stored.winner, stored.vote_source) == (BattleStatus.DECIDED, "b", VoteSource.METRICS)
    assert stored.decided_at == world.clock.at
    (decided,) = await published(world.database, BattleDecided)
    assert decided.elo_delta == -16
