"""Statements that are compiled once and prepared in the database, and sent several at a time.

SQLAlchemy builds and compiles a statement at each execution. For statements that run very often, that would cost more
than the round trip to the database.

A round trip costs a service about as much as the work of a short statement, so a transaction should need few:

- `Statement.later` sends a statement whose result nobody needs with the next one, or with the COMMIT.
  `Statement.read_later` does so for rows that are needed after the COMMIT only.
- `together` sends several statements and returns their rows. `at_once` does so for statements of several stores.

The database executes them one after another, in the order of the calls, and each sees what the earlier ones changed,
and what other transactions have committed before it begins. So a statement that follows one which waits for a lock
sees what the holder of the lock has written, as if it were sent later.
"""

import asyncio
import re
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.pq import Format
from psycopg.pq.abc import PGresult
from sqlalchemy import ClauseElement, Connection, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.pipeline import DIALECT, PIPELINE, Pipeline, PsycopgPipeline, Reading, Rows

_PARAMETER = re.compile(r"%%|%\((\w+)\)s")
_First = TypeVar("_First")
_Second = TypeVar("_Second")
_Third = TypeVar("_Third")
_Fourth = TypeVar("_Fourth")


class Statement:
    """A compiled statement whose parameters are named by `bindparam`, or by the columns of an insert.

    psycopg converts parameters and results. SQLAlchemy's type conversions do not apply.
    """

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """`columns` are the columns that an insert sets. Its parameters have the same names."""
        compiled = statement.compile(dialect=DIALECT, column_keys=columns or None)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        names: list[str] = []

        def number(found: re.Match[str]) -> str:
            name = found[1]
            if name is None:
                return "%"
            if name not in names:
                names.append(name)
            return f"${names.index(name) + 1}"

        self.sql = _PARAMETER.sub(number, str(compiled)).encode()
        self._names = names
        self._formats = [PyFormat.AUTO] * len(names)
        self._make_row: Callable[[Sequence[Any]], Any] | None = None

    def of(self, **values: Any) -> "Call":
        """Returns the statement with a value for each parameter, for `together`."""
        return Call(self, values)

    async def execute(self, connection: AsyncConnection, **values: Any) -> Rows:
        """Executes the statement in the connection's transaction, with a value for each parameter.

        Raises the errors of SQLAlchemy, such as IntegrityError.
        """
        return (await together(connection, Call(self, values)))[0]

    async def later(self, connection: AsyncConnection, **values: Any) -> None:
        """Executes the statement with the next one of the transaction, at the latest with the commit.

        Its errors are raised there. Without a transaction it is executed at once.
        """
        await _later(connection, Call(self, values))

    async def read_later(self, connection: AsyncConnection, **values: Any) -> Reading:
        """Executes the statement as `later` does. The result has its rows as soon as it was executed."""
        reading = Reading()
        await _later(connection, Call(self, values, reading))
        return reading

    def dump(self, transformer: Transformer, values: Mapping[str, Any]) -> Sequence[Any]:
        """Returns the parameters in the order of the statement, in the form of the protocol."""
        given = {**self._constants, **values}
        try:
            parameters = [given[name] for name in self._names]
        except KeyError as error:
            raise StatementError(f"a value is required for {error}", self.sql.decode(), None, error) from None
        return transformer.dump_sequence(parameters, self._formats)

    def load(self, transformer: Transformer, result: PGresult) -> Rows:
        """Returns the rows of a result."""
        if not result.nfields:
            return Rows(())
        if self._make_row is None:
            # The columns of a statement are always the same.
            fields = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
            row: Any = namedtuple("Row", fields, rename=True)  # type: ignore[misc]
            self._make_row = row._make
        transformer.set_pgresult(result, format=Format.BINARY)
        return Rows(transformer.load_rows(0, result.ntuples, self._make_row))


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with the values of its parameters. Implements `pipeline.Call`."""

    statement: Statement
    values: Mapping[str, Any]
    reading: Reading | None = None
    """Receives the rows of a statement that waits for a later one."""

    @property
    def sql(self) -> bytes:
        """The statement, with numbered parameters."""
        return self.statement.sql

    def dump(self, transformer: Transformer) -> Sequence[Any]:
        """Returns the parameters in the order of the statement, in the form of the protocol."""
        return self.statement.dump(transformer, self.values)

    def load(self, transformer: Transformer, result: PGresult) -> Rows:
        """Returns the rows of a result."""
        return self.statement.load(transformer, result)


async def _later(connection: AsyncConnection, call: Call) -> None:
    pipeline = _pipeline_of(connection)
    if pipeline.autocommit:
        await pipeline.execute([call])
    else:
        pipeline.waiting.append(call)


async def together(connection: AsyncConnection, *calls: Call) -> list[Rows]:
    """Executes statements one after another in the connection's transaction, and returns the rows of each.

    It takes one round trip. If a statement fails, those after it are not executed.

    Raises the errors of SQLAlchemy, such as IntegrityError.
    """
    return await _pipeline_of(connection).execute(calls)


@overload
async def at_once(
    connection: AsyncConnection, first: Coroutine[Any, Any, _First], second: Coroutine[Any, Any, _Second], /
) -> tuple[_First, _Second]: ...
@overload
async def at_once(
    connection: AsyncConnection,
    first: Coroutine[Any, Any, _First],
    second: Coroutine[Any, Any, _Second],
    third: Coroutine[Any, Any, _Third],
    /,
) -> tuple[_First, _Second, _Third]: ...
@overload
async def at_once(
    connection: AsyncConnection,
    first: Coroutine[Any, Any, _First],
    second: Coroutine[Any, Any, _Second],
    third: Coroutine[Any, Any, _Third],
    fourth: Coroutine[Any, Any, _Fourth],
    /,
) -> tuple[_First, _Second, _Third, _Fourth]: ...
async def at_once(connection: AsyncConnection, *coroutines: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Runs coroutines that execute statements over the connection, and returns their results.

    The first statement of each takes one round trip together with those of the others, in the order of the coroutines.
    When all have ended, raises the error of the first one that failed.
    """
    pipeline = _pipeline_of(connection)
    pipeline.joining += 1
    try:
        results = await asyncio.gather(*coroutines, return_exceptions=True)
    finally:
        pipeline.joining -= 1
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(results)


