"""How models stand: live ratings, averages over what they have spoken, and their rows on published boards."""

import dataclasses
import itertools

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow

from services.elo.catalogue import convert
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.standings import NEW, Averages, Standing, Standings
from services.elo.catalogue.store import SqlStore
from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.domain import INSTALLATION
from services.elo.tables import BOARDS, LIVE_RATINGS
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_models, add_render, add_scenario

NUMBERS = itertools.count()


async def stored(database: Database, id_: str, **values: object) -> VoiceModel:
    """Changes a model and returns it."""
    async with database.transaction() as connection:
        if values:
            await connection.execute(sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == id_).values(values))
        model = await SqlStore().get(connection, id_)
        assert model is not None
        return model


async def rate(database: Database, owner: str, model: VoiceModel, rating: float, **counts: int) -> None:
    async with database.transaction() as connection:
        row = {"owner": owner, "model_seq": model.seq, "model_id": model.id, "rating": rating, **counts}
        await connection.execute(sa.insert(LIVE_RATINGS).values(row))


async def publish(database: Database, owner: str, board: str, category: str, *rows: LeaderboardRow) -> None:
    leaderboard = Leaderboard(rows=rows).SerializeToString()
    key = {"owner": owner, "board": board, "category": category, "language": ""}
    about = {"head_to_head": b"", "votes_seq": 1, "computed_at": NOON, "next_at": NOON}
    async with database.transaction() as connection:
        await connection.execute(sa.insert(BOARDS).values(**key, **about, leaderboard=leaderboard))


async def test_a_model_without_votes_stands_at_1500(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_a")
    standings = Standings(emptied_schema)
    model = await stored(emptied_schema, "mdl_a")
    assert await standings.of([model]) == {"mdl_a": NEW}
    assert (NEW.elo_rating, NEW.win_rate) == (1500, None)
    assert await standings.of([]) == {}
    stats = await standings.stats(model)
    assert (dict(stats.boards), stats.averages) == ({}, Averages())


async def test_a_public_model_stands_on_the_public_board_and_a_private_one_on_its_owners(
    emptied_schema: Database,
) -> None:
    await add_models(emptied_schema, "mdl_a", "mdl_b", owner="dev_a")
    public = await stored(emptied_schema, "mdl_a")
    private = await stored(emptied_schema, "mdl_b", visibility="private")
    for model in (public, private):
        await rate(emptied_schema, INSTALLATION, model, 1510, battles=2, wins=3, losses=1, ties=2, both_bad=4)
        await rate(emptied_schema, "dev_a", model, 1490, battles=1, losses=1)
    for owner, rank in ((INSTALLATION, 1), ("dev_a", 2)):
        rows = (LeaderboardRow(model_id=model.id, rank=rank) for model in (public, private))
        await publish(emptied_schema, owner, "human", "", *rows)
    standings = Standings(emptied_schema)
    found = await standings.of([public, private])
    assert found == {
        "mdl_a": Standing(1510, battles=2, wins=3, losses=1, ties=2, both_bad=4),
        "mdl_b": Standing(1490, battles=1, losses=1),
    }
    # Ties are half a win, and votes that neither was good do not count.
    assert (found["mdl_a"].win_rate, found["mdl_b"].win_rate) == (4 / 6, 0)
    assert [row.rank for row in (await standings.stats(public)).boards.values()] == [1]
    assert [row.rank for row in (await standings.stats(private)).boards.values()] == [2]


async def test_ratings_come_from_the_boards_over_all_categories(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_a")
    model = await stored(emptied_schema, "mdl_a")
    row = LeaderboardRow(model_id="mdl_a", rating=1540, rating_low=1500, rating_high=1580, rank=1, rank_worst=3)
    other = LeaderboardRow(model_id="mdl_b", rating=1400)
    await publish(emptied_schema, INSTALLATION, "human", "", other, row)
    await publish(emptied_schema, INSTALLATION, "metrics", "", other)
    await publish(emptied_schema, INSTALLATION, "hybrid", "sales", row)
    stats = await Standings(emptied_schema).stats(model)
    assert dict(stats.boards) == {"human": row}
    (shown,) = convert.voice_model(model, awaits_approval=False, stats=stats).stats.boards
    assert (shown.board, shown.rating_low, shown.rating_high) == ("human", 1500, 1580)


async def test_a_rating_without_an_interval_is_shown_without_one(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_a")
    model = await stored(emptied_schema, "mdl_a")
    await publish(emptied_schema, INSTALLATION, "human", "", LeaderboardRow(model_id="mdl_a", rating=1540))
    stats = await Standings(emptied_schema).stats(model)
    (shown,) = convert.voice_model(model, awaits_approval=False, stats=stats).stats.boards
    assert (shown.HasField("rating_low"), shown.HasField("rating_high")) == (False, False)


async def speak(database: Database, scenario: str, **values: object) -> None:
    number = next(NUMBERS)
    await add_render(database, f"rnd_{number}", "mdl_a", scenario, **{"number": number, **values})


async def test_averages_are_over_the_renders_on_public_scenarios(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_a", "mdl_b", owner="dev_a")
    await add_scenario(emptied_schema, "scn_public")
    await add_scenario(emptied_schema, "scn_private", visibility="private", developer_id="dev_a")
    done = {"status": "completed", "error_kind": ""}
    await speak(emptied_schema, "scn_public", **done, word_error_rate=0.1, ttfa_ms=100, naturalness_mos=4)
    await speak(emptied_schema, "scn_public", **done, word_error_rate=0.3, ttfa_ms=200, signal_quality_mos=3)
    both = {"naturalness_mos": 3, "signal_quality_mos": 4, "semascore": 0.8, "prosody_score": 0.5, "ttfa_ms": 600}
    await speak(emptied_schema, "scn_public", **done, **both)
    await speak(emptied_schema, "scn_public", status="failed", error_kind="timed_out")
    # Not the model's fault, not ended, and of another model.
    await speak(emptied_schema, "scn_public", status="failed", error_kind="evaluation_failed")
    await speak(emptied_schema, "scn_public", status="synthesizing", error_kind="")
    await add_render(emptied_schema, "rnd_other", "mdl_b", "scn_public", **done, word_error_rate=1.0)
    await speak(emptied_schema, "scn_private", **done, word_error_rate=0.8, semascore=0.4)
    model = await stored(emptied_schema, "mdl_a")
    standings = Standings(emptied_schema)
    assert (await standings.stats(model)).averages == Averages(
        avg_wer=pytest.approx(0.2),
        avg_semascore=pytest.approx(0.8),
        avg_prosody=pytest.approx(0.5),
        avg_quality=pytest.approx((3.5 - 1) / 4),
        median_ttfa_ms=pytest.approx(200),
        reliability=pytest.approx(3 / 4),
    )
    # A private model is seen by its owner only, so everything counts.
    private = await stored(emptied_schema, "mdl_a", visibility="private")
    averages = (await standings.stats(private)).averages
    assert (averages.avg_wer, averages.reliability) == (pytest.approx(0.4), pytest.approx(4 / 5))


async def test_a_recorded_model_has_no_reliability(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_a")
    await add_scenario(emptied_schema, "scn_public")
    await speak(emptied_schema, "scn_public", status="completed", error_kind="", word_error_rate=0.1)
    model = await stored(emptied_schema, "mdl_a", kind="recorded")
    averages = (await Standings(emptied_schema).stats(model)).averages
    assert averages == dataclasses.replace(Averages(), avg_wer=pytest.approx(0.1))
