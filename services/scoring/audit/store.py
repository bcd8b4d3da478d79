"""Stores the latest audit of an installation, and who runs one now. Both are in one row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.audit.domain import MetricAudit
from services.scoring.audit.judging import MetricResult
from services.scoring.pipeline.outcome_json import from_json, to_json

AUDITS = sa.Table(
    "metric_audits",
    sa.MetaData(),
    sa.Column("id", sa.Integer),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", sa.DateTime(timezone=True)),
    sa.Column("completed_at", sa.DateTime(timezone=True)),
    sa.Column("result", JSONB(none_as_null=True)),
)
ROW = 1
"""The id of the only row."""


class Store(Protocol):
    """The storage of audits. Each method runs in the transaction of `connection`, if it has one."""

    async def claim(self, connection: AsyncConnection, run: str, now: datetime, until: datetime) -> bool:
        """Lets `run` be the only run until then. Returns False if another one is in progress."""

    async def renew(self, connection: AsyncConnection, run: str, until: datetime) -> bool:
        """Prolongs the claim of `run`. Returns False if another run has taken its place."""

    async def free(self, connection: AsyncConnection, run: str) -> None:
        """Ends the claim of `run`, if it has one."""

    async def save(self, connection: AsyncConnection, run: str, audit: MetricAudit) -> bool:
        """Replaces the latest audit and ends the claim of `run`. Returns False if another run has taken its place."""

    async def latest(self, connection: AsyncConnection) -> MetricAudit | None:
        """Returns the latest audit, None if there is none."""


class SqlStore:
    """The store over PostgreSQL."""

    async def claim(self, connection: AsyncConnection, run: str, now: datetime, until: datetime) -> bool:
        known = AUDITS.c.claimed_until
        query = (
            insert(AUDITS)
            .values(id=ROW, claimed_by=run, claimed_until=until)
            .on_conflict_do_update(
                index_elements=["id"],
                set_={"claimed_by": run, "claimed_until": until},
                where=sa.or_(known.is_(None), known < now),
            )
            .returning(AUDITS.c.id)
        )
        return (await connection.execute(query)).one_or_none() is not None

    async def renew(self, connection: AsyncConnection, run: str, until: datetime) -> bool:
        return await self._change(connection, run, claimed_until=until)

    async def free(self, connection: AsyncConnection, run: str) -> None:
        await self._change(connection, run, claimed_by=None, claimed_until=None)

    async def save(self, connection: AsyncConnection, run: str, audit: MetricAudit) -> bool:
        return await self._change(
            connection,
            run,
            claimed_by=None,
            claimed_until=None,
            completed_at=audit.completed_at,
            result=audit_to_json(audit),
        )

    async def latest(self, connection: AsyncConnection) -> MetricAudit | None:
        query = sa.select(AUDITS.c.completed_at, AUDITS.c.result).where(AUDITS.c.result.is_not(None))
        row = (await connection.execute(query)).one_or_none()
        return audit_from_json(row.completed_at, row.result) if row else None

    async def _change(self, connection: AsyncConnection, run: str, **values: Any) -> bool:
        query = sa.update(AUDITS).where(AUDITS.c.id == ROW, AUDITS.c.claimed_by == run).values(**values)
        return bool((await connection.execute(query)).rowcount)


def audit_to_json(audit: MetricAudit) -> dict[str, Any]:
    """Returns an audit as it is stored, without its time."""
    return {
        "clips": audit.clips,
        "voices": list(audit.voices),
        "metrics": to_json(audit.metrics),
        "measured_by": dict(audit.measured_by),
    }


def audit_from_json(completed_at: datetime, stored: Mapping[str, Any]) -> MetricAudit:
    """Returns the audit that `audit_to_json` wrote."""
    return MetricAudit(
        completed_at=completed_at,
        clips=stored["clips"],
        voices=tuple(stored["voices"]),
        metrics=tuple(from_json(MetricResult, one) for one in stored["metrics"]),
        measured_by=stored["measured_by"],
    )
