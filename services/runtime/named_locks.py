"""Locks that have a name, for what no row stands for."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.statements import Statement

_LOCK = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), 0)))
)


async def lock_name(connection: AsyncConnection, name: str) -> None:
    """Waits until no other transaction has the lock of this name, and keeps it until the transaction ends.

    Names are shared by the whole database. Locks of several names must always be taken in the same order.
    """
    await _LOCK.execute(connection, name=name)
