"""Brings the schema of a service up to date, in a process of its own.

The process ends afterwards. Alembic would keep 10 MB of memory in each service, which needs it only after an upgrade.
"""

import asyncio
import sys
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

DISCONNECTED_STATUS = 75
"""The exit status of the process if it loses PostgreSQL: EX_TEMPFAIL."""
CONNECT_TIMEOUT_SECONDS = 5


class MigrationFailed(Exception):
    """The migrations of a schema failed, and the log says why."""


async def migrate(url: URL, schema: str, folder: Path) -> None:
    """Runs the missing migrations of `folder`/versions.

    Raises psycopg.OperationalError if PostgreSQL can't be reached, and MigrationFailed if a migration fails.
    """
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    if await _version(conninfo, schema) == newest_version(folder):
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.runtime.migration", schema, str(folder), stdin=asyncio.subprocess.PIPE
    )
    try:
        # Not as an argument, because everybody on the machine can read those.
        await process.communicate(conninfo.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == DISCONNECTED_STATUS:
        raise psycopg.OperationalError("PostgreSQL can't be reached any more")
    if process.returncode:
        raise MigrationFailed(f"The migrations of the schema {schema} failed. The lines before this one say why.")


def newest_version(folder: Path) -> str:
    """Returns the version that the migrations of a folder lead to. Each file begins with its version."""
    return max(path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))


async def _version(conninfo: str, schema: str) -> str | None:
    """Returns the version of a schema, None if it has none yet."""
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, "alembic_version"))
    async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
        try:
            found = await (await connection.execute(query)).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return found[0] if found else None
