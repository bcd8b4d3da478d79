"""Statements that are compiled once give the same results, in the caller's transaction."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from services.runtime.statements import Statement, at_once, savepoint, together

ADDING = (
    sa.insert(OUTBOX)
    .values(id=sa.bindparam("event"), subject="a subject", envelope=sa.bindparam("envelope"))
    .returning(OUTBOX.c.id, OUTBOX.c.subject, OUTBOX.c.envelope)
    .cte("added")
)
ADD = Statement(sa.select(ADDING))
COUNT = sa.select(sa.func.count()).select_from(OUTBOX)


async def test_a_statement_has_constants_and_takes_parameters(database: Database) -> None:
    async with database.transaction() as connection:
        for event in ("evt_a", "evt_b"):
            row = (await ADD.execute(connection, event=event, envelope=b"\0\xff")).one()
            assert (row.id, row.subject, row.envelope) == (event, "a subject", b"\0\xff")
        assert (await connection.execute(COUNT)).scalar_one() == 2


async def test_values_keep_their_types(database: Database) -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    given = {"at": moment, "number": 1.5, "whole": 7, "text": "ü ' % :x", "yes": True}
    echo = Statement(
        sa.select(
            sa.bindparam("at", type_=sa.DateTime(True)).label("at"),
            sa.bindparam("number", type_=sa.Double).label("number"),
            sa.bindparam("whole", type_=sa.BigInteger).label("whole"),
            sa.bindparam("text", type_=sa.Text).label("text"),
            sa.bindparam("yes", type_=sa.Boolean).label("yes"),
        )
    )
    async with database.reading() as connection:
        row = (await echo.execute(connection, **given)).one()
    assert row._asdict() == given


async def test_a_failed_transaction_undoes_the_statement(database: Database) -> None:
    async def add_and_fail() -> None:
        async with database.transaction() as connection:
            await ADD.execute(connection, event="evt_a", envelope=b"")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    async with database.reading() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 0


async def test_a_missing_parameter_is_an_error(database: Database) -> None:
    async with database.transaction() as connection:
        with pytest.raises(StatementError):
            await ADD.execute(connection, event="evt_a")


async def test_concurrent_connections_can_use_one_statement(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.transaction() as connection:
            await ADD.execute(connection, event=f"evt_{number}", envelope=b"")

    await asyncio.gather(*(add(number) for number in range(20)))
    async with database.reading() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 20


async def _stored(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(sa.select(OUTBOX.c.id).order_by(OUTBOX.c.seq))).scalars())


async def test_a_waiting_statement_is_sent_with_the_next_one(database: Database) -> None:
    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        row = (await ADD.execute(connection, event="evt_b", envelope=b"")).one()
        assert row.id == "evt_b"
    assert await _stored(database) == ["evt_a", "evt_b"]


async def test_a_waiting_statement_is_sent_with_the_commit(database: Database) -> None:
    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        await ADD.later(connection, event="evt_b", envelope=b"")
    assert await _stored(database) == ["evt_a", "evt_b"]


async def test_a_statement_of_sqlalchemy_sees_what_the_waiting_ones_change(database: Database) -> None:
    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        assert (await connection.execute(COUNT)).scalar_one() == 1


async def test_outside_of_a_transaction_no_statement_waits(database: Database) -> None:
    async with database.reading() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        assert await _stored(database) == ["evt_a"]


async def test_waiting_statements_of_a_failed_transaction_are_forgotten(database: Database) -> None:
    async def add_and_fail() -> None:
        async with database.transaction() as connection:
            await ADD.later(connection, event="evt_a", envelope=b"")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_b", envelope=b"")
    assert await _stored(database) == ["evt_b"]


async def test_an_error_of_a_waiting_statement_undoes_the_transaction(database: Database) -> None:
    async def add_twice() -> None:
        async with database.transaction() as connection:
            for event in ("evt_a", "evt_b", "evt_b", "evt_c"):
                await ADD.later(connection, event=event, envelope=b"")

    with pytest.raises(IntegrityError) as raised:
        await add_twice()
    assert "INSERT INTO outbox" in str(raised.value)
    assert await _stored(database) == []
    async with database.transaction() as connection:
        await ADD.execute(connection, event="evt_b", envelope=b"")
    assert await _stored(database) == ["evt_b"]


async def test_statements_that_are_sent_together_follow_one_another(database: Database) -> None:
    count = Statement(COUNT)
    async with database.transaction() as connection:
        before, added, after = await together(connection, count.of(), ADD.of(event="evt_a", envelope=b"x"), count.of())
    assert (before.one()[0], added.one().envelope, after.one()[0]) == (0, b"x", 1)


async def _until_somebody_waits(database: Database) -> None:
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(10), database.reading() as connection:
        while not (await connection.execute(waiting)).scalar_one():
            pass


async def test_a_statement_sent_with_a_lock_sees_what_its_holder_has_written(database: Database) -> None:
    lock, count = Statement(sa.text("SELECT pg_advisory_xact_lock(7)")), Statement(COUNT)
    locked, counted = asyncio.Event(), []

    async def wait() -> None:
        await locked.wait()
        async with database.transaction() as connection:
            await lock.later(connection)
            counted.append((await count.execute(connection)).one()[0])

    async with asyncio.TaskGroup() as tasks, database.transaction() as connection:
        await lock.execute(connection)
        tasks.create_task(wait())
        locked.set()
        await _until_somebody_waits(database)
        await ADD.execute(connection, event="evt_a", envelope=b"")
    assert counted == [1]


async def test_a_savepoint_undoes_its_block_only(database: Database) -> None:
    async def add_and_fail(connection: AsyncConnection) -> None:
        async with savepoint(connection):
            await ADD.execute(connection, event="evt_c", envelope=b"")
            raise ZeroDivisionError

    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        with pytest.raises(ZeroDivisionError):
            async with savepoint(connection):
                raise ZeroDivisionError
        await ADD.later(connection, event="evt_b", envelope=b"")
        with pytest.raises(ZeroDivisionError):
            await add_and_fail(connection)
        with pytest.raises(IntegrityError):
            async with savepoint(connection):
                await ADD.later(connection, event="evt_b", envelope=b"")
        async with savepoint(connection):
            await ADD.later(connection, event="evt_d", envelope=b"")
    assert await _stored(database) == ["evt_a", "evt_b", "evt_d"]


async def test_a_cancelled_statement_leaves_its_connection_usable(database: Database) -> None:
    sleep = Statement(sa.text("SELECT pg_sleep(30)"))
    async with database.transaction() as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sleep.execute(connection)
        await connection.rollback()
    async with database.transaction() as connection:
        await ADD.execute(connection, event="evt_a", envelope=b"")
    assert await _stored(database) == ["evt_a"]


async def test_statements_stay_prepared_after_a_rollback(database: Database) -> None:
    async def add(event: str) -> None:
        async with database.transaction() as connection:
            await ADD.execute(connection, event=event, envelope=b"")
            # psycopg prepares a statement that is executed six times.
            for _ in range(6):
                await connection.execute(COUNT)

    await add("evt_a")
    with pytest.raises(IntegrityError):
        await add("evt_a")
    await add("evt_b")
    assert await _stored(database) == ["evt_a", "evt_b"]


async def test_statements_at_once_are_executed_in_order_and_return_their_own_rows(database: Database) -> None:
    async def add_and_count(connection: AsyncConnection, event: str) -> int:
        await ADD.later(connection, event=event, envelope=b"")
        return int((await Statement(COUNT).execute(connection)).one()[0])

    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        counts = await at_once(
            connection,
            add_and_count(connection, "evt_b"),
            add_and_count(connection, "evt_c"),
            add_and_count(connection, "evt_d"),
        )
    assert counts == (2, 3, 4)
    assert await _stored(database) == ["evt_a", "evt_b", "evt_c", "evt_d"]


async def test_at_once_waits_for_a_lock_that_its_first_coroutine_takes(database: Database) -> None:
    lock = Statement(sa.text("SELECT pg_advisory_xact_lock(17)"))
    locked = asyncio.Event()
    counted = []

    async def wait() -> None:
        await locked.wait()
        async with database.transaction() as connection:
            _, count = await at_once(connection, lock.execute(connection), Statement(COUNT).execute(connection))
            counted.append(count.one()[0])

    async with asyncio.TaskGroup() as tasks, database.transaction() as connection:
        await lock.execute(connection)
        tasks.create_task(wait())
        locked.set()
        await _until_somebody_waits(database)
        await ADD.execute(connection, event="evt_a", envelope=b"")
    assert counted == [1]


async def test_at_once_raises_when_all_have_ended(database: Database) -> None:
    ended = []

    async def fail(connection: AsyncConnection) -> None:
        await Statement(sa.text("SELECT 1 / 0")).execute(connection)

    async def go_on(connection: AsyncConnection) -> None:
        try:
            await Statement(COUNT).execute(connection)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(DBAPIError, match="division by zero"):
        async with database.transaction() as connection:
            await at_once(connection, fail(connection), go_on(connection))
    assert ended
    async with database.transaction() as connection:
        await ADD.execute(connection, event="evt_a", envelope=b"")
    assert await _stored(database) == ["evt_a"]
