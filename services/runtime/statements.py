"""Queries that are compiled once.

SQLAlchemy builds and compiles a query at each execution. For queries that run very often, that would cost more than the
round trip to the database.
"""

from typing import Any

from sqlalchemy import CursorResult, Select
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A compiled query whose parameters are named by `bindparam`.

    psycopg converts parameters and results. SQLAlchemy's type conversions do not apply.
    """

    def __init__(self, query: "Select[Any]") -> None:
        compiled = query.compile(dialect=_DIALECT)
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    async def execute(self, connection: AsyncConnection, **values: Any) -> "CursorResult[Any]":
        """Executes the query in the connection's transaction, with a value for each parameter."""
        return await connection.exec_driver_sql(self._sql, {**self._constants, **values})
