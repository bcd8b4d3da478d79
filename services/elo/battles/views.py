"""Battles as their viewers may see them: each with its sides, and whether the viewer may know the models."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import CONTROL_REASONS, Battle, BattleStatus, Control, VoteSource
from services.elo.battles.visibility import Viewer
from services.elo.tables import BATTLES, RENDERS
from services.runtime.pipeline import Rows
from services.runtime.statements import Statement
from services.shared.listening.tables import VOTES
from services.shared.metrics import METRICS, Measurements

_B = BATTLES.c
BATTLE_COLUMNS = [_B[field.name] for field in dataclasses.fields(Battle)]
_NAMES = [column.name for column in BATTLE_COLUMNS]
_SIDE_WIDTH = 4 + len(METRICS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenSide:
    """What one model said in a battle, and what was measured of it."""

    evaluation_id: str
    audio_sha256: bytes | None
    transcript: str | None
    measured: Measurements


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleView:
    """A battle as one viewer may see it."""

    battle: Battle
    knows_models: bool
    """Whether the viewer may know who speaks, and everything that follows from it."""
    side_a: SpokenSide | None
    """None until the render of side A is requested."""
    side_b: SpokenSide | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleFilters:
    """Which battles a list contains. An empty filter matches every battle."""

    model_id: str = ""
    scenario_id: str = ""
    status: BattleStatus | None = None


def _side_columns(side: sa.FromClause) -> "list[sa.ColumnElement[Any]]":
    columns = side.c
    transcript = columns.heard_speech["transcript"].astext
    return [columns.id, columns.evaluation_id, columns.audio_sha256, transcript, *(columns[m.name] for m in METRICS)]


def battle_from(row: Sequence[Any]) -> Battle:
    """Returns the battle in a row of BATTLE_COLUMNS."""
    values = dict(zip(_NAMES, row, strict=True))
    values["status"], values["control"] = BattleStatus(values["status"]), Control(values["control"])
    values["vote_source"] = VoteSource(values["vote_source"]) if values["vote_source"] else None
    return Battle(**values)


class BattleViews:
    """The battles over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def get(self, connection: AsyncConnection, battle_id: str, viewer: Viewer) -> BattleView | None:
        """Returns a battle as a viewer may see it. None if it does not exist for them."""
        return _only(await _GET.execute(connection, of_battle=battle_id, **_looking(viewer)), viewer)

    async def get_later(
        self, connection: AsyncConnection, battle_id: str, viewer: Viewer
    ) -> Callable[[], BattleView | None]:
        """Reads a battle as `get` does, with the next statement or the commit. Afterwards the result returns it."""
        reading = await _GET.read_later(connection, of_battle=battle_id, **_looking(viewer))
        return lambda: _only(reading.rows, viewer)

    async def lock_row(self, connection: AsyncConnection, battle_id: str) -> bool:
        """Locks the row of a battle until the transaction ends. Returns False if it does not exist."""
        return len(await _LOCK_ROW.execute(connection, of_battle=battle_id)) > 0

    async def lock(self, connection: AsyncConnection, battle_id: str) -> Battle | None:
        """Locks the row of a battle until the transaction ends, and returns it. None if it does not exist."""
        row = (await _LOCK.execute(connection, of_battle=battle_id)).one_or_none()
        return battle_from(row) if row else None

    async def page(
        self, connection: AsyncConnection, viewer: Viewer, filters: BattleFilters, before: int | None, limit: int
    ) -> Sequence[BattleView]:
        """Returns up to `limit` battles, newest first, with numbers below `before` if it is not None.

        With a model, it returns only battles whose models the viewer may know. Control battles are listed like others
        while they are open, so that nobody recognizes them by their absence, and never afterwards.
        """
        query = _SEEN.where(sa.or_(_B.control == Control.NONE, _B.status == BattleStatus.OPEN))
        if before is not None:
            query = query.where(_B.seq < before)
        if filters.scenario_id:
            query = query.where(_B.scenario_id == filters.scenario_id)
        if filters.status is not None:
            query = query.where(_B.status == filters.status)
        if filters.model_id:
            of_model = sa.or_(_B.model_a_id == filters.model_id, _B.model_b_id == filters.model_id)
            query = query.where(of_model, _KNOWS_MODELS)
        rows = await connection.execute(query.order_by(_B.seq.desc()).limit(limit), _looking(viewer))
        return [_view(row, viewer) for row in rows]


_OWN, _VOTER = sa.bindparam("own", type_=sa.Text), sa.bindparam("of_voter", type_=sa.Text)
_DEVELOPER = sa.bindparam("of_developer", type_=sa.Text)
_SIDE_A, _SIDE_B = RENDERS.alias("side_a"), RENDERS.alias("side_b")
# The listener of a battle has the voter's id.
_VOTED = sa.exists().where(VOTES.c.test_id == _B.id, VOTES.c.listener_id == _VOTER)
_SEEN = (
    sa.select(*BATTLE_COLUMNS, _VOTED.label("voted"), *_side_columns(_SIDE_A), *_side_columns(_SIDE_B))
    .select_from(
        BATTLES.outerjoin(_SIDE_A, _SIDE_A.c.id == _B.render_a_id).outerjoin(_SIDE_B, _SIDE_B.c.id == _B.render_b_id)
    )
    .where(sa.or_(_B.private.is_(False), sa.and_(_OWN != "", _B.developer_id == _OWN)))
)
"""The battles that exist for a viewer, with the parameters of `_looking`."""
_KNOWS_MODELS = sa.or_(
    _B.status.in_([BattleStatus.DECIDED, BattleStatus.VOID]),
    _VOTED,
    sa.and_(_B.chosen, _B.probability.is_(None), _DEVELOPER != "", _B.developer_id == _DEVELOPER),
)
"""The same as `Viewer.may_know_models`."""
_OF_BATTLE = _B.id == sa.bindparam("of_battle", type_=sa.Text)
_GET = Statement(_SEEN.where(_OF_BATTLE))
_LOCK_ROW = Statement(sa.select(_B.id).where(_OF_BATTLE).with_for_update())
_LOCK = Statement(sa.select(*BATTLE_COLUMNS).where(_OF_BATTLE).with_for_update())


def _looking(viewer: Viewer) -> dict[str, str]:
    return {"own": viewer.own, "of_voter": viewer.voter_id, "of_developer": viewer.developer_id}


def _only(rows: Rows, viewer: Viewer) -> BattleView | None:
    row = rows.one_or_none()
    return _view(row, viewer) if row else None


def _view(row: Sequence[Any], viewer: Viewer) -> BattleView:
    battle = battle_from(row[: len(BATTLE_COLUMNS)])
    voted, *sides = row[len(BATTLE_COLUMNS) :]
    knows_models = viewer.may_know_models(battle, voted=voted)
    if knows_models and battle.control is not Control.NONE:
        battle = dataclasses.replace(battle, rated=False, unrated_reason=CONTROL_REASONS[battle.control])
    return BattleView(
        battle=battle,
        knows_models=knows_models,
        side_a=_side(sides[:_SIDE_WIDTH]),
        side_b=_side(sides[_SIDE_WIDTH:]),
    )


def _side(row: Sequence[Any]) -> SpokenSide | None:
    id_, evaluation_id, audio_sha256, transcript, *measured = row
    if id_ is None:
        return None
    return SpokenSide(
        evaluation_id=evaluation_id,
        audio_sha256=audio_sha256,
        transcript=transcript,
        measured=Measurements(**dict(zip((metric.name for metric in METRICS), measured, strict=True))),
    )
