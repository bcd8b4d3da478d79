"""The alarms of integrity over stored votes and boards."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, SlotEffect

from services.elo.integrity.watching import IntegrityWatch
from services.elo.ratings import Votes
from services.elo.tables import BATTLE_VOTES, BOARDS
from services.runtime.db import Database
from tests.contract.stores.elo.cast_votes import INTERVAL, add_cast_votes
from tests.contract.stores.elo.rows import NOON, add_models, add_scenario
from tests.contract.stores.subject_contract import Clock

VOTES = 200
IN_AN_HOUR = int(timedelta(hours=1) / INTERVAL)
"""The last votes, 15 of them, came within the last hour."""


def metric(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"voicearena_{name}")


@pytest.fixture
async def watch(emptied_schema: Database) -> IntegrityWatch:
    models = await add_models(emptied_schema, "mdl_a", "mdl_b")
    scenario = ("scn_a", await add_scenario(emptied_schema))
    number = np.arange(VOTES)
    votes = Votes.of(number % 2, 1 - number % 2, number % 3, number * 0, number % 10)
    numbered = list(zip(("mdl_a", "mdl_b"), models, strict=True))
    # The last vote came a moment ago.
    await add_cast_votes(
        emptied_schema, votes, numbered, scenario, until=NOON - timedelta(seconds=1), address_of=lambda _: b"office"
    )
    return IntegrityWatch(emptied_schema, Clock())


async def exclude(database: Database, *numbers: int) -> None:
    async with database.transaction() as connection:
        ids = [f"pai_{number:032x}" for number in numbers]
        await connection.execute(sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.id.in_(ids)).values(counted=False))


async def test_complaint_8_far_more_excluded_votes_than_usual_alarm_within_the_hour(
    watch: IntegrityWatch, emptied_schema: Database
) -> None:
    """Three months passed before somebody noticed that no vote was counted."""
    await exclude(emptied_schema, 0, 50)
    with capture_logs() as logs:
        await watch.check()
    assert logs == []
    assert metric("votes_exclusion_alarm") == 0
    assert metric("votes_excluded_mean_share") == pytest.approx(2 / (VOTES - IN_AN_HOUR))
    await exclude(emptied_schema, *range(VOTES - IN_AN_HOUR, VOTES))
    with capture_logs() as logs:
        await watch.check()
        await watch.check()
    assert [(log["event"], log["log_level"]) for log in logs] == [("many votes are excluded", "warning")]
    assert (metric("votes_exclusion_alarm"), metric("votes_excluded_share")) == (1, 1.0)


async def test_a_sure_effect_of_the_side_alarms_until_it_is_gone(
    watch: IntegrityWatch, emptied_schema: Database
) -> None:
    async def publish(low: float, high: float) -> None:
        effect = SlotEffect(points=(low + high) / 2, points_low=low, points_high=high)
        row = {
            "owner": "",
            "board": "human",
            "category": "",
            "language": "",
            "leaderboard": Leaderboard(slot_effect=effect).SerializeToString(),
            "head_to_head": b"",
            "votes_seq": 0,
            "computed_at": NOON,
            "next_at": NOON,
        }
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.delete(BOARDS))
            await connection.execute(sa.insert(BOARDS).values(row))

    events = []
    for low, high in ((-2.0, 8.0), (4.0, 8.0), (-2.0, 8.0)):
        await publish(low, high)
        with capture_logs() as logs:
            await watch.check()
        events.append([log["event"] for log in logs])
    assert events == [[], ["one side wins more often"], ["one side wins more often: no longer"]]
    assert (metric("slot_effect_alarm"), metric("slot_effect_points")) == (0, 3.0)
