"""Statements that are compiled once and prepared in the database, and sent several at a time.

SQLAlchemy builds and compiles a statement at each execution. For statements that run very often, that would cost more
than the round trip to the database.

A round trip costs a service about as much as the work of a short statement, so a transaction should need few:

- `Statement.later` sends a statement whose result nobody needs with the next one, or with the COMMIT.
- `together` sends several statements and returns their rows. `at_once` does so for statements of several stores.

The database executes them one after another, in the order of the calls, and each sees what the earlier ones changed,
and what other transactions have committed before it begins. So a statement that follows one which waits for a lock
sees what the holder of the lock has written, as if it were sent later.
"""

import asyncio
import re
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

import psycopg
from psycopg import generators
from psycopg.abc import PQGen, Transformer
from psycopg.adapt import PyFormat
from psycopg.adapt import Transformer as PsycopgTransformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import ClauseElement, Connection, text
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]
_PARAMETER = re.compile(r"%%|%\((\w+)\)s")
_First = TypeVar("_First")
_Second = TypeVar("_Second")
_Third = TypeVar("_Third")


class Rows:
    """The rows that a statement has returned. Columns are attributes, and positions of a tuple."""

    def __init__(self, rows: Sequence[Any]) -> None:
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

    psycopg converts parameters and results. SQLAlchemy's type conversions do not apply.
    """

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """`columns` are the columns that an insert sets. Its parameters have the same names."""
        compiled = statement.compile(dialect=_DIALECT, column_keys=columns or None)
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
        """Executes the statement with the next one of the transaction, at the latest before the commit.

        Its errors are raised there. Without a transaction it is executed at once.
        """
        pipeline = _pipeline_of(connection)
        if pipeline.autocommit:
            await pipeline.execute([Call(self, values)])
        else:
            pipeline.waiting.append(Call(self, values))

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
    """A statement with the values of its parameters."""

    statement: Statement
    values: Mapping[str, Any]


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
async def savepoint(connection: AsyncConnection) -> AsyncIterator[None]:
    """If the block raises, undoes what it did, and the transaction can go on."""
    pipeline = _pipeline_of(connection)
    waiting, position = pipeline.waiting, len(pipeline.waiting)
    await _SAVEPOINT.later(connection)
    try:
        yield
        # Statements of the block that wait are executed too, so that their errors are raised here.
        await _RELEASE.execute(connection)
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


class Pipeline(Protocol):
    """Sends statements over one connection."""

    autocommit: bool
    waiting: list[Call]
    """The statements that are sent with the next one."""
    joining: int
    """How many calls of `at_once` are running."""

    async def execute(self, calls: Sequence[Call], *, commits: bool = False) -> list[Rows]:
        """Executes the waiting statements and `calls`, and returns the rows of `calls`."""


PIPELINE = "pipeline"
"""The name of the pipeline among what SQLAlchemy's pool keeps with each connection of the driver."""
_BEGIN, _PREPARE, _COMMIT = b"BEGIN", b"PREPARE", b"COMMIT"


@dataclass(frozen=True, slots=True)
class _Dumped:
    """A statement with its parameters, in the form of the protocol."""

    sql: bytes
    parameters: Sequence[Any]
    types: tuple[int, ...]
    formats: Sequence[Format]


