"""Control battles test their voters, and are in no list, board or statistic."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from services.elo.battles import convert
from services.elo.battles.domain import BattleStatus, Control
from services.elo.battles.views import BattleFilters
from services.elo.battles.visibility import Viewer
from services.elo.integrity.control_battles import KEPT_AFTER_END, OPEN_BATTLES
from services.elo.tables import BATTLE_VOTES, BATTLES, RENDERS
from services.elo.voting.live_ratings import RatingChange
from services.runtime.db import Database
from services.shared.audio.wav import read_wav, write_wav
from services.shared.listening.domain import ListenerAnswer
from services.shared.listening.tables import TESTS
from tests.contract.stores.elo.arena_world import DAYS
from tests.contract.stores.elo.integrity_world import IntegrityWorld
from tests.contract.stores.elo.rows import NOON
from tests.contract.stores.subject_contract import Clock
from tests.fakes.recordings import tone

A, B, TIE, BOTH_BAD = ListenerAnswer
COUNTED, FAILED = ("counted", ""), ("excluded", "failed_controls")


@pytest.fixture
async def world(emptied_schema: Database) -> IntegrityWorld:
    """A public battle with renders, from which control battles are made. Every further battle is a control."""
    world = IntegrityWorld(emptied_schema, Clock(), control_share=1.0)
    await world.begin()
    renders = [f"rnd_{number:032x}" for number in range(2)]
    async with emptied_schema.transaction() as connection:
        for number, (render, model) in enumerate(zip(renders, world.models, strict=True)):
            world.audio[f"{render}.wav"] = write_wav(tone(1.0, dbfs=-20).tobytes(), 24_000)
            values = {
                "id": render,
                "voice_model_id": model[0],
                "scenario_id": "scn_" + "a" * 32,
                "number": number,
                "audio_name": f"{render}.wav",
                "duration_seconds": 1.0,
                "status": "completed",
                "created_at": NOON,
                "attempts": 1,
                "attempts_before": 0,
                "provider_requests": 1,
            }
            empty = ("developer_id", "traceparent", "text", "evaluation_id", "provider", "voice_id", "model_id")
            values |= dict.fromkeys((*empty, "spoken_language", "error_kind", "error_message"), "")
            await connection.execute(sa.insert(RENDERS).values(values))
    world.source = await world.open_battle(render_a_id=renders[0], render_b_id=renders[1])  # type: ignore[attr-defined]
    return world


async def controls(world: IntegrityWorld, status: BattleStatus = BattleStatus.OPEN) -> dict[str, int]:
    row = BATTLES.c
    query = sa.select(row.control, sa.func.count()).where(row.control != "", row.status == status).group_by(row.control)
    async with world.database.reading() as connection:
        return {row.control: row.count for row in await connection.execute(query)}


async def test_control_battles_are_made_from_public_ones_until_there_are_enough(world: IntegrityWorld) -> None:
    await world.controls.tend()
    assert await controls(world) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}
    spoiled = [name for name in world.audio if name.startswith("spoiled_")]
    assert len(spoiled) == OPEN_BATTLES
    assert {len(read_wav(world.audio[name]).samples) for name in spoiled} == {24_000}
    await world.controls.tend()
    assert await controls(world) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}


async def test_private_battles_and_deleted_audio_make_none(world: IntegrityWorld) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(sa.update(BATTLES).values(private=True))
    await world.controls.tend()
    assert await controls(world) == {}
    async with world.database.transaction() as connection:
        await connection.execute(sa.update(BATTLES).values(private=False))
        await connection.execute(sa.update(RENDERS).values(audio_name=None))
    await world.controls.tend()
    assert await controls(world) == {}


async def test_a_control_battle_looks_like_any_other_until_the_vote(world: IntegrityWorld) -> None:
    await world.controls.tend()
    with world.voter():
        given = await world.heard()
        assert given.battle.control is not Control.NONE
        assert (given.battle.rated, given.battle.unrated_reason) == (True, "")
        assert given.assignment.a_seconds == given.assignment.b_seconds
        clips = [await world.clips.find(name) for name in (given.assignment.clip_a, given.assignment.clip_b)]
        assert clips[0].content != clips[1].content
        assert len(clips[0].content) == len(clips[1].content)
        revealed = await world.vote(given, TIE)
    assert revealed.clip_a.model == revealed.clip_b.model
    assert revealed.view.battle.rated is False
    assert "checks that voters listen" in revealed.view.battle.unrated_reason
    assert revealed.clip_a.rating == RatingChange(1500, 1500)


async def test_the_clean_side_of_a_gold_battle_is_the_expected_one(world: IntegrityWorld) -> None:
    await world.controls.tend()
    gold = 0
    with world.voter():
        for _ in range(2 * OPEN_BATTLES):
            given = await world.heard()
            await world.vote(given, TIE)
            if given.battle.control is Control.TRAP:
                assert given.battle.expected == ""
                continue
            gold += 1
            assignment = given.assignment
            names = {"a": assignment.first_audio or "", "b": assignment.second_audio or ""}
            loud = {side: np.abs(read_wav(world.audio[name]).samples).max() for side, name in names.items()}
            assert min(loud, key=loud.__getitem__) == given.battle.expected
    assert gold == OPEN_BATTLES


async def test_no_read_tells_a_control_battle_from_others_before_the_vote(world: IntegrityWorld) -> None:
    await world.controls.tend()
    ordinary = await world.open_battle()
    with world.voter():
        control = (await world.next()).battle
        assert control.control is not Control.NONE
        listed, _ = await world.reading.page(BattleFilters(status=BattleStatus.OPEN), 100, "")
        on_scenario, _ = await world.reading.page(BattleFilters(scenario_id=control.scenario_id), 100, "")
        read = [await world.reading.get(control.id), await world.reading.get(ordinary.id)]
        in_lists = [
            next(view for view in views if view.battle.id == battle.id)
            for views in (listed, on_scenario)
            for battle in (control, ordinary)
        ]
    shown = [convert.battle(view) for view in (*read, *in_lists)]
    for message in shown:
        assert message.HasField("created_at")
        for name in ("id", "created_at"):
            message.ClearField(name)
    assert shown == [shown[0]] * 6
    async with world.database.reading() as connection:
        query = sa.select(TESTS.c.votes_per_pair, TESTS.c.closes_at).distinct()
        assert len((await connection.execute(query)).all()) == 1


async def test_a_control_battle_takes_as_many_votes_as_others_and_is_then_in_no_list(world: IntegrityWorld) -> None:
    await world.controls.tend()
    with world.voter():
        control = (await world.cast(TIE)).battle
        listed, _ = await world.reading.page(BattleFilters(), 100, "")
        assert (await world.reading.get(control.id)).battle.status is BattleStatus.DECIDED
    assert len(listed) == 2 * OPEN_BATTLES
    assert control.id not in {view.battle.id for view in listed}
    await world.controls.tend()
    assert await controls(world) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}


async def test_a_control_battle_that_somebody_hears_is_not_given_to_others(world: IntegrityWorld) -> None:
    await world.controls.tend()
    given = set()
    for _ in range(2 * OPEN_BATTLES + 1):
        with world.voter():
            given.add((await world.next()).battle.id)
    assert len(given) == 2 * OPEN_BATTLES + 1


async def test_votes_in_control_battles_are_in_no_rating_or_count(world: IntegrityWorld) -> None:
    await world.controls.tend()
    with world.voter():
        for _ in range(2 * OPEN_BATTLES):
            await world.cast(TIE)
    await world.judge()
    async with world.database.reading() as connection:
        assert not (await connection.execute(sa.select(BATTLE_VOTES.c.id))).all()
        page = await world.views.page(connection, Viewer(), BattleFilters(), None, 100)
    assert [view.battle.id for view in page] == [world.source.id]  # type: ignore[attr-defined]


async def test_a_voter_gets_each_control_battle_once_and_then_ordinary_ones(world: IntegrityWorld) -> None:
    await world.controls.tend()
    with world.voter():
        kinds = [(await world.cast(TIE)).battle.control for _ in range(2 * OPEN_BATTLES + 1)]
    assert kinds[-1] is Control.NONE
    assert Control.NONE not in kinds[:-1]


async def test_a_voter_who_fails_control_battles_loses_their_votes_and_one_who_passes_does_not(
    world: IntegrityWorld,
) -> None:
    with world.voter() as failing:
        await world.cast(A)
    await world.open_battle()
    with world.voter() as passing:
        await world.cast(A)
    assert await world.states(failing) == await world.states(passing) == [COUNTED]
    for voter, passes in ((failing, False), (passing, True)):
        # The votes of the first voter have used up the control battles.
        await world.controls.tend()
        with world.voter(voter):
            for _ in range(2 * OPEN_BATTLES):
                given = await world.heard()
                if given.battle.control is Control.TRAP:
                    answer = TIE if passes else A
                else:
                    clean = A if (given.battle.expected == "a") is not given.assignment.swapped else B
                    answer = clean if passes else {A: B, B: A}[clean]
                await world.vote(given, answer)
    await world.judge()
    assert (await world.states(failing))[0] == FAILED
    assert (await world.states(passing))[0] == COUNTED
    assert await world.counted() == [False, True]
    # It holds for the next vote at once.
    await world.open_battle()
    with world.voter(failing):
        await world.cast(B)
    assert (await world.states(failing))[-1] == FAILED
    assert await world.counted() == [False, True, False]


@pytest.mark.parametrize("dies", ["before the audio is stored", "after it"])
async def test_spoiled_audio_of_a_battle_that_never_opened_is_deleted(
    world: IntegrityWorld, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as death:
        if dies == "after it":
            death.setattr(world.listening, "open", killed)
        else:
            death.setattr(world, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            await world.controls.tend()
    left = [name for name in world.audio if name.startswith("spoiled_")]
    assert len(left) == (1 if dies == "after it" else 0)
    await world.controls.tend()
    assert await controls(world) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}
    assert await controls(world, BattleStatus.VOID) == {"gold": 1}
    world.clock.at += KEPT_AFTER_END * 2
    await world.controls.tend()
    assert not set(left) & world.audio.keys()
    assert await controls(world, BattleStatus.VOID) == {}
    assert len([name for name in world.audio if name.startswith("spoiled_")]) == OPEN_BATTLES


async def test_old_control_battles_are_replaced_and_their_spoiled_audio_is_deleted(world: IntegrityWorld) -> None:
    await world.controls.tend()
    before = {name for name in world.audio if name.startswith("spoiled_")}
    world.clock.at = NOON + timedelta(days=DAYS)
    await world.closing.overdue()
    assert await controls(world, BattleStatus.DECIDED) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}
    await world.controls.tend()
    assert await controls(world) == {"gold": OPEN_BATTLES, "trap": OPEN_BATTLES}
    assert before <= world.audio.keys()
    world.clock.at += KEPT_AFTER_END * 2
    await world.controls.tend()
    assert not before & world.audio.keys()
    assert len([name for name in world.audio if name.startswith("spoiled_")]) == OPEN_BATTLES
    # Recordings of models stay.
    assert len(world.audio) == OPEN_BATTLES + 2
