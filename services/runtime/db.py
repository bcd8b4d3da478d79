"""PostgreSQL through SQLAlchemy: one schema per service, transactions at the edge, reads without BEGIN.

Two pools, because a transaction's connection is reset when it is returned and a read's need not be: a read is then one
round trip instead of three, which is a third of what such a call costs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.runtime.hot_reads import PsycopgHotConnection
from services.runtime.migration import upgrade
from services.runtime.outside_text import first_line
from services.runtime.settings import DatabaseSettings

log = structlog.get_logger()

# What PostgreSQL going away looks like, or having no connection or no room. The work it happened to is worth doing
# again; `database_errors` tells what it was.
DISCONNECTED = (OperationalError, InterfaceError, NoConnectionFree, psycopg.OperationalError, psycopg.InterfaceError)

CONNECT_TIMEOUT_SECONDS = 5
# How long a starting service waits for PostgreSQL before it gives up and lets its supervisor try again.
START_TIMEOUT_SECONDS = 60
STATEMENT_TIMEOUT_MS = 15_000
# For a server that has gone silent; one that answers keeps to its own limit.
HOT_TIMEOUT_SECONDS = 17.0
LISTEN_RETRY_SECONDS = 0.5
LISTEN_CHECK_SECONDS = 10


class Database:
    """The schema of one service. Make it with `connect`."""

    def __init__(self, url: URL, schema: str, pool_size: int) -> None:
        self.schema = schema
        self._url = url
        self._writing = self._engine(pool_size)
        self._reading = self._engine(pool_size, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        self.hot = PsycopgHotConnection(make_conninfo(self._conninfo, **self._options), HOT_TIMEOUT_SECONDS)
        """For the few reads that are most of the calls."""

    @classmethod
    async def connect(cls, url: str, schema: str, *, migrations: Path | None = None, pool_size: int = 5) -> "Database":
        """Waits for PostgreSQL, brings the schema up to date from the folder `migrations`, and returns the database."""
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        if migrations is not None:
            await _start(lambda: asyncio.to_thread(upgrade, parsed, schema, migrations))
        return cls(parsed, schema, pool_size)

    @classmethod
    async def of_service(cls, name: str, settings: DatabaseSettings, main: str) -> "Database":
        """Connects a service to the schema of its name. `main` is its `__main__`, which has `migrations` beside it."""
        url, folder = settings.database_url.get_secret_value(), Path(main).parent / "migrations"
        return await cls.connect(url, name, migrations=folder, pool_size=settings.database_pool_size)

    @property
    def _conninfo(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def _options(self) -> dict[str, str | int]:
        return {
            "options": f"-csearch_path={self.schema} -cstatement_timeout={STATEMENT_TIMEOUT_MS}",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": f"voicearena-{self.schema}",
        }

    def _engine(self, pool_size: int, **options: str | None) -> AsyncEngine:
        return create_async_engine(
            self._url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            connect_args=self._options,
            **options,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        async with self._writing.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit, for queries that need no transaction."""
        async with self._reading.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Raises if PostgreSQL does not answer."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes all connections."""
        await self.hot.close()
        await self._writing.dispose()
        await self._reading.dispose()

    async def listen(self, channel: str, heard: Callable[[str], Awaitable[None] | None]) -> None:
        """Calls `heard` with the payload of each NOTIFY on `channel`, for ever.

        After a lost connection it listens again and calls `heard("")`, since something may have been missed.
        """
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
                ) as connection:
                    await connection.execute(f'LISTEN "{channel}"')
                    await _call(heard, "")
                    while True:
                        async for notify in connection.notifies(timeout=LISTEN_CHECK_SECONDS):
                            await _call(heard, notify.payload)
                        await connection.execute("SELECT 1")
            except DISCONNECTED as error:
                log.warning("listening was cut", channel=channel, error=str(error).strip())
                await asyncio.sleep(LISTEN_RETRY_SECONDS)


async def notify(connection: AsyncConnection, channel: str, payload: str) -> None:
    """Wakes the listeners of a channel when the transaction commits. The name of a channel begins with the schema's."""
    await connection.execute(text("SELECT pg_notify(:c, :p)"), {"c": channel, "p": payload})


async def _call(heard: Callable[[str], Awaitable[None] | None], payload: str) -> None:
    result = heard(payload)
    if result is not None:
        await result


async def _start(action: Callable[[], Awaitable[None]]) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
    while True:
        try:
            return await action()
        except DISCONNECTED as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.info("waiting for PostgreSQL", error=first_line(error.__cause__ or error))
            await asyncio.sleep(LISTEN_RETRY_SECONDS)
