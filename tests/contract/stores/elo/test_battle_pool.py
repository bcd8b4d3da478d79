"""The pool of battles: what it makes, how much, and what it has ready for a voter."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.making import matchmaker, pool
from services.elo.tables import RENDER_PROVIDERS, RENDERS
from services.runtime.db import Database
from tests.contract.stores.elo import rows
from tests.contract.stores.elo.making import Workshop


@pytest.fixture(autouse=True)
def no_old_rosters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the matchmaker see each new model at once."""
    monkeypatch.setattr(matchmaker, "MAX_ROSTER_AGE_SECONDS", -1.0)


def models_of(battle: Battle) -> set[str]:
    return {battle.model_a_id, battle.model_b_id}


async def fill(shop: Workshop) -> list[Battle]:
    """Fills the pool until it lacks nothing, and returns all battles."""
    while await shop.making.pool.fill():
        await shop.speak_all()
    return await shop.battles()


async def test_each_category_and_language_with_models_has_a_pool(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=3)
    await shop.populate(models=4, scenarios=2, category="sales")
    await rows.add_scenario(emptied_schema, "scn_support", category="support")
    await rows.add_scenario(emptied_schema, "scn_german", category="sales", language="de-AT")
    await rows.add_models(emptied_schema, "mdl_de_1", "mdl_de_2", language="de")
    battles = await fill(shop)
    counts: Counter[tuple[str, str]] = Counter()
    met: set[str] = set()
    for battle in battles:
        group = battle.category, battle.language
        # A full group gets another battle only for a model that had none.
        assert counts[group] < 3 or not models_of(battle) <= met
        counts[group] += 1
        met |= models_of(battle)
    assert set(counts) == {("sales", "en"), ("support", "en"), ("sales", "de-AT")}
    assert min(counts.values()) == 3
    assert {battle.status for battle in battles} == {BattleStatus.OPEN}
    german = [models_of(battle) for battle in battles if battle.language == "de-AT"]
    # The first four models have no language, so they are expected to speak any.
    assert all(models & {"mdl_de_1", "mdl_de_2"} or models <= {f"mdl_{n}" for n in range(4)} for models in german)
    assert not any(models_of(battle) & {"mdl_de_1", "mdl_de_2"} for battle in battles if battle.language == "en")


