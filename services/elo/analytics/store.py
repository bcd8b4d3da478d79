"""The queries of analytics: over public battles and their votes, never over control battles."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.battle_pb2 import SideMetrics

from services.elo.analytics.domain import (
    HUMAN_VOTE,
    MAX_CORRELATED_BATTLES,
    MAX_TIED_SCENARIOS,
    MIN_TIE_VOTES,
    Day,
    ScenarioTies,
    Slots,
    Totals,
)
from services.elo.battles.domain import BattleStatus, Control
from services.elo.catalogue.conditions import in_arena
from services.elo.domain import INSTALLATION
from services.elo.overall_boards import public_slot_effect
from services.elo.ratings import Outcome, VoteKind
from services.elo.ratings.votes import Floats
from services.elo.tables import BATTLE_VOTES, BATTLES, RENDERS, SCENARIOS
from services.elo.visibility import Approval
from services.shared.metrics import METRICS

_B, _V, _S = BATTLES.c, BATTLE_VOTES.c, SCENARIOS.c
_PUBLIC = sa.and_(_B.owner == INSTALLATION, _B.control == Control.NONE)
_PEOPLE = sa.and_(_V.owner == INSTALLATION, _V.kind == VoteKind.HUMAN)
_NUMBERS = {metric.name for metric in METRICS if metric.kind in (int, float)}
CORRELATED = tuple(field.name for field in SideMetrics.DESCRIPTOR.fields if field.name in _NUMBERS)
"""The metrics that a battle shows for its sides, as far as they are numbers."""


class AnalyticsStore:
    """Reads what the summary and the correlations are made of."""

    def __init__(self, approval: Approval, providers: Collection[str]) -> None:
        """`approval` and `providers` say which models and scenarios public battles may use; see `in_arena`."""
        self._approval = approval
        self._providers = providers

    async def totals(self, connection: AsyncConnection) -> Totals:
        """Returns the numbers of models, scenarios, battles, votes and voters."""
        models = sa.select(sa.func.count()).where(in_arena(self._approval, self._providers))
        scenarios = sa.select(sa.func.count()).where(~_S.archived, self._approval.in_public_battles(SCENARIOS))
        of_battles = sa.select(
            sa.func.count().filter(_B.opened_at.is_not(None)), sa.func.count().filter(_B.status == BattleStatus.VOID)
        )
        battles, void = (await connection.execute(of_battles.where(_PUBLIC))).one()
        by_kind = sa.select(_V.kind, sa.func.count(), sa.func.count().filter(_V.counted))
        rows = await connection.execute(by_kind.where(_V.owner == INSTALLATION).group_by(_V.kind))
        votes = {row.kind: (row[1], row[2]) for row in rows}
        # Counting distinct voters directly would sort all votes.
        voters = sa.select(_V.voter_seq).where(_PEOPLE).distinct().subquery()
        cast, counted = votes.get(VoteKind.HUMAN, (0, 0))
        return Totals(
            models=(await connection.execute(models)).scalar_one(),
            scenarios=(await connection.execute(scenarios)).scalar_one(),
            battles=battles,
            void_battles=void,
            votes=cast,
            excluded_votes=cast - counted,
            metric_votes=votes.get(VoteKind.METRICS, (0, 0))[0],
            voters=(await connection.execute(sa.select(sa.func.count()).select_from(voters))).scalar_one(),
        )

    async def days(self, connection: AsyncConnection, since: date) -> Mapping[date, Day]:
        """Returns the activity of each day in UTC since then that had any."""
        opened = _day(_B.opened_at)
        of_battles = sa.select(opened.label("day"), sa.func.count().label("battles"))
        of_battles = of_battles.where(_PUBLIC, opened >= since).group_by(opened)
        battles = {row.day: row.battles for row in await connection.execute(of_battles)}
        cast = _day(_V.cast_at)
        by_voter = sa.select(cast.label("day"), sa.func.count().label("votes"))
        each = by_voter.where(_PEOPLE, cast >= since).group_by(cast, _V.voter_seq).subquery()
        of_votes = sa.select(each.c.day, sa.func.sum(each.c.votes).label("votes"), sa.func.count().label("voters"))
        votes = {row.day: (int(row.votes), row.voters) for row in await connection.execute(of_votes.group_by("day"))}
        return {day: Day(day, battles.get(day, 0), *votes.get(day, (0, 0))) for day in {*battles, *votes}}

    async def ties(self, connection: AsyncConnection) -> Sequence[ScenarioTies]:
        """Returns the scenarios with enough counted votes, those with the most ties first."""
        votes = sa.func.count().label("votes")
        share = (sa.func.count().filter(_V.outcome == int(Outcome.TIE)) * 1.0 / sa.func.count()).label("tie_share")
        counted = sa.select(_V.scenario_seq, votes, share).where(_PEOPLE, _V.counted)
        counted = counted.group_by(_V.scenario_seq).having(sa.func.count() >= MIN_TIE_VOTES)
        of_scenario = counted.subquery()
        query = sa.select(_S.id, _S.name, of_scenario.c.votes, of_scenario.c.tie_share).join_from(
            of_scenario, SCENARIOS, _S.seq == of_scenario.c.scenario_seq
        )
        query = query.order_by(of_scenario.c.tie_share.desc(), of_scenario.c.votes.desc(), _S.seq)
        rows = await connection.execute(query.limit(MAX_TIED_SCENARIOS))
        return [ScenarioTies(id_, name, votes, float(share)) for id_, name, votes, share in rows]

    async def slots(self, connection: AsyncConnection) -> Slots | None:
        """Returns the advantage of side A, from the published board of people over everything."""
        effect = await public_slot_effect(connection)
        return Slots(effect.points, effect.points_low, effect.points_high) if effect is not None else None

    async def differences(self, connection: AsyncConnection) -> Mapping[str, Floats]:
        """Returns side A minus side B of the latest rated battles by metric, NaN where a side was not measured.

        The first column is the share of counted votes for side A minus that for side B, NaN without votes.
        """
        a, b = RENDERS.alias("a"), RENDERS.alias("b")
        votes = _B.votes_a + _B.votes_b + _B.votes_tie + _B.votes_both_bad
        human = (_B.votes_a - _B.votes_b) * 1.0 / sa.func.nullif(votes, 0)
        columns = {HUMAN_VOTE: human, **{name: a.c[name] - b.c[name] for name in CORRELATED}}
        query = sa.select(*(sa.cast(column, sa.Double) for column in columns.values()))
        query = query.join_from(BATTLES, a, a.c.id == _B.render_a_id).join(b, b.c.id == _B.render_b_id)
        query = query.where(_PUBLIC, _B.rated, _B.opened_at.is_not(None))
        rows = (await connection.execute(query.order_by(_B.seq.desc()).limit(MAX_CORRELATED_BATTLES))).all()
        table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(len(rows), len(columns))
        return {name: table[:, number] for number, name in enumerate(columns)}


def _day(moment: "sa.ColumnElement[object]") -> "sa.ColumnElement[date]":
    """Returns the day of a time in UTC."""
    return sa.cast(sa.func.timezone("UTC", moment), sa.Date)
