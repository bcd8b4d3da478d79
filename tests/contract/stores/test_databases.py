"""The suite for both kinds of database: transactions, outbox, inbox, notifications and hot reads."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import psycopg
import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked

from services.runtime import inbox, outbox
from services.runtime.db import Database, notify
from tests.fakes.memory_database import MemoryDatabase, unpacked

EVENTS = [ApiKeyRevoked(api_key_id=f"key_{number}", developer_id="dev_a") for number in range(3)]
TIMEOUT_SECONDS = 10


@pytest.fixture
def service() -> str:
    return "auth"


async def recorded(database: Database) -> Sequence[Message]:
    """Returns the events in the outbox, in order."""
    if isinstance(database, MemoryDatabase):
        return database.published()
    async with database.reading() as connection:
        envelopes = (await connection.execute(sa.text("SELECT envelope FROM outbox ORDER BY seq"))).scalars()
        return [unpacked(envelope) for envelope in envelopes]


async def test_events_are_recorded_in_order(database: Database) -> None:
    async with database.transaction() as connection:
        await outbox.add(connection, EVENTS[0])
        await outbox.add(connection, *EVENTS[1:])
        await outbox.add(connection)
    assert await recorded(database) == EVENTS


async def test_events_of_a_failed_transaction_are_not_recorded(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.transaction() as connection:
            await outbox.add(connection, *EVENTS)
            raise ZeroDivisionError
    assert await recorded(database) == []


async def test_an_event_is_new_to_each_consumer_once(database: Database) -> None:
    async with database.transaction() as connection:
        assert await inbox.first_time(connection, "elo", "evt_a")
        assert not await inbox.first_time(connection, "elo", "evt_a")
        assert await inbox.first_time(connection, "tts", "evt_a")
    async with database.transaction() as connection:
        assert not await inbox.first_time(connection, "elo", "evt_a")
        assert await inbox.first_time(connection, "elo", "evt_b")


async def test_an_event_of_a_failed_transaction_is_new_again(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.transaction() as connection:
            assert await inbox.first_time(connection, "elo", "evt_a")
            raise ZeroDivisionError
    async with database.transaction() as connection:
        assert await inbox.first_time(connection, "elo", "evt_a")


async def test_subscribers_receive_committed_notifications_of_their_channel(database: Database) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(database.listen("here_changed", received.put_nowait))
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert await received.get() == ""
            with suppress(ZeroDivisionError):
                async with database.transaction() as connection:
                    await notify(connection, "here_changed", "undone")
                    raise ZeroDivisionError
            async with database.transaction() as connection:
                await notify(connection, "here_other", "elsewhere")
                await notify(connection, "tts_changed", "elsewhere")
                await notify(connection, "here_changed", "exp_a")
            assert await received.get() == "exp_a"
        assert received.empty()
    finally:
        listening.cancel()


async def test_hot_reads_continue_after_a_lost_connection(database: Database) -> None:
    if isinstance(database, MemoryDatabase):
        pytest.skip("a store in memory has no connection to lose")
    before = await database.hot.rows(b"SELECT pg_backend_pid()", {})
    async with database.reading() as connection:
        await connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": before[0][0]})
    after = await database.hot.rows(b"SELECT pg_backend_pid()", {})
    assert after != before


async def test_a_hot_read_that_fails_leaves_the_connection_usable(database: Database) -> None:
    if isinstance(database, MemoryDatabase):
        pytest.skip("a store in memory has no SQL")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await database.hot.rows(b"SELECT * FROM nothing_of_this_name", {})
    assert await database.hot.rows(b"SELECT %(a)s::int", {"a": 1}) == [(1,)]