async def test_a_new_model_has_a_battle_although_the_pool_is_full(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    assert len(await fill(shop)) == 1
    await rows.add_models(emptied_schema, "mdl_new")
    *_, newest = await fill(shop)
    assert "mdl_new" in models_of(newest)
    assert newest.status is BattleStatus.OPEN
    assert len(await fill(shop)) == 2


async def test_a_recorded_model_meets_others_on_scenarios_of_which_it_has_a_recording(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2, scenarios=30)
    await fill(shop)
    await rows.add_models(emptied_schema, "mdl_agent", kind="recorded", provider="", voice_id="", language="en")
    assert len(await fill(shop)) == 1
    await rows.add_render(
        emptied_schema, "rnd_a", "mdl_agent", "scn_17", status="completed", audio_name="rnd_a.wav", provider=""
    )
    await shop.audio.put("rnd_a.wav", b"audio")
    *_, newest = await fill(shop)
    assert (newest.scenario_id, newest.status) == ("scn_17", BattleStatus.OPEN)
    assert "rnd_a" in (newest.render_a_id, newest.render_b_id)
    assert newest.metric_vote is None or "latency" in newest.metric_vote["missing"]


async def test_processes_that_fill_the_pool_at_the_same_time_make_no_battle_too_many(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shops = [Workshop(emptied_schema, tmp_path, battle_pool=5) for _ in range(3)]
    await shops[0].populate(models=2)
    await asyncio.gather(*(shop.making.pool.fill() for shop in shops))
    battles = await fill(shops[0])
    assert len(battles) == 5


async def test_no_more_battles_are_prepared_at_a_time_than_leaves_providers_to_others(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=50)
    await shop.populate(models=3, scenarios=3)
    assert await shop.making.pool.fill() == pool.MAX_PREPARING_BATTLES
    assert await shop.making.pool.fill() == 0
    await shop.speak_all()
    assert await shop.making.pool.fill() == pool.MAX_PREPARING_BATTLES


async def test_the_budget_of_the_day_ends_the_filling(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=5, battles_per_day=2)
    await shop.populate(models=2)
    assert len(await fill(shop)) == 2
    assert await shop.making.pool.on_demand() is None
    assert len(await shop.battles()) == 2


async def test_a_hosted_provider_is_asked_for_no_more_than_its_budget(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=20, hosted_renders_per_day=2, arena_providers=("openai",))
    await shop.populate(models=2)
    await rows.add_provider(emptied_schema, "openai", local=False)
    await rows.add_models(emptied_schema, "mdl_hosted", provider="openai")
    battles = await fill(shop)
    assert len(battles) >= 20
    assert sum("mdl_hosted" in models_of(battle) for battle in battles) > 2
    assert sum(row.provider == "openai" for row in await shop.renders()) == 2


async def test_models_have_at_least_three_renders_of_a_scenario_which_battles_rotate(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=60)
    await shop.populate(models=3)
    battles = await fill(shop)
    assert len(battles) == 60
    assert {battle.status for battle in battles} == {BattleStatus.OPEN}
    assert Counter(row.voice_model_id for row in await shop.renders()) == {"mdl_0": 3, "mdl_1": 3, "mdl_2": 3}
    used = Counter(render for battle in battles for render in (battle.render_a_id, battle.render_b_id))
    assert len(used) == 9
    assert min(used.values()) >= 5


async def test_a_voter_who_has_heard_the_pool_gets_a_battle_at_once_from_recordings_that_exist(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2, category="sales")
    assert await shop.making.pool.on_demand("sales") is None
    (preparing,) = await shop.battles()
    assert preparing.status is BattleStatus.PREPARING
    await shop.speak_all()
    before = await shop.renders()
    battle = await shop.making.pool.on_demand("sales", "en")
    assert battle is not None
    assert (battle.status, battle.category, models_of(battle)) == (BattleStatus.OPEN, "sales", models_of(preparing))
    assert len(await shop.renders()) == len(before)
    assert await shop.making.pool.on_demand("medical") is None


async def test_models_that_only_fail_get_no_battles_for_an_hour(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=12)
    await shop.populate(models=3, scenarios=12)
    failures = 0
    while await shop.making.pool.fill():
        while asked := await shop.asked_for():
            broken = {row.id for row in await shop.renders() if row.voice_model_id == "mdl_0"}
            for render_id in asked:
                failures += render_id in broken
                await (shop.fail(render_id) if render_id in broken else shop.speak(render_id))
        await shop.making.preparing.advance_all()
    assert 3 <= failures <= pool.MAX_PREPARING_BATTLES
    opened = [battle for battle in await shop.battles() if battle.status is BattleStatus.OPEN]
    assert len(opened) == 12
    async with emptied_schema.transaction() as connection:
        earlier = RENDERS.c.ended_at - sa.text("interval '2 hours'")
        await connection.execute(sa.update(RENDERS).values(ended_at=earlier))
    async with emptied_schema.reading() as connection:
        roster = await shop.making.matchmaker.public_roster(connection)
    assert len(roster.models) == 3


async def test_a_model_whose_speech_does_not_come_gets_no_more_battles(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=4)
    await shop.populate(models=3)
    await rows.add_render(emptied_schema, "rnd_stuck", "mdl_1", "scn_0", number=9)
    async with emptied_schema.reading() as connection:
        roster = await shop.making.matchmaker.public_roster(connection)
    assert [model.id for model in roster.models] == ["mdl_0", "mdl_2"]


async def test_providers_that_are_not_on_this_machine_take_part_only_if_they_are_named(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=3)
    await shop.populate(models=2)
    await rows.add_provider(emptied_schema, "openai", local=False)
    await rows.add_models(emptied_schema, "mdl_hosted", provider="openai")
    assert {frozenset(models_of(battle)) for battle in await fill(shop)} == {frozenset({"mdl_0", "mdl_1"})}
    async with emptied_schema.reading() as connection:
        known = (await connection.execute(sa.select(RENDER_PROVIDERS.c.id))).scalars().all()
    assert set(known) == {"espeak", "openai"}
