"""The queries for the evaluations of jobs. Those to which models listen are in `evaluations.store`, too."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.domain import Job, JobEvaluation, Status
from services.scoring.metrics.signal import SignalMetrics

EVALUATIONS = sa.Table(
    "evaluations",
    sa.MetaData(),
    sa.Column("id", sa.Text),
    sa.Column("attempt", sa.Integer),
    sa.Column("developer_id", sa.Text),
    sa.Column("audio_name", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("signal_metrics", JSONB(none_as_null=True)),
    sa.Column("error_message", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("completed_at", sa.DateTime(timezone=True)),
    sa.Column("requester", sa.Text),
    sa.Column("queued_at", sa.DateTime(timezone=True)),
)
_COLUMNS = [EVALUATIONS.c[field.name] for field in fields(JobEvaluation)]


class Store(Protocol):
    """The storage of evaluations. Each method runs in the transaction of `connection`, if it has one."""

    async def begin(self, connection: AsyncConnection, job: Job) -> JobEvaluation:
        """Adds the evaluation of a job as running, or updates the attempt of the existing one. Returns the evaluation.

        A failed evaluation becomes running again if the attempt is later than the one that failed.
        """

    async def finish(
        self, connection: AsyncConnection, evaluation_id: str, outcome: SignalMetrics | str, at: datetime
    ) -> JobEvaluation | None:
        """Ends a running evaluation with metrics or with an error message.

        Returns it, None if none is running or if models listen to it.
        """

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> JobEvaluation | None:
        """Returns an evaluation, None if it does not exist."""

    async def delete(self, connection: AsyncConnection, evaluation_ids: Sequence[str]) -> Sequence[str]:
        """Deletes evaluations. Ignores unknown ids. Returns the ids of those to which models were going to listen."""


class SqlStore:
    """The store over PostgreSQL."""

    async def begin(self, connection: AsyncConnection, job: Job) -> JobEvaluation:
        added = insert(EVALUATIONS).values(
            id=job.id,
            attempt=job.attempt,
            developer_id=job.developer_id,
            audio_name=job.audio_name,
            status=Status.running.value,
            error_message="",
            created_at=job.requested_at,
            requester=job.requester,
        )
        known, new = EVALUATIONS.c, added.excluded
        restarts = sa.and_(known.status == Status.failed.value, new.attempt > known.attempt)
        query = added.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "attempt": sa.func.greatest(known.attempt, new.attempt),
                "status": sa.case((restarts, Status.running.value), else_=known.status),
                "error_message": sa.case((restarts, ""), else_=known.error_message),
                "completed_at": sa.case((restarts, None), else_=known.completed_at),
            },
        ).returning(*_COLUMNS)
        return _evaluation((await connection.execute(query)).one())

    async def finish(
        self, connection: AsyncConnection, evaluation_id: str, outcome: SignalMetrics | str, at: datetime
    ) -> JobEvaluation | None:
        values: dict[str, Any] = (
            {"status": Status.failed.value, "error_message": outcome}
            if isinstance(outcome, str)
            else {"status": Status.completed.value, "signal_metrics": asdict(outcome)}
        )
        query = (
            sa.update(EVALUATIONS)
            .where(
                EVALUATIONS.c.id == evaluation_id,
                EVALUATIONS.c.status == Status.running.value,
                EVALUATIONS.c.queued_at.is_(None),
            )
            .values(completed_at=at, **values)
            .returning(*_COLUMNS)
        )
        row = (await connection.execute(query)).one_or_none()
        return _evaluation(row) if row else None

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> JobEvaluation | None:
        row = (await connection.execute(sa.select(*_COLUMNS).where(EVALUATIONS.c.id == evaluation_id))).one_or_none()
        return _evaluation(row) if row else None

    async def delete(self, connection: AsyncConnection, evaluation_ids: Sequence[str]) -> Sequence[str]:
        columns = EVALUATIONS.c
        query = sa.delete(EVALUATIONS).where(columns.id.in_(evaluation_ids))
        deleted = await connection.execute(query.returning(columns.id, columns.queued_at, columns.completed_at))
        return [row.id for row in deleted if row.queued_at is not None and row.completed_at is None]


def _evaluation(row: sa.Row[Any]) -> JobEvaluation:
    stored = row._mapping
    metrics = stored["signal_metrics"]
    return JobEvaluation(
        **{
            **stored,
            "status": Status(stored["status"]),
            "signal_metrics": SignalMetrics(**metrics) if metrics else None,
        }
    )
