"""A second implementation of `runtime.db.Database`: tables are dictionaries, and transactions work on a copy of them.

A connection executes the statements of the runtime inside a use case's transaction (outbox, inbox, notify). All other
queries belong to a store, which has a second implementation over `table`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.events.v1.envelope_pb2 import Envelope

from services.runtime import events
from services.runtime.db import Database
from services.runtime.hot_reads import HotConnection
from services.runtime.pipeline import PIPELINE, Rows
from services.runtime.statements import Call

Tables = dict[str, dict[Any, Any]]


def table(connection: AsyncConnection, name: str) -> dict[Any, Any]:
    """Returns a table as this connection sees it: rows by primary key, in the order in which they were added."""
    return cast(MemoryConnection, connection).tables.setdefault(name, {})


class MemoryConnection:
    """The connection inside `transaction` or `reading`."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.notifications: list[tuple[str, str]] = []
        self.info = {PIPELINE: _MemoryPipeline(self)}
        """What the pool keeps with a connection."""

    @property
    def sync_connection(self) -> "MemoryConnection":
        """The connection of the pool, where `Statement` finds its pipeline."""
        return self

    connection = sync_connection

    async def execute(self, statement: Any) -> None:
        """Withdraws events from the outbox. Raises NotImplementedError for any other statement."""
        if not isinstance(statement, sa.Delete) or statement.table.name != "outbox":
            raise NotImplementedError(str(statement))
        named = statement.compile(dialect=postgresql.dialect()).params["named"]  # type: ignore[no-untyped-call]
        waiting = self.tables.setdefault("outbox", {})
        for event_id in [i for i, (s, envelope) in waiting.items() if events.is_private(s) and named in envelope]:
            del waiting[event_id]


class _MemoryPipeline:
    """Executes the prepared statements of the outbox, the inbox and `notify`."""

    autocommit = True

    def __init__(self, connection: MemoryConnection) -> None:
        self._tables, self._notifications = connection.tables, connection.notifications
        self.waiting: list[Call] = []
        self.joining = 0

    async def execute(self, calls: Sequence[Call], *, commits: bool = False) -> list[Rows]:
        """Raises NotImplementedError for any other statement."""
        del commits
        return [Rows(self._execute(call.statement.sql, call.values)) for call in calls]

    def _execute(self, sql: bytes, values: Mapping[str, Any]) -> list[tuple[str, ...]]:
        if b"pg_notify" in sql:
            self._notifications.append((values["channel"], values["payload"]))
        elif sql.startswith(b"INSERT INTO outbox"):
            self._tables.setdefault("outbox", {})[values["id"]] = (values["subject"], values["envelope"])
        elif sql.startswith(b"INSERT INTO processed_events"):
            key = (values["by_consumer"], values["event"])
            recorded = self._tables.setdefault("processed_events", {})
            if key not in recorded:
                recorded[key] = True
                return [key]
        else:
            raise NotImplementedError(sql.decode())
        return []


class MemoryDatabase(Database):
    """A schema in memory. Transactions run one after another."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.lookups = 0
        """The number of reads."""
        self._tables: Tables = {}
        self._writing = asyncio.Lock()  # type: ignore[assignment]
        self._listeners: dict[str, list[asyncio.Queue[str]]] = {}
        self._fault: Exception | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction on a copy of the tables. The copy replaces them after the block, unless the block raises."""
        async with cast(asyncio.Lock, self._writing):
            self._check()
            connection = MemoryConnection({name: dict(rows) for name, rows in self._tables.items()})
            yield cast(AsyncConnection, connection)
            self._tables = connection.tables
        for channel, payload in connection.notifications:
            for queue in self._listeners.get(channel, []):
                queue.put_nowait(payload)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees the committed tables."""
        self._check()
        self.lookups += 1
        yield cast(AsyncConnection, MemoryConnection(self._tables))

    async def ping(self) -> None:
        """Raises the error of `failing`, if it is active."""
        self._check()

    async def close(self) -> None:
        """Does nothing; the tables stay."""

    async def listen(self, channel: str, heard: Callable[[str], Awaitable[None] | None]) -> None:
        """Calls `heard` with an empty payload and then, forever, with each payload of a committed transaction."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.setdefault(channel, []).append(queue)
        queue.put_nowait("")
        while True:
            result = heard(await queue.get())
            if result is not None:
                await result

    @contextmanager
    def failing(self, fault: Exception) -> Iterator[None]:
        """Within the block, every use of the database raises `fault`."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    @property
    def hot(self) -> HotConnection:  # type: ignore[override]
        """A connection for the hot reads of a store in memory."""
        self._check()
        self.lookups += 1
        return cast(HotConnection, MemoryConnection(self._tables))

    def envelopes(self) -> list[Envelope]:
        """Returns the envelopes in the outbox, in order."""
        return [Envelope.FromString(envelope) for _, envelope in self._tables.get("outbox", {}).values()]

    def published(self) -> list[Message]:
        """Returns the events in the outbox, in order."""
        return [unpacked(envelope) for _, envelope in self._tables.get("outbox", {}).values()]

    def traces(self) -> list[str]:
        """Returns the trace id of each event in the outbox, in order. It is empty for an event without a trace."""
        envelopes = (Envelope.FromString(envelope) for _, envelope in self._tables.get("outbox", {}).values())
        return [envelope.traceparent[3:35] for envelope in envelopes]


def unpacked(envelope: bytes) -> Message:
    """Returns the event in an envelope."""
    packed = Envelope.FromString(envelope).event
    message = events.event_types()[packed.TypeName()].new()
    packed.Unpack(message)
    return message
