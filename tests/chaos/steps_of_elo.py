"""Stops elo in the middle of a transaction: a lock keeps it waiting at one step, and there it is killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from deploy.local.mesh import Mesh

WAIT_SECONDS = 120.0
LOOK_AGAIN_SECONDS = 0.02
_WAITS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'voicearena-elo'"
    " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
)


def writing(table: str) -> str:
    """Returns the lock that keeps elo from writing to a table. Reading goes on."""
    return f"LOCK TABLE elo.{table} IN SHARE MODE"


@asynccontextmanager
async def killed_at(mesh: Mesh, lock: str) -> AsyncIterator[None]:
    """Kills every process of elo as soon as one of them waits for a lock, which is taken before the block begins.

    The block starts what leads to the step. It ends when elo is being started again and the lock is released.
    """
    processes = [name for name in mesh.processes if name == "elo" or name.startswith("elo-")]
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        await connection.execute(lock)
        yield
        async with asyncio.timeout(WAIT_SECONDS):
            while await (await connection.execute(_WAITS)).fetchone() == (0,):
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
                # A transaction sees the same connections until it asks for new ones.
                await connection.execute("SELECT pg_stat_clear_snapshot()")
        for name in processes:
            await mesh.kill(name, signal.SIGKILL)
        for name in processes:
            await mesh.wait_restarted(name)
        await connection.rollback()
