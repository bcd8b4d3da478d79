"""A pool of database connections that closes those that nobody has used for a while."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.queue import Empty

_RETURNED_AT = "returned_at"


class ClosingPool(AsyncAdaptedQueuePool):
    """Hands out the connection that was returned last, so that the others become idle. `close_idle` closes those."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "use_lifo": True})

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        _notes(record)[_RETURNED_AT] = time.monotonic()
        super()._do_return_conn(record)

    def close_idle(self, seconds: float, kept: int) -> None:
        """Closes the connections that were returned at least `seconds` ago and not used since, all but `kept`."""
        returned: list[ConnectionPoolEntry] = []
        while True:
            try:
                returned.append(self._pool.get(block=False))
            except Empty:
                break
        before = time.monotonic() - seconds
        # The pool gives the one that was returned last first.
        idle = [record for record in returned[kept:] if _notes(record)[_RETURNED_AT] <= before]
        # The one that was returned last is used first again.
        for record in reversed(returned):
            if record not in idle:
                self._pool.put(record, block=False)
        for record in idle:
            # From now on, another connection may be opened in its place.
            self._dec_overflow()
            record.close()


def _notes(record: ConnectionPoolEntry) -> dict[Any, Any]:
    """Returns what is kept with a place in the pool. SQLAlchemy makes it for each place."""
    assert record.record_info is not None
    return record.record_info


async def close_idle(engines: Sequence[AsyncEngine], seconds: float, check_seconds: float, kept: int) -> None:
    """Closes the connections of engines that nobody has used for `seconds`, until it is cancelled.

    Each engine keeps `kept` of them. The engines have a ClosingPool. Closing does not fail, also if PostgreSQL is down.
    """
    while True:
        await asyncio.sleep(check_seconds)
        for engine in engines:
            pool = engine.sync_engine.pool
            assert isinstance(pool, ClosingPool)
            await greenlet_spawn(pool.close_idle, seconds, kept)
