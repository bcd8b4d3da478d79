"""The queries by which a trial takes a step, each in as few statements as its locks allow: most of what this service
does is this."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import ExperimentStatus, Measurements, TrialStatus
from services.experiments.tables import CHANGED, EXPERIMENTS, TRIALS
from services.runtime import inbox

_E, _T = EXPERIMENTS.c, TRIALS.c


@dataclass(frozen=True, slots=True)
class Held:
    """A trial's experiment, locked until the transaction ends. Who changes a trial in flight holds this lock."""

    experiment_id: str
    developer_id: str
    status: ExperimentStatus


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
        row = (await connection.execute(_held(trial_id))).one_or_none()
        return Held(row.id, row.developer_id, ExperimentStatus(row.status)) if row else None

    async def hold_for(
        self, connection: AsyncConnection, trial_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        recorded = inbox.recording(consumer, event_id).cte("recorded")
        # In a part of its own: PostgreSQL may look at a row that it has waited for a second time, and must not record
        # the event a second time then.
        held = _held(trial_id).cte("held")
        first = sa.select(sa.func.count()).select_from(recorded).scalar_subquery()
        nothing = sa.select(sa.literal(1).label("one")).subquery("always")
        query = sa.select(held, first.label("first")).select_from(nothing.outerjoin(held, sa.true()))
        row = (await connection.execute(query)).one()
        return Held(row.id, row.developer_id, ExperimentStatus(row.status)) if row.id else None, bool(row.first)

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
        step = sa.and_(_T.id == trial_id, _T.status == during)
        if attempt is not None:
            step = sa.and_(step, _T.attempts == attempt)
        moved = (
            sa.update(TRIALS)
            .where(step)
            .values(status=status, **known, **values)
            .returning(_T.experiment_id, _T.provider)
            .cte("moved")
        )
        ended: dict[Any, Any] = {
            _E.progressed_at: sa.func.now(),
            _E.completed_trials: _E.completed_trials + int(status is TrialStatus.COMPLETED),
            _E.failed_trials: _E.failed_trials + int(status is TrialStatus.FAILED),
        }
        counted = (
            sa.update(EXPERIMENTS)
            .where(_E.id == moved.c.experiment_id)
            .values(ended)
            .returning(_E.id, (_E.total_trials - _E.completed_trials - _E.failed_trials).label("left"))
            .cte("counted")
        )
        query = sa.select(moved.c.provider, counted.c.left, sa.func.pg_notify(CHANGED, counted.c.id)).join_from(
            moved, counted, counted.c.id == moved.c.experiment_id
        )
        row = (await connection.execute(query)).one_or_none()
        return Moved(row.provider, row.left == 0) if row else None


def _held(trial_id: str) -> "sa.Select[tuple[str, str, str]]":
    its = sa.select(_T.experiment_id).where(_T.id == trial_id).scalar_subquery()
    return sa.select(_E.id, _E.developer_id, _E.status).where(_E.id == its).with_for_update()
