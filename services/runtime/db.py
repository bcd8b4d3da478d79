"""Connects a service to its schema in PostgreSQL, with SQLAlchemy.

Reads have a connection pool of their own. It works in autocommit and does not reset returned connections, so a read
takes one round trip instead of three. This saves a third of the cost of such a call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from services.runtime import statements
from services.runtime.background import end_tasks
from services.runtime.closing_pool import ClosingPool, close_idle
from services.runtime.hot_reads import PsycopgHotConnection
from services.runtime.migrating import CONNECT_TIMEOUT_SECONDS, migrate
from services.runtime.notifications import Notifications
from services.runtime.outside_text import first_line
from services.runtime.settings import DatabaseSettings
from services.runtime.statements import Statement

log = structlog.get_logger()

# Errors if PostgreSQL is down, has no free connection, or its disk is full. The same work can succeed later.
# `database_errors` tells the cases apart.
DISCONNECTED = (OperationalError, InterfaceError, NoConnectionFree, psycopg.OperationalError, psycopg.InterfaceError)

# How long a starting service waits for PostgreSQL before it ends, so that its supervisor starts it again.
START_TIMEOUT_SECONDS = 60
STATEMENT_TIMEOUT_MS = 15_000
# For a server that has stopped responding. Otherwise the statement timeout ends a read first.
HOT_TIMEOUT_SECONDS = 17.0
CONNECT_RETRY_SECONDS = 0.5
# An idle connection keeps 2.5 MiB of memory. A new one costs about 10 ms of processor time.
IDLE_CONNECTION_SECONDS = 5.0
IDLE_CHECK_SECONDS = 2.0
# The first calls after a rest need these. Opening them then took a vote 0.3 s.
KEPT_CONNECTIONS = 4

_NOTIFY = Statement(text("SELECT pg_notify(:channel, :payload)"))


class Database:
    """The schema of one service. Use `connect` to create it."""

    def __init__(self, url: URL, schema: str, pool_size: int) -> None:
        self.schema = schema
        self._url = url
        self._writing = self._engine(pool_size)
        self._reading = self._engine(pool_size, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        self.hot = PsycopgHotConnection(make_conninfo(self._conninfo, **self._options), HOT_TIMEOUT_SECONDS)
        """For the few kinds of reads that make up most calls."""
        self._notifications = Notifications(self._conninfo)
        self._closing_idle = asyncio.create_task(
            close_idle([self._writing, self._reading], IDLE_CONNECTION_SECONDS, IDLE_CHECK_SECONDS, KEPT_CONNECTIONS)
        )

    @classmethod
    async def connect(cls, url: str, schema: str, *, migrations: Path | None = None, pool_size: int = 10) -> "Database":
        """Waits for PostgreSQL, runs the migrations of the folder `migrations`, and returns the database."""
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        if migrations is not None:
            await _start(lambda: migrate(parsed, schema, migrations))
        return cls(parsed, schema, pool_size)

    @classmethod
    async def of_service(cls, name: str, settings: DatabaseSettings, main: str) -> "Database":
        """Connects a service to the schema of its name. `main` is the path of its `__main__`, beside `migrations`."""
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
        engine = create_async_engine(
            self._url,
            pool_size=pool_size,
            poolclass=ClosingPool,
            # A further connection would be closed after each use, and statements would be prepared again in the next.
            max_overflow=0,
            pool_timeout=10,
            # psycopg would deallocate all prepared statements after a rollback, also those of `statements`.
            connect_args={**self._options, "prepare_threshold": None},
            **options,
        )
        event.listen(engine.sync_engine, "before_cursor_execute", _send_waiting)
        event.listen(engine.sync_engine, "commit", _commit)
        event.listen(engine.sync_engine, "rollback", statements.drop_waiting)
        return engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Opens a transaction. It is committed at the end of the block, and rolled back if the block raises."""
        async with self._writing.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Opens a connection in autocommit, for queries that need no transaction."""
        async with self._reading.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Raises if PostgreSQL does not respond."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes all connections."""
        await end_tasks([self._closing_idle])
        await self._notifications.close()
        await self.hot.close()
        await self._writing.dispose()
        await self._reading.dispose()

    async def listen(self, channel: str, on_notify: Callable[[str], Awaitable[None] | None]) -> None:
        """Calls `on_notify` with the payload of each NOTIFY on `channel`, until it is cancelled.

        After each connect or reconnect it calls `on_notify("")`, because notifications can have been missed.
        """
        await self._notifications.listen(channel, on_notify)


def _send_waiting(connection: Connection, *_: object) -> None:
    """Keeps the order of statements, if SQLAlchemy executes one after those that wait for the next."""
    await_only(statements.send_waiting(connection))


def _commit(connection: Connection) -> None:
    """Commits together with the statements that wait for the next one."""
    await_only(statements.commit(connection))


async def notify(connection: AsyncConnection, channel: str, payload: str) -> None:
    """Sends a NOTIFY when the transaction commits. The channel's name must begin with the name of the schema."""
    await _NOTIFY.later(connection, channel=channel, payload=payload)


async def _start(action: Callable[[], Awaitable[None]]) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
    while True:
        try:
            return await action()
        except DISCONNECTED as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.info("waiting for PostgreSQL", error=first_line(error.__cause__ or error))
            await asyncio.sleep(CONNECT_RETRY_SECONDS)
