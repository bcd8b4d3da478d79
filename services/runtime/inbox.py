"""Records the events that a consumer has processed, so that an event that is received twice has one effect.

The consumer records the event in the same transaction as its effect.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from services.runtime.statements import Statement

PROCESSED = sa.table("processed_events", sa.column("consumer", sa.Text), sa.column("event_id", sa.Text))

Value = str | sa.BindParameter[str]


def recording(consumer: Value, event_id: Value) -> ReturningInsert[tuple[str]]:
    """Returns a statement that records the event. It returns a row unless the event was recorded before."""
    return (
        insert(PROCESSED)
        .values(consumer=consumer, event_id=event_id)
        .on_conflict_do_nothing()
        .returning(PROCESSED.c.event_id)
    )


_RECORD = Statement(
    recording(sa.bindparam("by_consumer", type_=sa.Text), sa.bindparam("event", type_=sa.Text)),
)


async def first_time(connection: AsyncConnection, consumer: str, event_id: str) -> bool:
    """Records the event in the caller's transaction. Returns False if it was recorded before."""
    return len(await _RECORD.execute(connection, by_consumer=consumer, event=event_id)) > 0
