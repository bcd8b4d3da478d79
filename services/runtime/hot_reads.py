"""The one way around SQLAlchemy: a connection of psycopg's own for the few reads that are most of the calls.

Such a read costs a fifth of what it costs through SQLAlchemy's engine, and of a whole call that is more than half. One
connection is enough, since `batched_reads` makes one read of many.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import psycopg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import psycopg as dialect

Row = Sequence[Any]


class HotConnection(Protocol):
    """What a hot read is made on, in autocommit."""

    async def rows(self, query: bytes, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Returns the rows that a query finds; it is prepared when first used."""


def hot_query(query: "Select[Any]") -> bytes:
    """Returns the SQL of a query whose parameters are named by `bindparam`, for HotConnection."""
    return str(query.compile(dialect=dialect.dialect())).encode()  # type: ignore[no-untyped-call]


class PsycopgHotConnection:
    """Opens a connection when it is first needed, and again when it was lost."""

    def __init__(self, conninfo: str, timeout_seconds: float) -> None:
        self._conninfo = conninfo
        self._timeout_seconds = timeout_seconds
        self._cursor: psycopg.AsyncCursor[tuple[Any, ...]] | None = None
        self._using = asyncio.Lock()

    async def rows(self, query: bytes, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Returns the rows that a query finds. psycopg.OperationalError or TimeoutError if PostgreSQL is away."""
        async with self._using:
            if self._cursor is not None:
                try:
                    return await self._rows(self._cursor, query, parameters)
                except (psycopg.OperationalError, psycopg.InterfaceError):
                    # PostgreSQL was started again, say. A read can be made twice.
                    await self._drop()
            return await self._rows(await self._open(), query, parameters)

    async def _rows(
        self, cursor: psycopg.AsyncCursor[tuple[Any, ...]], query: bytes, parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        whole = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await cursor.execute(query, parameters, prepare=True)
                found = await cursor.fetchall()
            whole = True
            return found
        finally:
            if not whole:
                await self._drop()

    async def _open(self) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        self._cursor = connection.cursor(binary=True)
        return self._cursor

    async def _drop(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            await cursor.connection.close()

    async def close(self) -> None:
        """Closes the connection, if it is open."""
        async with self._using:
            await self._drop()
