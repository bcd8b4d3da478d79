"""Statements that are compiled once and prepared in the database.

SQLAlchemy builds and compiles a statement at each execution. For statements that run very often, that would cost more
than the round trip to the database.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


class Rows:
    """The rows that a statement has returned. Columns are attributes, and positions of a tuple."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def one_or_none(self) -> Any | None:
        """Returns the only row, None if there is none. Raises MultipleResultsFound if there are more."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        """Returns the only row. Raises NoResultFound if there is none, MultipleResultsFound if there are more."""
        if not self._rows:
            raise NoResultFound("No row was found when one was required")
        return self.one_or_none()


class Statement:
    """A compiled statement whose parameters are named by `bindparam`, or by the columns of an insert.

    psycopg converts parameters and results. SQLAlchemy's type conversions do not apply. An execution takes half of the
    processor time that `exec_driver_sql` takes.
    """

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """`columns` are the columns that an insert sets. Its parameters have the same names."""
        compiled = statement.compile(dialect=_DIALECT, column_keys=columns or None)
        self._sql = str(compiled).encode()
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._make_row: Callable[[Sequence[Any]], Any] | None = None

    async def execute(self, connection: AsyncConnection, **values: Any) -> Rows:
        """Executes the statement in the connection's transaction, with a value for each parameter.

        Raises the errors of SQLAlchemy, such as IntegrityError.
        """
        assert connection.sync_connection
        driver: Any = connection.sync_connection.connection.driver_connection
        cursor = driver.cursor(binary=True, row_factory=self._row_factory)
        try:
            await cursor.execute(self._sql, {**self._constants, **values}, prepare=True)
            return Rows(await cursor.fetchall() if cursor.pgresult.nfields else [])
        except psycopg.Error as error:
            # The parameters may be secret.
            raise DBAPIError.instance(
                self._sql.decode(), None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT
            ) from error

    def _row_factory(self, cursor: Any) -> Callable[[Sequence[Any]], Any]:
        """Returns what makes a row of the columns' values. The columns of a statement are always the same."""
        if self._make_row is None or not cursor.pgresult or not cursor.pgresult.nfields:
            make_row = namedtuple_row(cursor)
            if not cursor.pgresult or not cursor.pgresult.nfields:
                return make_row
            self._make_row = make_row
        return self._make_row
