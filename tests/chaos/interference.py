"""Makes the bus deliver events twice, late and out of order, which a bus is allowed to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import nats
import nats.errors
import psycopg
from nats.aio.msg import Msg

from gateway.settings import SERVICES

EVENTS = "voicearena.*.v1.>"
# This header marks repeated events, so that they are not repeated again.
REPEATED_HEADER = "chaos-again"
MAX_DELAY_SECONDS = 1.5
# How long events in an outbox are locked, so that the relay skips them, and how many at a time.
LOCK_SECONDS = (0.05, 0.4)
MAX_LOCKED_EVENTS = 20
POLL_SECONDS = 0.05
# tts has no database.
OUTBOXES = tuple(name for name in SERVICES if name != "tts")
CONNECTION_ERRORS = (nats.errors.Error, psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)


class Interference:
    """Repeats and reorders events. `duplicates` and `reordered` count them."""

    def __init__(self, nats_url: str, database_url: str, random: Random) -> None:
        self._nats_url = nats_url
        self._database_url = database_url
        self._random = random
        self.duplicates = 0
        self.reordered = 0

    @asynccontextmanager
    async def interfering(self, *, duplicate: bool, reorder: bool) -> AsyncIterator[None]:
        """Interferes during the block, while the database and the bus are reachable."""
        works = [self._duplicate()] if duplicate else []
        works += [self._reorder(schema) for schema in OUTBOXES] if reorder else []
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self) -> nats.aio.client.Client:
        return await nats.connect(self._nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=_ignore)

    async def _duplicate(self) -> None:
        client = await self._connected()
        sending: set[asyncio.Task[None]] = set()

        async def repeat(message: Msg) -> None:
            if message.headers and REPEATED_HEADER in message.headers:
                return
            task = asyncio.create_task(self._send_later(client, message))
            sending.add(task)
            task.add_done_callback(sending.discard)

        try:
            await client.subscribe(EVENTS, cb=repeat)
            await asyncio.Event().wait()
        finally:
            for task in sending:
                task.cancel()
            with suppress(*CONNECTION_ERRORS):
                await client.close()

    async def _send_later(self, client: nats.aio.client.Client, message: Msg) -> None:
        await asyncio.sleep(self._random.uniform(0, MAX_DELAY_SECONDS))
        # Without Nats-Msg-Id, so that the server does not recognise the duplicate.
        with suppress(*CONNECTION_ERRORS):
            await client.publish(message.subject, message.data, headers={REPEATED_HEADER: "1"})
            self.duplicates += 1

    async def _reorder(self, schema: str) -> None:
        """Locks events so that the relay skips them, publishes them in random order, and unlocks them."""
        client = await self._connected()
        try:
            while True:
                with suppress(*CONNECTION_ERRORS):
                    async with await psycopg.AsyncConnection.connect(self._database_url) as connection:
                        while True:
                            await self._publish_shuffled(schema, client, connection)
                            await asyncio.sleep(POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            with suppress(*CONNECTION_ERRORS):
                await client.close()

    async def _publish_shuffled(
        self, schema: str, client: nats.aio.client.Client, connection: psycopg.AsyncConnection[tuple[object, ...]]
    ) -> None:
        cursor = await connection.execute(
            f"SELECT subject, envelope FROM {schema}.outbox WHERE published_at IS NULL"
            " ORDER BY random() LIMIT %s FOR UPDATE SKIP LOCKED",
            (MAX_LOCKED_EVENTS,),
        )
        rows = await cursor.fetchall()
        if rows:
            await asyncio.sleep(self._random.uniform(*LOCK_SECONDS))
            self._random.shuffle(rows)
            for subject, envelope in rows:
                await client.publish(str(subject), bytes(envelope), headers={REPEATED_HEADER: "1"})  # type: ignore[arg-type]
            self.reordered += len(rows)
        await connection.rollback()


async def _ignore(_: Exception) -> None:
    """Ignores errors, because NATS is stopped on purpose."""
