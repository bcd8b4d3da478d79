"""Renders as clips: their table, and the order in which they are spoken. Each render is a run of its own."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.rendering import operational_metrics
from services.elo.tables import RENDER_PROVIDERS, RENDERS, RENDERS_CHANGED
from services.shared.clips.domain import ClipStatus, EndedClip
from services.shared.clips.table import ClipTable, ClipUser, OperationalMetrics

_R = RENDERS.c
USER = ClipUser(
    facts.REQUESTS,
    "render_id",
    OperationalMetrics(
        operational_metrics.RENDERS,
        operational_metrics.UNFINISHED,
        operational_metrics.OLDEST_WAIT_SECONDS,
        operational_metrics.RELEASE_SECONDS,
    ),
)


def _counted(moved: sa.CTE) -> "sa.Select[Any]":
    """Returns the query that wakes those who wait for a render."""
    ended = moved.c.status.in_([sa.literal_column(f"'{each}'") for each in ClipStatus if each.ended])
    return sa.select(moved.c.provider, ended.label("last"), sa.func.pg_notify(RENDERS_CHANGED, moved.c.run_id))


TABLE = ClipTable(
    rows=RENDERS,
    text=_R.text,
    run=_R.id,
    order=_R.created_at,
    run_id=_R.id,
    developer_id=_R.developer_id,
    traceparent=_R.traceparent,
    running=_R.status != sa.literal_column(f"'{ClipStatus.CANCELLED}'"),
    # Word errors, meaning and prosody are what the metrics vote on.
    listen=sa.true(),
    progressed_at=_R.requested_at,
    counted=_counted,
    turns="""
        SELECT id FROM renders WHERE provider = :of_provider AND status = 'pending'
        ORDER BY created_at, id LIMIT (SELECT slots FROM free) FOR UPDATE SKIP LOCKED
    """,
    providers=RENDER_PROVIDERS,
    channel=RENDERS_CHANGED,
)


async def on_end(connection: AsyncConnection, render: EndedClip) -> None:
    """Does nothing: `battles.preparing` finds the battles that wait for a render after the commit.

    One render can be a side of many battles. Opening them here would lock the ratings of many models in one
    transaction.
    """
