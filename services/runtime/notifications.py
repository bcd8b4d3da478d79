"""Receives PostgreSQL's notifications for all listeners of a process over one connection."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql

from services.runtime.background import end_tasks
from services.runtime.migrating import CONNECT_TIMEOUT_SECONDS

log = structlog.get_logger()

RETRY_SECONDS = 0.5
CHECK_SECONDS = 10

OnNotify = Callable[[str], Awaitable[None] | None]
_Received = asyncio.Queue[str | Exception]


class Notifications:
    """A connection that is open while somebody listens. Each listener has a queue, so none waits for another."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._listeners: dict[str, list[_Received]] = {}
        self._connected: frozenset[str] = frozenset()
        """The channels that the connection receives now."""
        self._receiving: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def listen(self, channel: str, on_notify: OnNotify) -> None:
        """Calls `on_notify` with the payload of each NOTIFY on `channel`, until it is cancelled.

        After each connect it calls `on_notify("")`, because notifications can have been missed.
        """
        with self._listening(channel) as received:
            while True:
                payload = await received.get()
                if isinstance(payload, Exception):
                    raise payload
                result = on_notify(payload)
                if result is not None:
                    await result

    async def close(self) -> None:
        """Closes the connection."""
        self._end()
        await end_tasks(self._ending)

    @contextmanager
    def _listening(self, channel: str) -> Iterator[_Received]:
        received: _Received = asyncio.Queue()
        self._listeners.setdefault(channel, []).append(received)
        if channel in self._connected:
            received.put_nowait("")
        elif len(self._listeners[channel]) == 1 or self._receiving is None:
            # A connection waits for notifications all the time, so another one has to listen on one more channel.
            self._end()
            self._receiving = asyncio.create_task(self._receive(), name="notifications")
        try:
            yield received
        finally:
            self._listeners[channel].remove(received)
            if not self._listeners[channel]:
                del self._listeners[channel]
            if not self._listeners:
                self._end()

    def _end(self) -> None:
        task, self._receiving, self._connected = self._receiving, None, frozenset()
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _receive(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
                ) as connection:
                    await self._receive_from(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._connected = frozenset()
                log.warning("a LISTEN connection was lost", error=str(error).strip())
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - each listener raises it
                self._end()
                self._send(error, *self._listeners)
                return

    async def _receive_from(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        channels = frozenset(self._listeners)
        for channel in channels:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        self._connected = channels
        self._send("", *channels)
        while True:
            async for notify in connection.notifies(timeout=CHECK_SECONDS):
                self._send(notify.payload, notify.channel)
            await connection.execute("SELECT 1")

    def _send(self, what: str | Exception, *channels: str) -> None:
        for channel in channels:
            for received in self._listeners.get(channel, ()):
                received.put_nowait(what)
