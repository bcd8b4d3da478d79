"""Which battles a caller can read, list and watch, and what of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.battle_pb2 import Battle as BattleMessage

from services.elo.battles.convert import battle as to_message
from services.elo.battles.domain import BattleStatus, Control, VoteSource
from services.elo.battles.views import BattleFilters
from services.elo.battles.watching import WatchBattle
from services.elo.tables import BATTLES, BATTLES_CHANGED, RENDERS
from services.runtime.changes import Changes
from services.runtime.db import Database
from services.runtime.errors import InvalidInput, NotFound
from tests.contract.stores.elo.arena_world import DAYS, ArenaWorld, model_id
from tests.contract.stores.subject_contract import NOON, Clock

DECIDED = {"status": BattleStatus.DECIDED, "winner": "a", "vote_source": VoteSource.METRICS}
SECRET_FIELDS = (
    *("model_a_id", "model_b_id", "eval_a_id", "eval_b_id", "metrics_a", "metrics_b", "elo_delta", "metric_vote"),
    *("votes_a", "votes_b", "votes_tie", "votes_both_bad", "draw", "clip_a_hash", "clip_b_hash"),
)


@pytest.fixture
async def world(emptied_schema: Database) -> ArenaWorld:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin(models=3)
    return world


async def listed(world: ArenaWorld, **filters: object) -> list[str]:
    views, _ = await world.reading.page(BattleFilters(**filters), 0, "")  # type: ignore[arg-type]
    return [view.battle.id for view in views]


async def read(world: ArenaWorld, battle_id: str) -> BattleMessage:
    return to_message(await world.reading.get(battle_id))


async def add_renders(world: ArenaWorld, battle_id: str) -> None:
    """Gives both sides of a battle a completed render."""
    for side, number in (("a", 0), ("b", 1)):
        async with world.database.transaction() as connection:
            values = {
                "id": f"rnd_{side}",
                "voice_model_id": model_id(number),
                "scenario_id": "scn_" + "a" * 32,
                "number": 0,
                **dict.fromkeys(("developer_id", "traceparent", "provider", "voice_id", "model_id", "error_kind"), ""),
                **dict.fromkeys(("text", "spoken_language", "error_message"), ""),
                "evaluation_id": f"evl_{side}",
                "audio_sha256": bytes([number]) * 32,
                "created_at": NOON,
                "status": "completed",
                **dict.fromkeys(("attempts", "attempts_before", "provider_requests"), 1),
                "heard_speech": {"transcript": f"said {side}", "words": None, "backends": {}},
                "word_error_rate": 0.25 * number,
                "ttfa_ms": 120.0,
            }
            await connection.execute(sa.insert(RENDERS).values(values))
            of_battle = sa.update(BATTLES).where(BATTLES.c.id == battle_id)
            await connection.execute(of_battle.values({f"render_{side}_id": f"rnd_{side}"}))


async def test_an_open_battle_tells_nothing_that_reveals_its_models(world: ArenaWorld) -> None:
    battle = await world.open_battle(
        metric_vote={"answer": "a", "score_a": 0.9, "score_b": 0.5, "weights": {"prosody": 1.0}}, elo_delta=16.0
    )
    await add_renders(world, battle.id)
    message = await read(world, battle.id)
    present = {field.name for field, _ in message.ListFields()}
    assert not present & set(SECRET_FIELDS)
    assert BattleMessage.Status.Name(message.status) == "open"
    with world.voter():
        given = await world.heard()
        assert not {field.name for field, _ in (await read(world, battle.id)).ListFields()} & set(SECRET_FIELDS)
        await world.vote(given)
    assert {field.name for field, _ in (await read(world, battle.id)).ListFields()} >= set(SECRET_FIELDS)


async def test_a_decided_battle_shows_both_sides(world: ArenaWorld) -> None:
    battle = await world.bare_battle(
        **DECIDED,
        candidates=3,
        probability=0.25,
        window_points=210.0,
        inside_window=True,
        elo_delta=16.0,
        metric_vote={
            "answer": "a",
            "score_a": 0.9,
            "score_b": 0.5,
            "weights": {"prosody": 1.0},
            "missing": ["quality"],
        },
    )
    await add_renders(world, battle.id)
    message = await read(world, battle.id)
    assert (message.model_a_id, message.model_b_id) == (model_id(0), model_id(1))
    assert (message.eval_a_id, message.eval_b_id) == ("evl_a", "evl_b")
    assert (message.metrics_a.transcript, message.metrics_b.word_error_rate) == ("said a", 0.25)
    assert not message.metrics_a.HasField("semascore")
    assert message.clip_b_hash == "sha256:" + "01" * 32
    assert (message.draw.candidates, message.draw.probability, message.draw.inside_window) == (3, 0.25, True)
    assert (message.metric_vote.score_a, list(message.metric_vote.missing)) == (0.9, ["quality"])
    assert message.elo_delta == 16


async def test_a_battle_of_others_does_not_exist(world: ArenaWorld) -> None:
    private = await world.bare_battle(private=True, developer_id="dev_a", owner="dev_a", **DECIDED)
    for missing in (private.id, "bat_" + "0" * 32):
        with pytest.raises(NotFound, match="There is no battle"):
            await world.reading.get(missing)
    with world.developer("dev_b"), pytest.raises(NotFound):
        await world.reading.get(private.id)
    with world.developer("dev_a"):
        assert (await world.reading.get(private.id)).battle.private
    with world.voter(invited_by="dev_a"):
        assert (await world.reading.get(private.id)).battle.private
    with pytest.raises(InvalidInput, match="must be bat_"):
        await world.reading.get("mdl_" + "0" * 32)


async def test_battles_are_listed_newest_first_page_by_page(world: ArenaWorld) -> None:
    ids = [(await world.bare_battle(**DECIDED)).id for _ in range(5)]
    first, token = await world.reading.page(BattleFilters(), 2, "")
    second, token = await world.reading.page(BattleFilters(), 2, token)
    last, end = await world.reading.page(BattleFilters(), 2, token)
    assert [view.battle.id for view in (*first, *second, *last)] == ids[::-1]
    assert end == ""
    with pytest.raises(InvalidInput, match="page_token"):
        await world.reading.page(BattleFilters(status=BattleStatus.OPEN), 2, token)


async def test_lists_have_no_private_and_no_ended_control_battles_of_others(world: ArenaWorld) -> None:
    public = await world.bare_battle()
    private = await world.bare_battle(private=True, developer_id="dev_a", owner="dev_a")
    await world.bare_battle(control=Control.GOLD, expected="a", **DECIDED)
    assert await listed(world) == [public.id]
    with world.developer("dev_a"):
        assert await listed(world) == [private.id, public.id]
    with world.developer("dev_b"):
        assert await listed(world) == [public.id]


async def test_lists_are_selected_by_status_and_scenario(world: ArenaWorld) -> None:
    open_, decided = await world.bare_battle(), await world.bare_battle(**DECIDED)
    assert await listed(world, status=BattleStatus.OPEN) == [open_.id]
    assert await listed(world, status=BattleStatus.DECIDED) == [decided.id]
    assert await listed(world, scenario_id="scn_" + "a" * 32) == [decided.id, open_.id]
    assert await listed(world, scenario_id="scn_" + "b" * 32) == []


async def test_a_list_of_a_model_has_only_battles_whose_models_the_caller_may_know(world: ArenaWorld) -> None:
    decided = await world.bare_battle(0, 1, **DECIDED)
    await world.bare_battle(1, 2, **DECIDED)
    chosen = await world.bare_battle(2, 0, developer_id="dev_a", chosen=True)
    heard = await world.open_battle(0, 1, drawn=0.0)
    assert await listed(world, model_id=model_id(0)) == [decided.id]
    with world.developer("dev_a"):
        assert await listed(world, model_id=model_id(0)) == [chosen.id, decided.id]
    with world.voter():
        given = await world.heard()
        assert given.battle.id == heard.id
        assert await listed(world, model_id=model_id(0)) == [decided.id]
        await world.vote(given)
        assert await listed(world, model_id=model_id(0)) == [heard.id, decided.id]


@pytest.fixture
async def watching(world: ArenaWorld) -> AsyncIterator[WatchBattle]:
    changes = Changes(world.database, BATTLES_CHANGED)
    listening = asyncio.create_task(changes.run())
    yield WatchBattle(world.reading, changes, heartbeat_seconds=0.05)
    listening.cancel()


async def test_a_watcher_gets_the_state_then_heartbeats_then_the_end(world: ArenaWorld, watching: WatchBattle) -> None:
    battle = await world.open_battle()
    seen = watching.watch(battle.id)
    first = await anext(seen)
    assert first is not None
    assert first.battle.status is BattleStatus.OPEN
    assert await anext(seen) is None
    world.clock.at = NOON + timedelta(days=DAYS)
    assert await world.closing.overdue() == 1
    changes = [view async for view in seen if view is not None]
    assert [view.battle.status for view in changes] == [BattleStatus.DECIDED]
    assert changes[0].knows_models


async def test_a_battle_that_has_ended_is_sent_once(world: ArenaWorld, watching: WatchBattle) -> None:
    battle = await world.bare_battle(**DECIDED)
    assert [view.battle.id if view else "" async for view in watching.watch(battle.id)] == [battle.id]


async def test_a_battle_of_others_can_not_be_watched(world: ArenaWorld, watching: WatchBattle) -> None:
    battle = await world.bare_battle(private=True, developer_id="dev_a", owner="dev_a")
    with pytest.raises(NotFound):
        await anext(watching.watch(battle.id))
