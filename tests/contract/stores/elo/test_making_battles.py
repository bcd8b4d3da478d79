"""Battles are made from renders: spoken, opened with the vote of the metrics, swapped or void."""

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.events_pb2 import BattleOpened, BattleVoided, VoteCast
from voicearena.scoring.v1.events_pb2 import EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested

from services.elo.battles.domain import BattleStatus
from services.elo.making.identity_leak import UNRATED_IDENTITY_LEAK
from services.elo.rendering.domain import UNUSABLE_AUDIO, UNUSABLE_PROVIDER
from services.elo.tables import BATTLE_VOTES, BATTLES, LIVE_RATINGS, RENDER_PROVIDERS, RENDERS
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.clips.queue_store import Provider
from services.shared.listening.store import SqlListeningStore
from services.shared.metrics import Measurements
from tests.contract.stores.elo.making import Workshop


async def test_a_battle_opens_with_the_vote_of_the_metrics_when_both_sides_are_evaluated(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    assert await shop.making.pool.fill() == 1
    battle = await shop.battle()
    assert battle.status is BattleStatus.PREPARING
    first, second = await shop.asked_for()
    assert {first, second} == {battle.render_a_id, battle.render_b_id}
    better = first == battle.render_a_id
    await shop.speak(first)
    (evaluation,) = [e for e in await shop.events() if isinstance(e, EvaluationRequested)]
    assert (evaluation.listen, evaluation.reference_text, evaluation.language) == (True, "Your code is 4815.", "en")
    assert await shop.making.preparing.advance_all() == 0
    await shop.speak(second, Measurements(word_error_rate=0.9, naturalness_mos=2.0))
    await shop.events()
    assert await shop.making.preparing.advance_all() == 1
    battle = await shop.battle()
    assert (battle.status, battle.elo_delta) == (BattleStatus.OPEN, 16.0 if better else -16.0)
    assert battle.metric_vote is not None
    assert battle.metric_vote["answer"] == ("a" if better else "b")
    assert battle.metric_vote["missing"] == ["semascore", "prosody"]
    assert battle.opened_at is not None
    assert battle.closes_at is not None
    assert (battle.closes_at - battle.opened_at).days == 7
    assert [type(event) for event in await shop.events()] == [BattleOpened, VoteCast]
    async with emptied_schema.reading() as connection:
        vote = (await connection.execute(sa.select(BATTLE_VOTES))).one()
        ratings = (await connection.execute(sa.select(LIVE_RATINGS.c.rating))).scalars().all()
        (pair,) = await SqlListeningStore().pairs(connection, battle.id)
        test = await SqlListeningStore().test(connection, battle.id)
    assert (vote.id, vote.kind, vote.voter_seq, vote.rated) == (battle.id, "metrics", None, True)
    assert sorted(ratings) == [1484, 1516]
    assert [each.audio_name for each in (*pair.first, *pair.second)] == [
        f"{battle.render_a_id}.wav",
        f"{battle.render_b_id}.wav",
    ]
    assert test is not None
    assert (test.votes_per_pair, test.closes_at) == (1, battle.closes_at)
    hashes = {row.id: row.audio_sha256 for row in await shop.renders()}
    assert hashes[first] == hashlib.sha256(first.encode()).digest()


@pytest.mark.parametrize(("margin", "tie"), [(0.2, False), (0.3, True)])
async def test_the_weights_and_the_margin_of_the_metric_vote_are_settings(
    emptied_schema: Database, tmp_path: Path, margin: float, *, tie: bool
) -> None:
    weights = {"word_accuracy": 3.0, "quality": 1.0}
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1, metric_weights=weights, metric_tie_margin=margin)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    first, second = await shop.asked_for()
    await shop.speak(first, Measurements(word_error_rate=0.0, naturalness_mos=3.0))
    await shop.speak(second, Measurements(word_error_rate=0.4, naturalness_mos=4.0))
    await shop.making.preparing.advance_all()
    battle = await shop.battle()
    assert battle.metric_vote is not None
    sides = "ab" if first == battle.render_a_id else "ba"
    scores = [battle.metric_vote[f"score_{side}"] for side in sides]
    # Three parts of word accuracy and one of quality, which differ by 0.2375.
    assert scores == pytest.approx([0.75 * 1 + 0.25 * 0.5, 0.75 * 0.6 + 0.25 * 0.75])
    assert battle.metric_vote["answer"] == ("tie" if tie else sides[0])