class _PsycopgPipeline:
    """Sends statements over one connection of psycopg in its pipeline mode, without its cursors.

    A pipeline of cursors would save a third as much, because it waits once for each statement.
    """

    def __init__(self, driver: psycopg.AsyncConnection[Any]) -> None:
        self._lock, self._wait = driver.lock, driver.wait
        self._connection: PGconn = driver.pgconn
        self.autocommit = driver.autocommit
        self._transformer: Transformer = PsycopgTransformer(driver)
        self._prepared: dict[tuple[bytes, Sequence[int]], bytes] = {}
        self._last_name = 0
        self.waiting: list[Call] = []
        self.joining = 0
        self._joined: asyncio.Future[list[PGresult]] | None = None

    async def execute(self, calls: Sequence[Call], *, commits: bool = False) -> list[Rows]:
        """Executes the waiting statements and `calls`, and returns the rows of `calls`."""
        first = len(self.waiting)
        self.waiting.extend(calls)
        results = await (self._joined if self._joined is not None else self._send_waiting(commits=commits))
        answers = results[first : first + len(calls)]
        return [call.statement.load(self._transformer, result) for call, result in zip(calls, answers, strict=True)]

    async def _send_waiting(self, *, commits: bool) -> list[PGresult]:
        if not self.joining:
            return await self._send(commits=commits)
        joined = self._joined = asyncio.get_running_loop().create_future()
        try:
            # The other coroutines of `at_once` add their statements.
            await asyncio.sleep(0)
            self._joined = None
            sent = await self._send(commits=commits)
        except BaseException as error:
            self._joined = None
            joined.set_exception(error)
            # They may have added none.
            joined.exception()
            raise
        joined.set_result(sent)
        return sent

    async def _send(self, *, commits: bool) -> list[PGresult]:
        """Executes the waiting statements and returns the result of each."""
        calls, self.waiting = self.waiting, []
        dumped = [self._dump(call) for call in calls]
        sql = b""
        try:
            async with self._lock:
                results = await self._wait(self._exchange(dumped, commits=commits))
            for sql, result in results:  # noqa: B007
                if result.status == ExecStatus.FATAL_ERROR:
                    raise error_from_result(result)
        except psycopg.Error as error:
            # The parameters may be secret.
            raise DBAPIError.instance(
                sql.decode(), None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT
            ) from error
        return [result for kind, result in results if kind not in (_BEGIN, _PREPARE, _COMMIT)]

    def _dump(self, call: Call) -> _Dumped:
        parameters = call.statement.dump(self._transformer, call.values)
        return _Dumped(call.statement.sql, parameters, self._transformer.types or (), self._transformer.formats or ())

    def _exchange(self, calls: Sequence[_Dumped], *, commits: bool) -> PQGen[list[tuple[bytes, PGresult]]]:
        """Sends statements and returns their results, each with its SQL. Preparing a statement has a result, too."""
        connection = self._connection
        sent: list[bytes] = []
        new: dict[tuple[bytes, Sequence[int]], tuple[bytes, int]] = {}
        begins = not self.autocommit and connection.transaction_status == TransactionStatus.IDLE
        connection.enter_pipeline_mode()
        try:
            if begins:
                connection.send_query_params(_BEGIN, None)
                sent.append(_BEGIN)
            for call in calls:
                key = call.sql, call.types
                name = self._prepared.get(key) or (new[key][0] if key in new else None)
                if name is None:
                    self._last_name += 1
                    name = b"statement_%d" % self._last_name
                    connection.send_prepare(name, call.sql, param_types=call.types)
                    new[key] = (name, len(sent))
                    sent.append(_PREPARE)
                connection.send_query_prepared(
                    name, call.parameters, param_formats=call.formats, result_format=Format.BINARY
                )
                sent.append(call.sql)
            if commits:
                connection.send_query_params(_COMMIT, None)
                sent.append(_COMMIT)
            connection.pipeline_sync()
            yield from generators.send(connection)
            results = []
            for sql in sent:
                (result,) = yield from generators.fetch_many(connection)
                results.append((sql, result))
            yield from generators.fetch_many(connection)
        finally:
            if connection.status == ConnStatus.OK:
                connection.exit_pipeline_mode()
        for prepared, (name, position) in new.items():
            if results[position][1].status == ExecStatus.COMMAND_OK:
                self._prepared[prepared] = name
        return results


def _pipeline_of(connection: AsyncConnection | Connection) -> Pipeline:
    # AsyncConnection is a wrapper of Connection.
    of_pool = connection if isinstance(connection, Connection) else connection.sync_connection
    assert of_pool
    pooled: Any = of_pool.connection
    pipeline: Pipeline | None = pooled.info.get(PIPELINE)
    if pipeline is None:
        pipeline = pooled.info[PIPELINE] = _PsycopgPipeline(pooled.driver_connection)
    return pipeline
