"""PostgreSQL as services use it: schemas, transactions, reads and lost connections."""

import asyncio
import shutil
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

import services
from services.runtime import db, notifications
from services.runtime.db import DISCONNECTED, Database, notify
from services.runtime.migrating import MigrationFailed, migrate, newest_version
from tests.contract.runtime.conftest import MIGRATIONS, SOON, running

SERVICES = Path(services.__path__[0])
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "


async def terminate(url: str, condition: str) -> int:
    """Closes the connections that match a condition on pg_stat_activity. Returns their number."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return (await connection.execute(TERMINATE + condition)).rowcount


async def test_listening_continues_after_a_lost_connection(
    database: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "RETRY_SECONDS", 0.01)
    received: asyncio.Queue[str] = asyncio.Queue()

    async def send(payload: str) -> None:
        async with database.transaction() as connection:
            await notify(connection, "probe_changed", payload)

    async with running(database.listen("probe_changed", received.put_nowait)):
        assert await received.get() == ""
        for payload in ("one", "two"):
            await send(payload)
            assert await received.get() == payload
            assert await terminate(postgres_url, "query LIKE 'LISTEN%'") == 1
            # A notification can have been missed.
            assert await received.get() == ""


async def test_all_listeners_of_a_process_share_a_connection(database: Database, postgres_url: str) -> None:
    first: asyncio.Queue[str] = asyncio.Queue()
    second: asyncio.Queue[str] = asyncio.Queue()
    async with running(database.listen("probe_first", first.put_nowait)):
        assert await first.get() == ""
        async with running(database.listen("probe_second", second.put_nowait)):
            assert await second.get() == ""
            # Its connection was replaced by one that has both channels.
            assert await first.get() == ""
            async with database.transaction() as connection:
                await notify(connection, "probe_second", "two")
                await notify(connection, "probe_first", "one")
            assert (await first.get(), await second.get()) == ("one", "two")
            assert await terminate(postgres_url, "query LIKE 'LISTEN%'") == 1
            assert (await first.get(), await second.get()) == ("", "")
        async with database.transaction() as connection:
            await notify(connection, "probe_first", "three")
        assert await first.get() == "three"
    assert (first.empty(), second.empty()) == (True, True)


async def test_a_second_listener_on_a_channel_is_called_at_once(database: Database) -> None:
    first: asyncio.Queue[str] = asyncio.Queue()
    second: asyncio.Queue[str] = asyncio.Queue()
    async with running(database.listen("probe_changed", first.put_nowait)):
        assert await first.get() == ""
        async with running(database.listen("probe_changed", second.put_nowait)):
            assert await second.get() == ""
        assert first.empty()


async def test_a_callback_that_fails_ends_its_own_listening_only(database: Database) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()

    def fail(_: str) -> None:
        raise ValueError("no")

    async with running(database.listen("probe_changed", received.put_nowait)):
        assert await received.get() == ""
        with pytest.raises(ValueError, match="no"):
            await database.listen("probe_changed", fail)
        async with database.transaction() as connection:
            await notify(connection, "probe_changed", "after")
        assert await received.get() == "after"


async def test_connections_that_nobody_uses_are_closed(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "IDLE_CONNECTION_SECONDS", 0.2)
    monkeypatch.setattr(db, "IDLE_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(db, "KEPT_CONNECTIONS", 2)
    database = await Database.connect(postgres_url, "idle", pool_size=3)

    async def pids() -> set[int]:
        """Uses three connections at a time, and returns their process ids."""
        async with database.reading() as one, database.reading() as two, database.reading() as three:
            query = sa.text("SELECT pg_backend_pid()")
            return {(await each.execute(query)).scalar_one() for each in (one, two, three)}

    try:
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as watching:
            earlier = await pids()
            assert len(earlier) == 3
            used = None
            while True:
                # One connection stays in use, because the one that was returned last is handed out first.
                async with database.reading() as connection:
                    pid = (await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
                assert used in (None, pid)
                used = pid
                found = await watching.execute(
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'voicearena-idle'"
                )
                left = {row[0] for row in await found.fetchall()}
                if len(left) == db.KEPT_CONNECTIONS:
                    assert used in left
                    break
            # The pool still gives as many as before.
            assert len(await pids()) == 3
    finally:
        await database.close()


async def test_a_callback_that_is_a_coroutine_is_awaited(database: Database) -> None:
    received = asyncio.Event()

    async def receive(_: str) -> None:
        received.set()

    async with running(database.listen("probe_changed", receive)):
        await received.wait()


async def test_a_call_on_a_lost_connection_fails_and_the_next_one_reconnects(postgres_url: str) -> None:
    database = await Database.connect(postgres_url, "cut")
    try:
        await database.ping()
        assert await terminate(postgres_url, "application_name = 'voicearena-cut'") == 1
        with pytest.raises(DISCONNECTED):
            await database.ping()
        await database.ping()
    finally:
        await database.close()


async def test_reads_run_in_autocommit_and_see_only_committed_transactions(database: Database) -> None:
    insert = sa.text("INSERT INTO effects VALUES (:j)")
    count = sa.text("SELECT count(*) FROM effects")
    async with database.transaction() as connection:
        await connection.execute(insert, {"j": "job"})
        async with database.reading() as reading:
            assert (await reading.execute(count)).scalar_one() == 0
    async with database.reading() as reading:
        assert (await reading.execute(count)).scalar_one() == 1
        assert (await reading.execute(sa.text("SELECT now() = statement_timestamp()"))).scalar_one()


async def test_a_statement_above_the_timeout_is_cancelled(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "STATEMENT_TIMEOUT_MS", 50)
    database = await Database.connect(postgres_url, "probe")
    try:
        with pytest.raises(OperationalError, match="statement timeout"):
            async with database.reading() as connection:
                await connection.execute(sa.text("SELECT pg_sleep(60)"))
    finally:
        await database.close()


async def test_processes_that_start_at_the_same_time_migrate_once(postgres_url: str, tmp_path: Path) -> None:
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


async def test_the_start_waits_for_the_database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "RETRY_SECONDS", 0.01)
    attempts: list[int] = []

    async def down_at_first(*arguments: object) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise psycopg.OperationalError("connection refused")
        await migrate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(db, "migrate", down_at_first)
    database = await Database.connect(postgres_url, "probe_later", migrations=MIGRATIONS)
    async with asyncio.timeout(SOON):
        await database.ping()
    await database.close()
    assert len(attempts) == 3


@pytest.mark.parametrize("place", ["127.0.0.1:1/database", "/database?host=%2Fnonexistent"])
async def test_the_start_fails_if_the_database_stays_down(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "START_TIMEOUT_SECONDS", 0)
    monkeypatch.setattr(notifications, "RETRY_SECONDS", 0.01)
    with pytest.raises(DISCONNECTED):
        await Database.connect(f"postgresql://role:password@{place}", "probe", migrations=MIGRATIONS)


async def test_a_schema_that_is_up_to_date_needs_no_process(
    database: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(asyncio, "create_subprocess_exec")
    again = await Database.connect(postgres_url, "probe", migrations=MIGRATIONS)
    await again.ping()
    await again.close()


async def test_the_start_fails_if_a_migration_fails(
    postgres_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    broken = 'revision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    raise ValueError("broken")\n'
    (folder / "versions" / "0002_broken.py").write_text(broken)
    with pytest.raises(MigrationFailed, match="schema probe_broken"):
        await Database.connect(postgres_url, "probe_broken", migrations=folder)
    assert "ValueError: broken" in capfd.readouterr().err
    # Nothing of it stays, so the next start is the first one.
    database = await Database.connect(postgres_url, "probe_broken", migrations=MIGRATIONS)
    await database.close()


@pytest.mark.parametrize("service", ["auth", "elo", "experiments", "scoring"])
def test_migrations_form_a_line_and_begin_with_their_versions(service: str) -> None:
    folder = SERVICES / service / "migrations"
    scripts = ScriptDirectory(str(folder))
    found = [(Path(script.path).name, script.revision) for script in scripts.walk_revisions()]
    assert len(found) == len(list((folder / "versions").glob("[0-9]*.py")))
    assert all(name.startswith(f"{revision}_") for name, revision in found)
    assert [newest_version(folder)] == scripts.get_heads()
