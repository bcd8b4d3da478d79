"""The queries by which a trial takes a step, each in as few statements as its locks allow: most of what this service
does is this."""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import ExperimentStatus, TrialStatus
from services.experiments.tables import CHANGED, EXPERIMENTS, TRIALS
from services.runtime import inbox
from services.runtime.statements import Statement
from services.shared.metrics import Measurements

_E, _T = EXPERIMENTS.c, TRIALS.c


@dataclass(frozen=True, slots=True)
class Held:
    """A trial's experiment, locked until the transaction ends. Who changes a trial in flight holds this lock."""

    experiment_id: str
    developer_id: str
    status: ExperimentStatus
    traceparent: str = ""
    """Of the call that has run it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a step has led to."""

    provider: str
    last: bool
    """Whether every trial of the experiment has ended with it."""


class StepStore(Protocol):
    """What the progress of trials asks of the database, in the connection's transaction."""

    async def hold(self, connection: AsyncConnection, trial_id: str) -> Held | None:
        """Locks a trial's experiment; None if there is no such trial."""

    async def hold_for(
        self, connection: AsyncConnection, trial_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        """Does so for an event, which it records as processed; the second is False if it was recorded before."""

    async def move(
        self,
        connection: AsyncConnection,
        trial_id: str,
        during: TrialStatus,
        attempt: int | None,
        status: TrialStatus,
        measured: Measurements,
        **values: Any,
    ) -> Moved | None:
        """Takes a trial from a step to a status, counts it, and wakes who watches; None if it is not at that step.

        `attempt` is the request that the trial has to be waiting for, None for any. Of what was measured None leaves as
        it is; `values` are further columns.
        """


class SqlStepStore:
    """The store over PostgreSQL."""

    async def hold(self, connection: AsyncConnection, trial_id: str) -> Held | None:
        row = (await _HOLD.execute(connection, held_trial=trial_id)).one_or_none()
        return _held_as(row) if row else None

    async def hold_for(
        self, connection: AsyncConnection, trial_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        values = {"held_trial": trial_id, "consumer": consumer, "event_id": event_id}
        row = (await _HOLD_FOR.execute(connection, **values)).one()
        return _held_as(row) if row.id else None, bool(row.first)

    async def move(
        self,
        connection: AsyncConnection,
        trial_id: str,
        during: TrialStatus,
        attempt: int | None,
        status: TrialStatus,
        measured: Measurements,
        **values: Any,
    ) -> Moved | None:
        known = {name: value for name, value in dataclasses.asdict(measured).items() if value is not None}
        new = {**known, **values, "status": status.value}
        row = (
            await _moving(tuple(sorted(new)), attempt is not None).execute(
                connection,
                moved_trial=trial_id,
                during=during.value,
                **({} if attempt is None else {"attempt": attempt}),
                completed=int(status is TrialStatus.COMPLETED),
                failed=int(status is TrialStatus.FAILED),
                **{f"new_{name}": value for name, value in new.items()},
            )
        ).one_or_none()
        return Moved(row.provider, row.left == 0) if row else None


def _held_as(row: Any) -> Held:
    return Held(row.id, row.developer_id, ExperimentStatus(row.status), row.traceparent)


def _held() -> "sa.Select[tuple[str, str, str, str]]":
    its = sa.select(_T.experiment_id).where(_T.id == sa.bindparam("held_trial", type_=sa.Text)).scalar_subquery()
    return sa.select(_E.id, _E.developer_id, _E.status, _E.traceparent).where(_E.id == its).with_for_update()


def _held_for() -> "sa.Select[Any]":
    recorded = inbox.recording(sa.bindparam("consumer", type_=sa.Text), sa.bindparam("event_id", type_=sa.Text))
    # In a part of its own: PostgreSQL may look at a row that it has waited for a second time, and must not record the
    # event a second time then.
    held = _held().cte("held")
    first = sa.select(sa.func.count()).select_from(recorded.cte("recorded")).scalar_subquery()
    always = sa.select(sa.literal(1).label("one")).subquery("always")
    return sa.select(held, first.label("first")).select_from(always.outerjoin(held, sa.true()))


_HOLD, _HOLD_FOR = Statement(_held()), Statement(_held_for())


@cache
def _moving(columns: tuple[str, ...], for_attempt: bool) -> Statement:
    """Returns the statement that writes these columns of a trial. There are a few, one for each kind of step."""
    step = [_T.id == sa.bindparam("moved_trial"), _T.status == sa.bindparam("during")]
    if for_attempt:
        step.append(_T.attempts == sa.bindparam("attempt"))
    moved = (
        sa.update(TRIALS)
        .where(*step)
        .values({name: sa.bindparam(f"new_{name}", type_=_T[name].type) for name in columns})
        .returning(_T.experiment_id, _T.provider)
        .cte("moved")
    )
    ended: dict[Any, Any] = {
        _E.progressed_at: sa.func.now(),
        _E.completed_trials: _E.completed_trials + sa.bindparam("completed", type_=sa.Integer),
        _E.failed_trials: _E.failed_trials + sa.bindparam("failed", type_=sa.Integer),
    }
    counted = (
        sa.update(EXPERIMENTS)
        .where(_E.id == moved.c.experiment_id)
        .values(ended)
        .returning(_E.id, (_E.total_trials - _E.completed_trials - _E.failed_trials).label("left"))
        .cte("counted")
    )
    query = sa.select(moved.c.provider, counted.c.left, sa.func.pg_notify(CHANGED, counted.c.id))
    return Statement(query.join_from(moved, counted, counted.c.id == moved.c.experiment_id))
