"""Statements that are made once: for those that are executed so often that making and compiling them anew, as
SQLAlchemy does it, would cost more than the round trip."""

from typing import Any

from sqlalchemy import CursorResult, Select
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A query, of any parts, whose parameters are named by `bindparam`.

    Values go to psycopg as they are, and come back as it returns them.
    """

    def __init__(self, query: "Select[Any]") -> None:
        compiled = query.compile(dialect=_DIALECT)
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    async def execute(self, connection: AsyncConnection, **values: Any) -> "CursorResult[Any]":
        """Executes the query in the connection's transaction."""
        return await connection.exec_driver_sql(self._sql, {**self._constants, **values})
