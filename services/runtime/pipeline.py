"""Sends several statements to PostgreSQL in one round trip, in the pipeline mode of libpq."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import generators
from psycopg.abc import PQGen, Transformer
from psycopg.adapt import Transformer as PsycopgTransformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


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


class Reading:
    """The rows of a statement that is executed with a later one."""

    _rows: Rows | None = None

    def receive(self, rows: Rows) -> None:
        """Stores the rows when the statement was executed."""
        self._rows = rows

    @property
    def rows(self) -> Rows:
        """The rows. The statement must have been executed."""
        assert self._rows is not None, "the statement was not executed yet"
        return self._rows


class Call(Protocol):
    """A statement with the values of its parameters."""

    @property
    def reading(self) -> Reading | None:
        """Receives the rows of a statement that waits for a later one. None if nobody needs them later."""

    @property
    def sql(self) -> bytes:
        """The statement, with numbered parameters."""

    def dump(self, transformer: Transformer) -> Sequence[Any]:
        """Returns the parameters in the order of the statement, in the form of the protocol."""

    def load(self, transformer: Transformer, result: PGresult) -> Rows:
        """Returns the rows of a result."""


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


class PsycopgPipeline:
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
        return [call.load(self._transformer, result) for call, result in zip(calls, answers, strict=True)]

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
                sql.decode(), None, error, psycopg.Error, hide_parameters=True, dialect=DIALECT
            ) from error
        answers = [result for kind, result in results if kind not in (_BEGIN, _PREPARE, _COMMIT)]
        for call, answer in zip(calls, answers, strict=True):
            if call.reading is not None:
                call.reading.receive(call.load(self._transformer, answer))
        return answers

    def _dump(self, call: Call) -> _Dumped:
        parameters = call.dump(self._transformer)
        return _Dumped(call.sql, parameters, self._transformer.types or (), self._transformer.formats or ())

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
