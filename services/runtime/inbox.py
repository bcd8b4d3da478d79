"""A consumer records each event with its effect in one transaction, so that an event delivered twice acts once."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

PROCESSED = sa.table("processed_events", sa.column("consumer", sa.Text), sa.column("event_id", sa.Text))

Value = str | sa.BindParameter[str]


def recording(consumer: Value, event_id: Value) -> ReturningInsert[tuple[str]]:
    """Returns the statement that records the event; it returns a row unless the event was recorded before."""
    return (
        insert(PROCESSED)
        .values(consumer=consumer, event_id=event_id)
        .on_conflict_do_nothing()
        .returning(PROCESSED.c.event_id)
    )


async def first_time(connection: AsyncConnection, consumer: str, event_id: str) -> bool:
    """Records the event in the caller's transaction; False if it was recorded before and must have no effect."""
    return (await connection.execute(recording(consumer, event_id))).first() is not None
