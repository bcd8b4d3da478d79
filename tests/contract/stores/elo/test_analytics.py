"""Analytics sum up public battles and their votes, over a real database."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, SlotEffect

from services.elo.analytics import convert, usecases
from services.elo.analytics.domain import MAX_DAYS, MIN_TIE_VOTES, Day, ScenarioTies, Slots
from services.elo.analytics.store import CORRELATED, AnalyticsStore
from services.elo.analytics.usecases import Analytics
from services.elo.battles.domain import Battle, BattleStatus, Control
from services.elo.catalogue.tables import PROVIDERS
from services.elo.ratings import LiveElo, Outcome, VoteKind
from services.elo.tables import BOARDS, RENDERS
from services.elo.visibility import Approval
from services.elo.voting.live_ratings import LiveRatings, NewVote
from services.runtime.db import Database
from services.runtime.errors import InvalidInput
from tests.contract.stores.elo.rows import NOON, add_battles, add_models, add_scenario, add_voter, battle

STORE = AnalyticsStore(Approval(needed=True), ())
TODAY = NOON - timedelta(hours=11, minutes=59)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecases, "now", lambda: NOON)


class Arena:
    """Two models, a scenario and voters, with one call for each battle and vote."""

    def __init__(self, database: Database, models: list[int], scenario: int, voters: list[int]) -> None:
        self.database = database
        self.models = models
        self.scenario = scenario
        self.voters = voters
        self.analytics = Analytics(database, STORE, max_age_seconds=0)
        self._made = 0

    @classmethod
    async def of(cls, database: Database) -> "Arena":
        adding = sa.insert(PROVIDERS).values(
            id="espeak", told_at=NOON, unavailable_reason="", parameters=[], max_text_characters=0, local=True
        )
        async with database.transaction() as connection:
            await connection.execute(adding)
        models = await add_models(database, "mdl_a", "mdl_b")
        voters = [await add_voter(database, f"usr_{name}") for name in "abc"]
        return cls(database, models, await add_scenario(database), voters)

    async def battle(self, **values: object) -> Battle:
        self._made += 1
        a, b = self.models
        made = battle(f"bat_{self._made}", ("mdl_a", a), ("mdl_b", b), self.scenario)
        made = dataclasses.replace(made, opened_at=TODAY, **values)  # type: ignore[arg-type]
        await add_battles(self.database, made)
        return made

    async def vote(
        self, on: Battle, outcome: Outcome, *, voter: int | None = 0, counted: bool = True, at: datetime = TODAY
    ) -> None:
        """Casts a vote of a voter, or of the metrics if it is None."""
        self._made += 1
        kind = VoteKind.METRICS if voter is None else VoteKind.HUMAN
        seq = None if voter is None else self.voters[voter]
        cast = NewVote(id=f"pai_{self._made}", kind=kind, outcome=outcome, voter_seq=seq, counted=counted, at=at)
        async with self.database.transaction() as connection:
            await LiveRatings(LiveElo()).cast(connection, on, cast)

    async def measured(self, metrics_a: Mapping[str, float], metrics_b: Mapping[str, float], **values: object) -> None:
        """Adds a battle with a render of each side that has these metrics."""
        ids = []
        for model, metrics in (("mdl_a", metrics_a), ("mdl_b", metrics_b)):
            self._made += 1
            ids.append(f"rnd_{self._made}")
            texts = ("developer_id", "traceparent", "evaluation_id", "voice_id", "model_id", "error_kind")
            row = {
                **dict.fromkeys((*texts, "error_message", "spoken_language"), ""),
                **dict.fromkeys(("attempts", "attempts_before", "provider_requests"), 0),
                **{"id": ids[-1], "voice_model_id": model, "scenario_id": "scn_a", "number": self._made},
                **{"text": "Hello.", "provider": "espeak", "status": "completed", "created_at": TODAY},
                **metrics,
            }
            async with self.database.transaction() as connection:
                await connection.execute(sa.insert(RENDERS).values(row))
        await self.battle(render_a_id=ids[0], render_b_id=ids[1], **values)


@pytest.fixture
async def arena(emptied_schema: Database) -> Arena:
    return await Arena.of(emptied_schema)


async def test_an_empty_arena_has_days_without_activity_and_no_rates(arena: Arena) -> None:
    summary = await arena.analytics.summary(30)
    assert (summary.totals.models, summary.totals.scenarios, summary.totals.battles) == (2, 1, 0)
    assert [day.date for day in summary.days] == [TODAY.date() - timedelta(days=back) for back in range(29, -1, -1)]
    assert {(day.battles, day.votes, day.voters) for day in summary.days} == {(0, 0, 0)}
    assert (summary.ties, summary.slots, summary.totals.exclusion_rate) == ([], None, None)
    message = convert.summary(summary)
    assert not message.HasField("slot_effect")
    assert not message.HasField("exclusion_rate")


async def test_totals_have_excluded_votes_too_and_say_their_share(arena: Arena) -> None:
    first, second = await arena.battle(), await arena.battle()
    await arena.vote(first, Outcome.A, voter=0)
    await arena.vote(first, Outcome.B, voter=1, counted=False)
    await arena.vote(second, Outcome.TIE, voter=0)
    await arena.vote(second, Outcome.BOTH_BAD, voter=1)
    await arena.vote(first, Outcome.B, voter=None)
    totals = (await arena.analytics.summary(1)).totals
    assert (totals.battles, totals.votes, totals.metric_votes, totals.voters) == (2, 4, 1, 2)
    assert totals.exclusion_rate == 0.25


async def test_private_and_control_battles_and_own_boards_are_in_no_number(arena: Arena) -> None:
    own = await arena.battle(owner="dev_a", private=True)
    await arena.vote(own, Outcome.TIE)
    await arena.vote(own, Outcome.A, voter=None)
    await arena.battle(control=Control.GOLD, expected="a")
    await arena.battle(owner="dev_a", status=BattleStatus.VOID)
    await arena.battle(control=Control.TRAP, status=BattleStatus.VOID)
    summary = await arena.analytics.summary(1)
    totals = summary.totals
    assert (totals.battles, totals.void_battles, totals.votes, totals.metric_votes, totals.voters) == (0, 0, 0, 0, 0)
    assert summary.days == [Day(TODAY.date())]


async def test_a_battle_that_was_never_opened_is_void_only(arena: Arena) -> None:
    made = await arena.battle(status=BattleStatus.VOID)
    async with arena.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE battles SET opened_at = NULL WHERE id = :id"), {"id": made.id})
    totals = (await arena.analytics.summary(1)).totals
    assert (totals.battles, totals.void_battles) == (0, 1)


async def test_each_day_in_utc_has_its_battles_votes_and_distinct_voters(arena: Arena) -> None:
    first, second = await arena.battle(), await arena.battle()
    await arena.vote(first, Outcome.A, voter=0, at=YESTERDAY)
    await arena.vote(second, Outcome.A, voter=0, at=YESTERDAY)
    await arena.vote(first, Outcome.A, voter=1, at=YESTERDAY + timedelta(hours=23))
    await arena.vote(second, Outcome.A, voter=1, at=TODAY)
    await arena.vote(first, Outcome.A, voter=2, at=TODAY - timedelta(days=MAX_DAYS))
    days = (await arena.analytics.summary(MAX_DAYS)).days
    assert len(days) == MAX_DAYS
    assert days[-2:] == [Day(YESTERDAY.date(), 0, 3, 2), Day(TODAY.date(), 2, 1, 1)]
    assert sum(day.votes for day in days) == 4


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
async def test_days_have_a_limit(arena: Arena, days: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 365"):
        await arena.analytics.summary(days)


async def test_scenarios_with_enough_counted_votes_show_their_tie_share_most_ties_first(arena: Arena) -> None:
    first = await arena.battle()
    other = await add_scenario(arena.database, "scn_b")
    dull = await arena.battle(scenario_id="scn_b", scenario_seq=other)
    rare_seq = await add_scenario(arena.database, "scn_c")
    rare = await arena.battle(scenario_id="scn_c", scenario_seq=rare_seq)
    for number in range(MIN_TIE_VOTES):
        await arena.vote(first, Outcome.TIE if number < 5 else Outcome.A)
        await arena.vote(dull, Outcome.TIE if number < 15 else Outcome.B)
        await arena.vote(rare, Outcome.TIE, counted=number > 0)
        await arena.vote(first, Outcome.TIE, voter=None)
    assert (await arena.analytics.summary(1)).ties == [
        ScenarioTies("scn_b", "The scn_b", MIN_TIE_VOTES, 0.75),
        ScenarioTies("scn_a", "The scn_a", MIN_TIE_VOTES, 0.25),
    ]


async def test_the_advantage_of_side_a_is_that_of_the_published_board_of_people(arena: Arena) -> None:
    boards = [("", "human", "", 2.5), ("", "hybrid", "", 9), ("", "human", "sales", 9), ("dev_a", "human", "", 9)]
    for owner, board, category, points in boards:
        stored = Leaderboard(slot_effect=SlotEffect(points=points, points_low=0.5, points_high=4.5))
        row = {"owner": owner, "board": board, "category": category, "language": "", "votes_seq": 0}
        async with arena.database.transaction() as connection:
            await connection.execute(
                sa.insert(BOARDS).values(
                    **row,
                    leaderboard=stored.SerializeToString(),
                    head_to_head=b"",
                    computed_at=TODAY,
                    next_at=TODAY,
                )
            )
    assert (await arena.analytics.summary(1)).slots == Slots(2.5, 0.5, 4.5)


async def test_correlations_are_over_differences_of_sides_and_absent_under_ten_battles(arena: Arena) -> None:
    for number in range(9):
        await arena.measured(
            {"word_error_rate": number / 10, "semascore": 1 - number / 10, "speech_failures": number},
            {"word_error_rate": 0.2, "semascore": 0.5},
            votes_a=number,
            votes_b=9 - number,
        )
    found = {(pair.first, pair.second): pair for pair in (await arena.analytics.correlations()).pairs}
    assert len(found) == len(CORRELATED) * (len(CORRELATED) + 1) / 2
    few = found["word_error_rate", "semascore"]
    assert (few.rho, few.n) == (None, 9)
    await arena.measured({"word_error_rate": 0.9, "semascore": 0.1}, {"word_error_rate": 0.2, "semascore": 0.5})
    found = {(pair.first, pair.second): pair for pair in (await arena.analytics.correlations()).pairs}
    enough = found["word_error_rate", "semascore"]
    assert (enough.rho, enough.n) == (pytest.approx(-1), 10)
    # Nobody voted in the tenth battle, and side B has no speech_failures.
    assert (found["human_vote", "word_error_rate"].rho, found["human_vote", "word_error_rate"].n) == (None, 9)
    assert found["human_vote", "speech_failures"].n == 0


async def test_votes_of_people_go_with_the_metric_that_they_follow(arena: Arena) -> None:
    for number in range(12):
        await arena.measured(
            {"naturalness_mos": 1 + number / 4},
            {"naturalness_mos": 3},
            votes_a=number,
            votes_b=11 - number,
            votes_tie=2,
        )
        await arena.measured({"naturalness_mos": 5}, {"naturalness_mos": 1}, votes_b=9, rated=False)
        await arena.measured({"naturalness_mos": 5}, {"naturalness_mos": 1}, votes_b=9, owner="dev_a")
    correlations = await arena.analytics.correlations()
    (human,) = [pair for pair in correlations.pairs if (pair.first, pair.second) == ("human_vote", "naturalness_mos")]
    assert (human.rho, human.n) == (pytest.approx(1), 12)
    shown = {(pair.first, pair.second): pair for pair in convert.correlations(correlations).correlations}
    assert shown["human_vote", "naturalness_mos"].rho == pytest.approx(1)
    assert not shown["naturalness_mos", "ttfa_ms"].HasField("rho")


async def test_figures_are_computed_once_and_served_from_memory(arena: Arena) -> None:
    analytics = Analytics(arena.database, STORE)
    before = await analytics.summary(7)
    await arena.battle()
    after = await analytics.summary(2)
    assert (after.computed_at, after.totals) == (before.computed_at, before.totals)
    assert len(after.days) == 2
    assert (await arena.analytics.summary(1)).totals.battles == 1


async def test_after_a_failure_the_next_call_computes_again(arena: Arena) -> None:
    analytics = Analytics(arena.database, STORE)
    async with arena.database.transaction() as connection:
        await connection.execute(sa.text("ALTER TABLE boards RENAME TO boards_away"))
    try:
        with pytest.raises(sa.exc.ProgrammingError):
            await analytics.summary(1)
    finally:
        async with arena.database.transaction() as connection:
            await connection.execute(sa.text("ALTER TABLE boards_away RENAME TO boards"))
    assert (await analytics.summary(1)).totals.models == 2