@asynccontextmanager
async def savepoint(connection: AsyncConnection, *, last: bool = False) -> AsyncIterator[None]:
    """If the block raises, undoes what it did, and the transaction can go on.

    With `last`, the block is the last part of the transaction. Its statements since its last round trip can be sent
    with the COMMIT. If one of those fails, the transaction does.
    """
    pipeline = _pipeline_of(connection)
    waiting, position = pipeline.waiting, len(pipeline.waiting)
    await _SAVEPOINT.later(connection)
    try:
        yield
        if last:
            if pipeline.waiting is waiting:
                await pipeline.execute(())
        elif pipeline.waiting:
            # Their errors are raised here.
            await _RELEASE.execute(connection)
        else:
            await _RELEASE.later(connection)
    except Exception:
        if pipeline.waiting is waiting:
            # Nothing was sent. Statements from before the block must be.
            del waiting[position:]
        else:
            drop_waiting(connection)
            await _ROLL_BACK.execute(connection)
        raise


async def send_waiting(connection: AsyncConnection | Connection) -> None:
    """Executes the statements that wait for the next one."""
    pipeline = _pipeline_of(connection)
    if pipeline.waiting:
        await pipeline.execute(())


async def commit(connection: AsyncConnection | Connection) -> None:
    """Commits the transaction together with the statements that wait for the next one, if there are any."""
    pipeline = _pipeline_of(connection)
    if pipeline.waiting:
        await pipeline.execute((), commits=True)


def drop_waiting(connection: AsyncConnection | Connection) -> None:
    """Forgets the statements that wait for the next one, because the transaction is rolled back."""
    # Those of a connection that was lost are lost with it.
    if not connection.invalidated:
        _pipeline_of(connection).waiting.clear()


_SAVEPOINT = Statement(text("SAVEPOINT part"))
_RELEASE = Statement(text("RELEASE SAVEPOINT part"))
_ROLL_BACK = Statement(text("ROLLBACK TO SAVEPOINT part"))


def _pipeline_of(connection: AsyncConnection | Connection) -> Pipeline:
    # AsyncConnection is a wrapper of Connection.
    of_pool = connection if isinstance(connection, Connection) else connection.sync_connection
    assert of_pool
    pooled: Any = of_pool.connection
    pipeline: Pipeline | None = pooled.info.get(PIPELINE)
    if pipeline is None:
        pipeline = pooled.info[PIPELINE] = PsycopgPipeline(pooled.driver_connection)
    return pipeline
