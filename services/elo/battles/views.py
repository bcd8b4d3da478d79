"""Battles as their viewers may see them: each with its sides, and whether the viewer may know the models."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus, Control, VoteSource
from services.elo.battles.visibility import Viewer
from services.elo.tables import BATTLES, RENDERS
from services.runtime.statements import Statement
from services.shared.listening.tables import VOTES
from services.shared.metrics import METRICS, Measurements

_B = BATTLES.c
BATTLE_COLUMNS = [_B[field.name] for field in dataclasses.fields(Battle)]
_SIDE_COLUMNS = ("id", "evaluation_id", "audio_sha256", "heard_speech", *(metric.name for metric in METRICS))


_BATTLE = sa.bindparam("battle", type_=sa.Text)
_LOCK_ROW = Statement(sa.select(_B.id).where(_B.id == _BATTLE).with_for_update())
_LOCK = Statement(sa.select(*BATTLE_COLUMNS).where(_B.id == _BATTLE).with_for_update())


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


def battle_from(row: Sequence[Any]) -> Battle:
    """Returns the battle in a row of BATTLE_COLUMNS."""
    values = dict(zip((column.name for column in BATTLE_COLUMNS), row, strict=True))
    values["status"], values["control"] = BattleStatus(values["status"]), Control(values["control"])
    values["vote_source"] = VoteSource(values["vote_source"]) if values["vote_source"] else None
    return Battle(**values)


class BattleViews:
    """The battles over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def get(self, connection: AsyncConnection, battle_id: str, viewer: Viewer) -> BattleView | None:
        """Returns a battle as a viewer may see it. None if it does not exist for them."""
        found = await _GET.execute(connection, battle=battle_id, **_viewing(viewer))
        row = found.one_or_none()
        return _view(row, viewer) if row else None

    async def lock_row(self, connection: AsyncConnection, battle_id: str) -> bool:
        """Locks the row of a battle until the transaction ends. Returns False if it does not exist."""
        return len(await _LOCK_ROW.execute(connection, battle=battle_id)) > 0

    async def lock(self, connection: AsyncConnection, battle_id: str) -> Battle | None:
        """Locks the row of a battle until the transaction ends, and returns it. None if it does not exist."""
        row = (await _LOCK.execute(connection, battle=battle_id)).one_or_none()
        return battle_from(row) if row else None

    async def page(
        self, connection: AsyncConnection, viewer: Viewer, filters: BattleFilters, before: int | None, limit: int
    ) -> Sequence[BattleView]:
        """Returns up to `limit` battles, newest first, with numbers below `before` if it is not None.

        With a model, it returns only battles whose models the viewer may know. Control battles are in no list.
        """
        query = _seen().where(_B.control == Control.NONE)
        if before is not None:
            query = query.where(_B.seq < before)
        if filters.scenario_id:
            query = query.where(_B.scenario_id == filters.scenario_id)
        if filters.status is not None:
            query = query.where(_B.status == filters.status)
        if filters.model_id:
            of_model = sa.or_(_B.model_a_id == filters.model_id, _B.model_b_id == filters.model_id)
            query = query.where(of_model, _knows_models())
        rows = await connection.execute(query.order_by(_B.seq.desc()).limit(limit), _viewing(viewer))
        return [_view(row, viewer) for row in rows]


# The viewer. An empty value is nobody.
_OWN, _DEVELOPER, _VOTER = (sa.bindparam(name, type_=sa.Text) for name in ("own", "developer", "voter"))
# Whether the viewer has voted in a battle. The listener of a battle has the voter's id.
_VOTED = sa.exists().where(VOTES.c.test_id == _B.id, VOTES.c.listener_id == _VOTER)


def _viewing(viewer: Viewer) -> dict[str, str]:
    return {"own": viewer.own, "developer": viewer.developer_id, "voter": viewer.voter_id}


def _seen() -> "sa.Select[Any]":
    """Returns the battles that exist for the viewer."""
    a, b = RENDERS.alias("render_a"), RENDERS.alias("render_b")
    sides = [side.c[name].label(f"{label}_{name}") for label, side in (("a", a), ("b", b)) for name in _SIDE_COLUMNS]
    query = sa.select(*BATTLE_COLUMNS, _VOTED.label("voted"), *sides).select_from(
        BATTLES.outerjoin(a, a.c.id == _B.render_a_id).outerjoin(b, b.c.id == _B.render_b_id)
    )
    return query.where(sa.or_(_B.private.is_(False), sa.and_(_OWN != "", _B.developer_id == _OWN)))


def _knows_models() -> sa.ColumnElement[bool]:
    """The same as `Viewer.may_know_models`."""
    chose = sa.and_(_B.chosen, _B.probability.is_(None), _DEVELOPER != "", _B.developer_id == _DEVELOPER)
    return sa.or_(_B.status.in_([BattleStatus.DECIDED, BattleStatus.VOID]), _VOTED, chose)


_GET = Statement(_seen().where(_B.id == _BATTLE))


def _view(row: Sequence[Any], viewer: Viewer) -> BattleView:
    battle = battle_from(row[: len(BATTLE_COLUMNS)])
    voted, *sides = row[len(BATTLE_COLUMNS) :]
    return BattleView(
        battle=battle,
        knows_models=viewer.may_know_models(battle, voted=voted),
        side_a=_side(sides[: len(_SIDE_COLUMNS)]),
        side_b=_side(sides[len(_SIDE_COLUMNS) :]),
    )


def _side(row: Sequence[Any]) -> SpokenSide | None:
    id_, evaluation_id, audio_sha256, heard_speech, *measured = row
    if id_ is None:
        return None
    return SpokenSide(
        evaluation_id=evaluation_id,
        audio_sha256=audio_sha256,
        transcript=(heard_speech or {}).get("transcript"),
        measured=Measurements(**dict(zip((metric.name for metric in METRICS), measured, strict=True))),
    )