async def test_a_broken_side_never_opens_and_counts_for_reliability_only(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    first, second = await shop.asked_for()
    await shop.speak(first)
    await shop.fail(second)
    await shop.making.preparing.advance_all()
    battle = await shop.battle()
    assert (battle.status, battle.void_reason, battle.metric_vote) == (BattleStatus.VOID, UNUSABLE_AUDIO, None)
    (voided,) = [event for event in await shop.events() if isinstance(event, BattleVoided)]
    assert (voided.battle_id, voided.reason) == (battle.id, UNUSABLE_AUDIO)
    async with emptied_schema.reading() as connection:
        assert (await connection.execute(sa.select(BATTLE_VOTES))).first() is None
        assert (await connection.execute(sa.select(LIVE_RATINGS))).first() is None
    assert sorted(row.status for row in await shop.renders()) == ["completed", "failed"]


async def test_a_void_battle_says_nothing_of_what_the_provider_said(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    (first, _) = await shop.asked_for()
    await shop.fail(first, "credentials_rejected", "account acct_4711 of Eve is blocked")
    await shop.making.preparing.advance_all()
    battle = await shop.battle()
    assert battle.void_reason == UNUSABLE_PROVIDER
    assert not any("4711" in str(event) for event in await shop.events())


async def test_a_broken_side_is_replaced_at_most_twice(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=5)
    await shop.making.pool.fill()
    battle = (await shop.battles())[0]
    staying, render_a = battle.model_b_id, battle.render_b_id
    for swaps in (1, 2):
        assert battle.render_a_id is not None
        failed = battle.model_a_id
        await shop.asked_for()
        await shop.fail(battle.render_a_id)
        await shop.making.preparing.advance_all()
        battle = (await shop.battles())[0]
        assert (battle.status, battle.swaps) == (BattleStatus.PREPARING, swaps)
        assert battle.model_a_id != failed
        assert (battle.model_b_id, battle.render_b_id) == (staying, render_a)
    assert battle.render_a_id is not None
    await shop.asked_for()
    await shop.fail(battle.render_a_id)
    await shop.making.preparing.advance_all()
    assert (await shop.battles())[0].status is BattleStatus.VOID


async def test_lost_audio_breaks_a_side(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    for render_id in await shop.asked_for():
        await shop.speak(render_id)
        await shop.audio.delete(f"{render_id}.wav")
    await shop.making.preparing.advance_all()
    assert (await shop.battle()).status is BattleStatus.VOID


async def test_a_battle_whose_text_names_a_side_is_unrated(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2, ground_truth_transcript="Hello, this is eSpeak speaking.")
    await shop.making.pool.fill()
    battle = await shop.battle()
    assert (battle.rated, battle.unrated_reason) == (False, UNRATED_IDENTITY_LEAK)
    await shop.speak_all()
    battle = await shop.battle()
    assert (battle.status, battle.rated, battle.elo_delta) == (BattleStatus.OPEN, False, 0.0)
    async with emptied_schema.reading() as connection:
        assert (await connection.execute(sa.select(BATTLE_VOTES.c.rated))).scalar_one() is False
        assert set((await connection.execute(sa.select(LIVE_RATINGS.c.rating))).scalars()) == {1500}


async def test_a_side_that_says_its_name_makes_the_battle_unrated_before_it_opens(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    assert (await shop.battle()).rated
    first, second = await shop.asked_for()
    await shop.speak(first, transcript="Your code is 4815. I am mdl 0.")
    await shop.speak(second, transcript="Your code is 4815.")
    await shop.making.preparing.advance_all()
    battle = await shop.battle()
    assert (battle.status, battle.rated, battle.unrated_reason) == (BattleStatus.OPEN, False, UNRATED_IDENTITY_LEAK)


async def test_audio_that_no_open_battle_needs_is_deleted_after_its_retention(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    await shop.making.pool.fill()
    await shop.speak_all()
    battle = await shop.battle()
    async with emptied_schema.transaction() as connection:
        ended = RENDERS.c.ended_at - sa.text("interval '31 days'")
        await connection.execute(sa.update(RENDERS).values(ended_at=ended))
    assert await shop.making.retention.sweep() == 0
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.update(BATTLES).values(status=BattleStatus.DECIDED))
    await shop.events()
    assert await shop.making.retention.sweep() == 2
    (deletion,) = await shop.events()
    assert isinstance(deletion, SpeechDeletionRequested)
    assert set(deletion.job_ids) == {battle.render_a_id, battle.render_b_id}
    assert all(row.audio_name is None and row.audio_deleted_at for row in await shop.renders())
    assert all(row.word_error_rate == 0 for row in await shop.renders())
    async with emptied_schema.reading() as connection:
        (pair,) = await SqlListeningStore().pairs(connection, battle.id)
    assert (pair.first, pair.second) == ([], [])
    assert await shop.making.retention.sweep() == 0
    # Later battles get new recordings.
    assert await shop.making.pool.fill() == 1
    assert len(await shop.renders()) == 4


async def test_a_provider_that_is_announced_again_gets_the_renders_that_wait_for_it(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=1)
    await shop.populate(models=2)
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.update(RENDER_PROVIDERS).values(max_concurrency=1, local=False))
    await shop.making.pool.fill()
    assert len(await shop.asked_for()) == 1
    await shop.making.dispatcher.record_provider(Provider(id="espeak", max_concurrency=3, local=True), now())
    assert len(await shop.asked_for()) == 1
