"""Snapshots of boards are made each day, and those that were missed are made later from the votes of then."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_pb2 import Snapshot

from services.elo.leaderboard.history import History, HistoryFilter
from services.elo.ratings import LiveElo, LiveVote, Outcome, VoteKind, Votes, publish
from services.elo.tables import SNAPSHOTS
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.pages import Pages
from tests.contract.stores.elo.boards import STORE, published_round, publishing
from tests.contract.stores.elo.votes import add_cast, add_votes
from tests.simulated_votes import Arena

PAGES = Pages("a secret of this installation")
HUMAN = HistoryFilter("", "human", "", "")
TINY = Arena(models=3, scenarios=4, voters=6, votes=40)


async def snapshots(database: Database, wanted: HistoryFilter = HUMAN) -> list[Snapshot]:
    found, token = await History(database, STORE, PAGES).page(wanted, 1000, "")
    assert token == ""
    return list(found)


async def test_missed_days_get_the_boards_of_their_votes(emptied_schema: Database) -> None:
    midnight = datetime.combine(now().date(), datetime.min.time(), UTC)
    cast = await add_cast(emptied_schema, 3, 4, 6)
    random = np.random.default_rng(1)
    votes = TINY.vote(TINY.strengths(random), random)
    first, rest = votes.where(np.arange(40) < 15), votes.where(np.arange(40) >= 15)
    # Three days ago until its last second, nothing on the next day, then the rest.
    await add_votes(
        emptied_schema, cast, first, prefix="b", at=midnight - timedelta(days=2, seconds=15), seconds_apart=1
    )
    await add_votes(emptied_schema, cast, rest, prefix="c", at=midnight - timedelta(days=1), seconds_apart=1)
    await published_round(emptied_schema)
    found = await snapshots(emptied_schema)
    days = [(midnight - timedelta(days=ago)).date().isoformat() for ago in (0, 1, 2, 3)]
    assert [one.snapshot_date for one in found] == [day for day in days for _ in range(3)]
    early = {VoteKind.HUMAN: first}
    for day, expected in zip(days, (publish({VoteKind.HUMAN: votes}, 3),) * 2 + (publish(early, 3),) * 2, strict=True):
        ratings = {one.model_id: one.rating for one in found if one.snapshot_date == day}
        assert ratings == pytest.approx({f"mdl_a{at}": expected.elo[at] for at in range(3)}, abs=1e-9)


async def test_a_snapshot_has_the_live_elo_of_its_day(emptied_schema: Database) -> None:
    yesterday = now() - timedelta(days=1)
    cast = await add_cast(emptied_schema, 2, 2, 2)
    # Votes of odd places were heard with the sides swapped.
    votes = Votes.of([0, 1, 0], [1, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 0])
    await add_votes(emptied_schema, cast, votes, at=yesterday)
    await published_round(emptied_schema)
    replayed = LiveElo().replay(
        [LiveVote("0", "1", Outcome.A), LiveVote("0", "1", Outcome.B), LiveVote("0", "1", Outcome.TIE)]
    )
    found = {one.model_id: one for one in await snapshots(emptied_schema) if one.snapshot_date == str(yesterday.date())}
    assert found["mdl_a0"].elo_rating == replayed.ratings["0"]
    assert found["mdl_a1"].elo_rating == replayed.ratings["1"]


async def test_a_final_snapshot_is_not_made_again_and_todays_is(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 3, 4, 6)
    random = np.random.default_rng(1)
    await add_votes(emptied_schema, cast, TINY.vote(TINY.strengths(random), random), at=now() - timedelta(days=1))
    await published_round(emptied_schema)

    async def times() -> dict[date, datetime]:
        async with emptied_schema.reading() as connection:
            rows = await connection.execute(sa.select(SNAPSHOTS.c.snapshot_date, SNAPSHOTS.c.computed_at))
            return {row.snapshot_date: row.computed_at for row in rows}

    before = await times()
    assert len(before) == 2
    # Another process has nothing in memory.
    assert await publishing(emptied_schema, timedelta(0)).round() == 8
    after = await times()
    yesterday, today = sorted(before)
    assert after[yesterday] == before[yesterday]
    assert after[today] > before[today]


async def test_history_is_read_page_by_page(emptied_schema: Database) -> None:
    cast = await add_cast(emptied_schema, 3, 4, 6)
    random = np.random.default_rng(1)
    await add_votes(emptied_schema, cast, TINY.vote(TINY.strengths(random), random), at=now() - timedelta(days=3))
    await publishing(emptied_schema).round()
    everything = await snapshots(emptied_schema)
    assert len(everything) == 12
    history = History(emptied_schema, STORE, PAGES)
    found: list[Snapshot] = []
    token = ""
    for _ in range(3):
        page, token = await history.page(HUMAN, 5, token)
        found += page
    assert (found, token) == (everything, "")
    one = await snapshots(emptied_schema, HUMAN._replace(model_id="mdl_a1"))
    assert [row for row in everything if row.model_id == "mdl_a1"] == one
    assert len(await snapshots(emptied_schema, HUMAN._replace(category="support"))) == 12
    assert await snapshots(emptied_schema, HUMAN._replace(category="sales")) == []
    assert await snapshots(emptied_schema, HUMAN._replace(owner="dev_a")) == []
