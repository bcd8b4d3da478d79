"""Boards are computed from the stored votes, and only when there is something new."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_service_pb2 import GetHeadToHeadResponse

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.leaderboard import board_keeper
from services.elo.leaderboard.board_keeper import NewVotes
from services.elo.ratings import VoteKind, Votes, publish
from services.elo.tables import BATTLE_VOTES, BATTLES, LIVE_RATINGS, SCENARIOS
from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from tests.contract.stores.elo.boards import STORE, board, force_due, published_round, publishing, stored
from tests.contract.stores.elo.votes import add_cast, add_render, add_votes, simulated
from tests.simulated_votes import Arena

SMALL = Arena(models=5, scenarios=24, voters=80, votes=700, activity_spread=0.5)
TINY = Arena(models=3, scenarios=4, voters=6, votes=30)
ACTIVE = Arena(models=4, scenarios=30, voters=30, votes=1500, activity_spread=2.0)


async def change(database: Database, statement: sa.Update) -> None:
    async with database.transaction() as connection:
        await connection.execute(statement)


async def test_the_stored_board_is_the_fit_of_its_votes(emptied_schema: Database) -> None:
    cast, votes = await simulated(emptied_schema, SMALL)
    # Of people and hybrid, each for all scenarios, the category, the language, and both.
    assert await published_round(emptied_schema) == 8
    expected = publish({VoteKind.HUMAN: votes}, 5)
    found = await board(emptied_schema)
    assert (found.votes, found.battles, found.voters, found.connected) == (700, 700, len(set(votes.voter)), True)
    by_id = {row.model_id: row for row in found.rows}
    for at, (model_id, _) in enumerate(cast.models):
        row = by_id[model_id]
        assert row.rating == pytest.approx(expected.elo[at], abs=1e-9)
        assert row.rating_high - row.rating == pytest.approx(expected.half_width[at], abs=1e-6)
        assert (row.rank, row.rank_worst) == (expected.rank[at], expected.rank_worst[at])
        assert row.provisional == expected.provisional[at]
        assert row.wins + row.losses + row.ties == (votes.a == at).sum() + (votes.b == at).sum()
    assert [(row.rank, -row.rating) for row in found.rows] == sorted((row.rank, -row.rating) for row in found.rows)
    assert found.fragility.votes > 0
    assert found.slot_effect.points_low < found.slot_effect.points < found.slot_effect.points_high


async def test_equal_models_share_a_rank(emptied_schema: Database) -> None:
    await simulated(emptied_schema, replace(SMALL, model_spread=0.0))
    await published_round(emptied_schema)
    assert {(row.rank, row.rank_worst) for row in (await board(emptied_schema)).rows} == {(1, 5)}


async def test_easy_opponents_do_not_put_a_weak_model_first(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 4, 20, 20)
    # Models 0 and 1 are equally strong. Model 2 met only model 3, the weakest, which model 0 always beats.
    pairs = [(0, 1)] * 100 + [(0, 3)] * 20 + [(2, 3)] * 80
    outcome = [n % 2 for n in range(100)] + [0] * 20 + [n % 5 > 2 for n in range(80)]
    number = np.arange(200)
    a, b = np.array(pairs).T
    votes = Votes.of(a, b, np.array(outcome, dtype=np.intp), number % 20, number // 10)
    await add_votes(emptied_schema, cast, votes)
    await published_round(emptied_schema)
    found = await board(emptied_schema)
    rows = {row.model_id: row for row in found.rows}
    assert rows["mdl_a2"].win_rate > rows["mdl_a0"].win_rate > rows["mdl_a1"].win_rate
    assert {row.model_id for row in found.rows[:2]} == {"mdl_a0", "mdl_a1"}
    store = await stored(emptied_schema)
    assert store is not None
    cells = GetHeadToHeadResponse.FromString(store.head_to_head).cells
    counts = {(cell.model_id, cell.opponent_id): cell.wins + cell.losses + cell.ties for cell in cells}
    assert counts["mdl_a2", "mdl_a3"] == 80
    assert ("mdl_a2", "mdl_a0") not in counts


async def test_a_board_says_which_models_no_votes_connect(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 4, 2, 2)
    # 0 beats 1 always, and 2 beats 3; nobody compared these pairs.
    a, b = [0, 1, 0, 2, 3, 2] * 2, [1, 0, 1, 3, 2, 3] * 2
    outcome = [0, 1, 0, 0, 1, 0] * 2
    votes = Votes.of(a, b, outcome, [0, 1] * 6, [0, 0, 1, 1] * 3)
    await add_votes(emptied_schema, cast, votes)
    await published_round(emptied_schema)
    found = await stored(emptied_schema)
    assert found is not None
    assert not (await board(emptied_schema)).connected
    assert not (await board(emptied_schema)).HasField("fragility")
    matrix = GetHeadToHeadResponse.FromString(found.head_to_head)
    assert sorted(sorted(part.model_ids) for part in matrix.components) == [["mdl_a0", "mdl_a1"], ["mdl_a2", "mdl_a3"]]
    cells = {(cell.model_id, cell.opponent_id): cell for cell in matrix.cells}
    assert len(cells) == 4
    assert (cells["mdl_a0", "mdl_a1"].wins, cells["mdl_a0", "mdl_a1"].losses) == (6, 0)
    assert (cells["mdl_a1", "mdl_a0"].wins, cells["mdl_a1", "mdl_a0"].losses) == (0, 6)
    assert [cell.votes for cell in matrix.cells] == [6] * 4
    assert not any(cell.surely_better for cell in matrix.cells)
    assert matrix.warning.startswith("The votes connect the models in 2 separate parts")


async def test_the_first_vote_gives_provisional_rows(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 2, 1, 1)
    await add_votes(emptied_schema, cast, Votes.of([0], [1], [0], [0], [0]))
    assert await published_round(emptied_schema) == 8
    found = await board(emptied_schema)
    assert [(row.model_id, row.provisional) for row in found.rows] == [("mdl_a0", True), ("mdl_a1", True)]
    assert found.rows[0].rating > found.rows[1].rating
    # One voter and one scenario say nothing about others.
    assert not any(row.HasField("rating_low") for row in found.rows)


async def test_a_board_says_when_it_was_computed_and_when_it_is_computed_next(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    await publishing(emptied_schema, timedelta(minutes=7)).round()
    for which in ("human", "hybrid"):
        found = await board(emptied_schema, which)
        assert found.next_at.ToDatetime() - found.computed_at.ToDatetime() == timedelta(minutes=7)


async def test_a_hybrid_board_has_both_kinds_and_the_others_one(emptied_schema: Database) -> None:
    cast, votes = await simulated(emptied_schema, SMALL)
    random = np.random.default_rng(2)
    metrics = SMALL.vote(SMALL.strengths(random), random)
    await add_votes(emptied_schema, cast, metrics, kind="metrics", prefix="b")
    assert await published_round(emptied_schema) == 12
    of_metrics = Votes.of(metrics.a, metrics.b, metrics.outcome, metrics.scenario)
    expected = publish({VoteKind.HUMAN: votes, VoteKind.METRICS: of_metrics}, 5)
    hybrid = {row.model_id: row.rating for row in (await board(emptied_schema, "hybrid")).rows}
    assert hybrid == pytest.approx({f"mdl_a{at}": expected.elo[at] for at in range(5)}, abs=1e-9)
    alone = {row.model_id: row.rating for row in (await board(emptied_schema, "metrics")).rows}
    expected = publish({VoteKind.METRICS: of_metrics}, 5)
    assert alone == pytest.approx({f"mdl_a{at}": expected.elo[at] for at in range(5)}, abs=1e-9)
    found = await board(emptied_schema, "metrics")
    assert (found.voters, found.HasField("slot_effect"), found.HasField("exclusion_rate")) == (0, False, False)


async def test_excluded_and_unrated_votes_are_on_no_board(emptied_schema: Database) -> None:
    cast, _ = await simulated(emptied_schema, TINY)
    counted = [n % 5 > 0 for n in range(30)]
    random = np.random.default_rng(3)
    await add_votes(emptied_schema, cast, TINY.vote(TINY.strengths(random), random), prefix="b", counted=counted)
    await add_votes(emptied_schema, cast, TINY.vote(TINY.strengths(random), random), prefix="c", rated=False)
    await published_round(emptied_schema)
    found = await board(emptied_schema)
    assert found.votes == 30 + 24
    assert found.exclusion_rate == 6 / 60


async def test_no_voter_has_more_than_a_tenth_of_the_votes_of_a_large_board(emptied_schema: Database) -> None:
    _, votes = await simulated(emptied_schema, ACTIVE)
    assert np.bincount(votes.voter).max() > 300
    await published_round(emptied_schema)
    found = await board(emptied_schema)
    assert found.votes < 1500
    assert sum(row.wins + row.losses + row.ties + row.both_bad for row in found.rows) == 2 * found.votes


async def test_a_vote_that_is_judged_again_changes_the_board(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    publisher = publishing(emptied_schema)
    await publisher.round()
    assert (await board(emptied_schema)).votes == 30
    first = sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.seq <= 4).values(counted=False)
    await change(emptied_schema, first)
    force_due(publisher)
    await publisher.round()
    assert (await board(emptied_schema)).votes == 26


async def test_votes_that_become_visible_late_are_not_missed(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    await add_votes(emptied_schema, cast, Votes.of([0], [1], [0], [0], [0]), prefix="late")
    async with emptied_schema.transaction() as connection:
        late = (await connection.execute(sa.select(BATTLE_VOTES))).one()._asdict()
        await connection.execute(sa.delete(BATTLE_VOTES))
    publisher = publishing(emptied_schema)
    async with emptied_schema.transaction() as slow:
        # It has a lower number than the votes that are committed before it.
        del late["seq"]
        await slow.execute(sa.insert(BATTLE_VOTES).values(late))
        await add_votes(emptied_schema, cast, Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1]))
        await publisher.round()
        assert (await board(emptied_schema)).votes == 2
    force_due(publisher)
    await publisher.round()
    assert (await board(emptied_schema)).votes == 3


async def test_an_unchanged_board_is_confirmed_and_not_computed_again(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    publisher = publishing(emptied_schema, timedelta(seconds=1))
    assert await publisher.round() == 8
    before = await stored(emptied_schema)
    force_due(publisher)
    assert await publisher.round() == 0
    after = await stored(emptied_schema)
    assert before is not None
    assert after is not None
    assert after.computed_at > before.computed_at
    assert after.next_at - after.computed_at == timedelta(seconds=1)
    assert after.leaderboard == before.leaderboard
    renamed = sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == "mdl_a0").values(name="Ada", active=False)
    await change(emptied_schema, renamed)
    force_due(publisher)
    assert await publisher.round() == 8
    row = next(row for row in (await board(emptied_schema)).rows if row.model_id == "mdl_a0")
    assert (row.name, row.withdrawn) == ("Ada", True)


async def test_a_process_that_starts_computes_only_what_is_due(emptied_schema: Database) -> None:
    cast, _ = await simulated(emptied_schema, TINY)
    assert await published_round(emptied_schema) == 8
    before = await stored(emptied_schema)
    started = publishing(emptied_schema)
    assert await started.round() == 0
    assert not started.waiting
    assert await stored(emptied_schema) == before
    # Less than a tenth of the votes are new: they wait for the interval.
    random = np.random.default_rng(3)
    more = TINY.vote(TINY.strengths(random), random)
    await add_votes(emptied_schema, cast, more.where(np.arange(len(more)) < 2), prefix="b")
    started = publishing(emptied_schema)
    assert await started.round() == 0
    assert started.waiting
    await add_votes(emptied_schema, cast, more, prefix="c")
    started = publishing(emptied_schema)
    await started.round()
    force_due(started)
    assert await started.round() == 8
    assert (await board(emptied_schema)).votes == 30 + 2 + 30
    started = publishing(emptied_schema, timedelta(0))
    assert await started.round() == 8


async def test_a_process_that_starts_knows_which_votes_were_judged_again(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    await published_round(emptied_schema)
    excluded = sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.seq <= 10).values(counted=False)
    await change(emptied_schema, excluded)
    started = publishing(emptied_schema)
    await started.round()
    assert (started.schedules or {})[""].changed.total() == 10
    force_due(started)
    assert await started.round() == 8
    assert (await board(emptied_schema)).votes == 20


async def test_a_withdrawn_model_stays_on_the_board_and_in_the_fit(emptied_schema: Database) -> None:
    _, votes = await simulated(emptied_schema, TINY)
    await change(emptied_schema, sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == "mdl_a1").values(active=False))
    await published_round(emptied_schema)
    expected = publish({VoteKind.HUMAN: votes}, 3)
    rows = {row.model_id: row for row in (await board(emptied_schema)).rows}
    assert [rows[id_].withdrawn for id_ in sorted(rows)] == [False, True, False]
    assert rows["mdl_a1"].rating == pytest.approx(expected.elo[1], abs=1e-9)


async def test_an_own_board_has_only_the_votes_of_its_owner(emptied_schema: Database) -> None:
    cast, _ = await simulated(emptied_schema, TINY)
    votes = Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1])
    await add_votes(emptied_schema, cast, votes, prefix="b", owner="dev_a")
    await published_round(emptied_schema)
    assert (await board(emptied_schema, "human", "dev_a")).votes == 2
    assert (await board(emptied_schema)).votes == 30


async def test_categories_and_languages_have_boards_of_their_own(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    votes = Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1])
    for prefix, category, language in (("a", "sales", "en"), ("b", "sales", "de"), ("c", "support", "en")):
        await add_votes(emptied_schema, cast, votes, prefix=prefix, category=category, language=language)
    await published_round(emptied_schema)
    async with emptied_schema.reading() as connection:
        keys = {key[2:] for key in await STORE.keys(connection, "") if key.board == "human"}
    assert keys == {
        *(("", ""), ("sales", ""), ("support", ""), ("", "en"), ("", "de")),
        *(("sales", "en"), ("sales", "de"), ("support", "en")),
    }
    assert (await board(emptied_schema, category="sales")).votes == 4
    assert (await board(emptied_schema, category="sales", language="de")).votes == 2


async def test_a_board_whose_last_votes_are_excluded_disappears(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    publisher = publishing(emptied_schema)
    await publisher.round()
    await change(emptied_schema, sa.update(BATTLE_VOTES).values(counted=False))
    force_due(publisher)
    await publisher.round()
    assert await stored(emptied_schema) is None


async def test_averages_are_over_the_sides_of_the_battles(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    await add_votes(emptied_schema, cast, Votes.of([0, 1, 0], [1, 0, 1], [0, 1, 3], [0, 1, 0], [0, 1, 1]))
    measured: Mapping[str, Mapping[str, float | None]] = {
        "rnd_a": {"word_error_rate": 0.1, "ttfa_ms": 100.0, "naturalness_mos": 4.0, "signal_quality_mos": 3.0},
        "rnd_b": {"word_error_rate": 0.3, "ttfa_ms": 300.0, "naturalness_mos": 2.0, "signal_quality_mos": None},
        "rnd_c": {"word_error_rate": None, "ttfa_ms": 200.0, "semascore": 0.5},
    }
    for number, (id_, values) in enumerate(measured.items()):
        model = "mdl_a0" if id_ != "rnd_c" else "mdl_a1"
        await add_render(emptied_schema, id_, model, "scn_a0", number=number, **values)
    # In battle 1, heard swapped, model 0 is side A too.
    renders = {"0": ("rnd_a", "rnd_c"), "1": ("rnd_b", "rnd_c"), "2": ("rnd_b", "rnd_c")}
    for n, (a, b) in renders.items():
        sides = {"render_a_id": a, "render_b_id": b}
        await change(emptied_schema, sa.update(BATTLES).where(BATTLES.c.id.endswith(n)).values(sides))
    await published_round(emptied_schema)
    rows = {row.model_id: row for row in (await board(emptied_schema)).rows}
    first, second = rows["mdl_a0"], rows["mdl_a1"]
    assert (first.total_battles, first.wins, first.losses, first.ties, first.both_bad) == (3, 2, 0, 0, 1)
    assert first.win_rate == 1.0
    assert first.avg_wer == pytest.approx((0.1 + 0.3 + 0.3) / 3)
    assert first.avg_quality == pytest.approx((2.5 / 4 + 1 / 4 + 1 / 4) / 3)
    assert (first.median_ttfa_ms, second.median_ttfa_ms) == (300.0, 200.0)
    assert (second.HasField("avg_wer"), second.avg_semascore) == (False, 0.5)
    assert not first.HasField("avg_semascore")


async def test_what_was_spoken_for_private_scenarios_is_in_no_public_reliability(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    await change(emptied_schema, sa.update(SCENARIOS).where(SCENARIOS.c.id == "scn_a1").values(visibility="private"))
    failed = {"status": "failed", "error_kind": "timed_out"}
    await add_render(emptied_schema, "rnd_a", "mdl_a0", "scn_a0")
    await add_render(emptied_schema, "rnd_b", "mdl_a0", "scn_a0", number=1, **failed)
    await add_render(emptied_schema, "rnd_c", "mdl_a0", "scn_a1", **failed)
    await add_render(emptied_schema, "rnd_d", "mdl_a1", "scn_a1", **failed)
    await published_round(emptied_schema)
    rows = {row.model_id: row for row in (await board(emptied_schema)).rows}
    assert rows["mdl_a0"].reliability == 0.5
    assert not rows["mdl_a1"].HasField("reliability")


async def test_the_delivery_controlled_rating_takes_out_what_only_length_explains(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 2, 20, 20)
    # The shorter clip always wins, and model 0 is mostly shorter.
    shorter_wins = [n % 5 > 0 for n in range(200)]
    outcome = [0 if wins else 1 for wins in shorter_wins]
    votes = Votes.of([0] * 200, [1] * 200, outcome, [n % 20 for n in range(200)], [n // 10 for n in range(200)])
    await add_votes(emptied_schema, cast, votes)
    for id_, model, number, seconds in (("s", "mdl_a0", 0, 1.0), ("l", "mdl_a0", 1, 3.0), ("m", "mdl_a1", 0, 2.0)):
        await add_render(
            emptied_schema,
            f"rnd_{id_}",
            model,
            "scn_a0",
            number=number,
            duration_seconds=seconds,
            silence_ratio=0.1,
            leading_silence_ms=10.0,
        )
    async with emptied_schema.transaction() as connection:
        for n, wins in enumerate(shorter_wins):
            own, other = ("rnd_s" if wins else "rnd_l"), "rnd_m"
            # Every second battle was heard with its sides swapped.
            sides = (other, own) if n % 2 else (own, other)
            renders = {"render_a_id": sides[0], "render_b_id": sides[1]}
            await connection.execute(sa.update(BATTLES).where(BATTLES.c.id == f"bat_a{n:031x}").values(renders))
    await published_round(emptied_schema)
    rows = {row.model_id: row for row in (await board(emptied_schema)).rows}
    lead = rows["mdl_a0"].rating - rows["mdl_a1"].rating
    controlled = rows["mdl_a0"].delivery_controlled_rating - rows["mdl_a1"].delivery_controlled_rating
    assert lead > 150
    assert controlled < lead / 3


async def test_live_elo_is_beside_the_published_rating(emptied_schema: Database) -> None:
    cast, _ = await simulated(emptied_schema, TINY)
    id_, seq = cast.models[0]
    async with emptied_schema.transaction() as connection:
        row = {"owner": "", "model_seq": seq, "model_id": id_, "rating": 1612.5}
        await connection.execute(sa.insert(LIVE_RATINGS).values(row))
    await published_round(emptied_schema)
    rows = {row.model_id: row for row in (await board(emptied_schema)).rows}
    assert rows[id_].elo_rating == 1612.5
    assert rows[id_].rating != 1612.5


async def test_publishing_is_announced_with_the_boards(emptied_schema: Database) -> None:
    await simulated(emptied_schema, TINY)
    await published_round(emptied_schema)
    async with emptied_schema.reading() as connection:
        subjects = (await connection.execute(sa.select(OUTBOX.c.subject))).scalars().all()
    assert subjects == ["voicearena.elo.v1.ratings_published"]


async def test_the_process_is_needed_for_new_votes_and_after_the_interval(
    emptied_schema: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_keeper, "POLL_SECONDS", 0.01)
    needed, later = NewVotes(emptied_schema, 0.05), NewVotes(emptied_schema, 3600)
    for waiting in (needed, later):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.wait(), 0.3)
    cast, _ = await simulated(emptied_schema, TINY)
    await later.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(later.wait(), 0.3)
    await needed.wait()
    # The interval.
    await needed.wait()
    random = np.random.default_rng(3)
    await add_votes(emptied_schema, cast, TINY.vote(TINY.strengths(random), random), prefix="b")
    await later.wait()
