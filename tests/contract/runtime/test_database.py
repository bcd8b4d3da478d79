"""PostgreSQL as services use it: schemas, transactions, reads, and what happens when connections are cut."""

import asyncio
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from services.runtime import db
from services.runtime.db import DISCONNECTED, Database, notify
from services.runtime.migration import upgrade
from tests.contract.runtime.conftest import MIGRATIONS, SOON, running

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "


async def terminate(url: str, condition: str) -> int:
    """Cuts the connections for which a condition on pg_stat_activity holds, and returns how many."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return (await connection.execute(TERMINATE + condition)).rowcount


async def test_a_listener_goes_on_after_its_connection_was_cut(
    database: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LISTEN_RETRY_SECONDS", 0.01)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def say(payload: str) -> None:
        async with database.transaction() as connection:
            await notify(connection, "probe_changed", payload)

    async with running(database.listen("probe_changed", heard.put_nowait)):
        assert await heard.get() == ""
        for payload in ("one", "two"):
            await say(payload)
            assert await heard.get() == payload
            assert await terminate(postgres_url, "query LIKE 'LISTEN%'") == 1
            # Something may have been missed.
            assert await heard.get() == ""


async def test_a_listener_that_is_a_coroutine_is_awaited(database: Database) -> None:
    heard = asyncio.Event()

    async def hear(_: str) -> None:
        heard.set()

    async with running(database.listen("probe_changed", hear)):
        await heard.wait()


async def test_a_call_on_a_cut_connection_fails_as_disconnected_and_the_next_finds_a_new_one(postgres_url: str) -> None:
    database = await Database.connect(postgres_url, "cut")
    try:
        await database.ping()
        assert await terminate(postgres_url, "application_name = 'voicearena-cut'") == 1
        with pytest.raises(DISCONNECTED):
            await database.ping()
        await database.ping()
    finally:
        await database.close()


async def test_a_read_needs_no_transaction_and_a_transaction_is_whole(database: Database) -> None:
    insert = sa.text("INSERT INTO effects VALUES (:j)")
    count = sa.text("SELECT count(*) FROM effects")
    async with database.transaction() as connection:
        await connection.execute(insert, {"j": "job"})
        async with database.reading() as reading:
            assert (await reading.execute(count)).scalar_one() == 0
    async with database.reading() as reading:
        assert (await reading.execute(count)).scalar_one() == 1
        assert (await reading.execute(sa.text("SELECT now() = statement_timestamp()"))).scalar_one()


async def test_a_statement_that_takes_too_long_is_ended(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "STATEMENT_TIMEOUT_MS", 50)
    impatient = await Database.connect(postgres_url, "probe")
    try:
        with pytest.raises(OperationalError, match="statement timeout"):
            async with impatient.reading() as connection:
                await connection.execute(sa.text("SELECT pg_sleep(60)"))
    finally:
        await impatient.close()


async def test_processes_that_start_together_migrate_once(postgres_url: str, tmp_path: Path) -> None:
    databases = await asyncio.gather(
        *(Database.connect(postgres_url, "probe_together", migrations=MIGRATIONS) for _ in range(3))
    )
    try:
        async with databases[0].reading() as connection:
            assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalars().all() == [
                "0001"
            ]
    finally:
        for database in databases:
            await database.close()


async def test_a_start_waits_for_a_database_that_comes_later(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LISTEN_RETRY_SECONDS", 0.01)
    tries: list[int] = []

    def away_at_first(*arguments: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise psycopg.OperationalError("connection refused")
        upgrade(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(db, "upgrade", away_at_first)
    database = await Database.connect(postgres_url, "probe_later", migrations=MIGRATIONS)
    async with asyncio.timeout(SOON):
        await database.ping()
    await database.close()
    assert len(tries) == 3


async def test_a_start_gives_up_on_a_database_that_does_not_come(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "START_TIMEOUT_SECONDS", 0)
    monkeypatch.setattr(db, "LISTEN_RETRY_SECONDS", 0.01)
    closed = sa.make_url(postgres_url).set(port=1).render_as_string(hide_password=False)
    with pytest.raises(DISCONNECTED):
        await Database.connect(closed, "probe", migrations=MIGRATIONS)
