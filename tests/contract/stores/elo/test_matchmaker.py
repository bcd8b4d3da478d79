"""What the matchmaker draws from: published ratings, languages, voices, prepared battles and scenarios that tie."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard

from services.elo.making import matchmaker
from services.elo.making.matchmaker import Drawn
from services.elo.ratings.matchmaking import MAX_HALF_WIDTH_POINTS, WINDOW_POINTS
from services.elo.rendering.choosing import Budget
from services.elo.tables import BOARDS
from services.runtime.db import Database
from tests.contract.stores.elo import rows
from tests.contract.stores.elo.making import Workshop

DRAWS = 150


@pytest.fixture(autouse=True)
def no_old_rosters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the matchmaker see each change at once."""
    monkeypatch.setattr(matchmaker, "MAX_ROSTER_AGE_SECONDS", -1.0)


async def drawn(shop: Workshop, draws: int = DRAWS, **wanted: Any) -> list[Drawn]:
    """Draws from one roster, as if no battle were made."""
    found = []
    async with shop.database.reading() as connection:
        roster = await shop.making.matchmaker.public_roster(connection)
        for _ in range(draws):
            draw = await shop.making.matchmaker.draw(connection, roster, roster.scenarios, Budget(), **wanted)
            assert draw is not None
            roster.prepared[:] = 0
            found.append(draw)
    return found


def pairs(draws: list[Drawn]) -> Counter[frozenset[str]]:
    return Counter(frozenset({draw.first.id, draw.second.id}) for draw in draws)


async def publish(database: Database, **ratings: tuple[float, float | None]) -> None:
    """Publishes the hybrid board with a rating and a half-width of each model. None is a rating without an interval."""
    board = Leaderboard()
    for model_id, (rating, half_width) in ratings.items():
        row = board.rows.add(model_id=model_id, rating=rating)
        if half_width is not None:
            row.rating_low, row.rating_high = rating - half_width, rating + half_width
    key = {"owner": "", "board": "hybrid", "category": "", "language": ""}
    values = {"leaderboard": board.SerializeToString(), "head_to_head": b"", "votes_seq": 1}
    async with database.transaction() as connection:
        await connection.execute(sa.insert(BOARDS).values(**key, **values, computed_at=rows.NOON, next_at=rows.NOON))


async def test_a_draw_says_its_window_its_candidates_and_its_probability(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=3)
    await publish(emptied_schema, mdl_0=(1500, 30), mdl_1=(1600, 40), mdl_2=(2500, 30))
    draws = await drawn(shop)
    near = [draw for draw in draws if draw.pair.inside_window]
    assert len(near) / DRAWS > 0.8
    assert pairs(near).keys() == {frozenset({"mdl_0", "mdl_1"})}
    # 30 and 40 together are 50.
    assert near[0].pair.window_points == pytest.approx(250)
    assert {draw.pair.gap_points for draw in near} == {100}
    assert {draw.pair.candidates for draw in draws} <= {1, 3}
    # Nine of ten draws are of the only near pair, and some of the tenth too.
    assert min(draw.pair.probability for draw in near) > 0.9
    far = [draw for draw in draws if not draw.pair.inside_window]
    assert all(draw.pair.probability < 0.1 and draw.pair.candidates == 3 for draw in far)


async def test_nothing_is_known_about_a_rating_without_an_interval(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=2)
    await publish(emptied_schema, mdl_0=(1500, 30), mdl_1=(1600, None))
    (draw,) = await drawn(shop, draws=1)
    assert draw.pair.window_points == WINDOW_POINTS + MAX_HALF_WIDTH_POINTS


async def test_models_without_a_published_rating_are_near_everybody(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=2)
    await publish(emptied_schema, mdl_0=(1900, 30))
    (draw,) = await drawn(shop, 1)
    assert (draw.pair.inside_window, draw.pair.window_points, draw.pair.gap_points) == (True, 800, 0)


async def test_models_meet_in_the_language_of_the_scenario_whatever_its_region(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=0, language="en-GB")
    await rows.add_models(emptied_schema, "mdl_us", language="en-US")
    await rows.add_models(emptied_schema, "mdl_en", language="en")
    await rows.add_models(emptied_schema, "mdl_de", "mdl_at", language="de")
    assert pairs(await drawn(shop, 20)).keys() == {frozenset({"mdl_us", "mdl_en"})}


async def test_voices_of_one_class_meet_nine_times_of_ten(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=0)
    for number, gender in enumerate(("female", "male", "female", "male")):
        await rows.add_models(emptied_schema, f"mdl_{number}", name=f"Voice {number} ({gender})")
    found = pairs(await drawn(shop))
    alike = found[frozenset({"mdl_0", "mdl_2"})] + found[frozenset({"mdl_1", "mdl_3"})]
    assert 0.85 < alike / DRAWS < 1
    # The rest keeps the graph of battles in one piece.


async def test_a_scenario_that_mostly_ties_is_drawn_less(emptied_schema: Database, tmp_path: Path) -> None:
    shop = Workshop(emptied_schema, tmp_path)
    await shop.populate(models=2)
    await rows.add_scenario(emptied_schema, "scn_dull", votes=20, ties=13)
    await rows.add_scenario(emptied_schema, "scn_close", votes=20, ties=12)
    counts = Counter(draw.scenario.id for draw in await drawn(shop, 300))
    # A quarter as often as each of the other two.
    assert counts["scn_dull"] / 300 == pytest.approx(1 / 9, abs=0.06)
    assert counts["scn_close"] / 300 == pytest.approx(4 / 9, abs=0.1)


async def test_prepared_battles_make_a_pair_rarer_until_they_are_in_the_ratings(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, battle_pool=6)
    await shop.populate(models=4)
    while await shop.making.pool.fill():
        await shop.speak_all()
    met = Counter(frozenset({battle.model_a_id, battle.model_b_id}) for battle in await shop.battles())
    # Six battles of six pairs that differ in nothing: no pair has more than half of them.
    assert max(met.values()) <= 3
    async with emptied_schema.reading() as connection:
        roster = await shop.making.matchmaker.public_roster(connection)
    assert roster.prepared.sum() == 12
    assert (roster.prepared == roster.prepared.T).all()


async def test_archived_private_and_unapproved_scenarios_and_models_are_not_drawn(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = Workshop(emptied_schema, tmp_path, public_approval=True)
    await shop.populate(models=2)
    await rows.add_scenario(emptied_schema, "scn_archived", archived=True)
    await rows.add_scenario(emptied_schema, "scn_private", developer_id="dev_a", visibility="private")
    await rows.add_scenario(emptied_schema, "scn_waits", developer_id="dev_a", approved_at=None)
    await rows.add_scenario(emptied_schema, "scn_approved", developer_id="dev_a")
    await rows.add_models(emptied_schema, "mdl_waits", owner="dev_a")
    await rows.add_models(emptied_schema, "mdl_approved", owner="dev_a", approved_at=rows.NOON)
    await rows.add_models(emptied_schema, "mdl_off", arena=False)
    await rows.add_models(emptied_schema, "mdl_withdrawn", active=False)
    async with emptied_schema.reading() as connection:
        roster = await shop.making.matchmaker.public_roster(connection)
    assert [model.id for model in roster.models] == ["mdl_0", "mdl_1", "mdl_approved"]
    assert [scenario.id for scenario in roster.scenarios] == ["scn_0", "scn_approved"]
