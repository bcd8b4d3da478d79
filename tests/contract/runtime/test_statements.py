"""Statements that are compiled once give the same results, in the caller's transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from services.runtime.pipeline import PsycopgPipeline, Rows
from services.runtime.statements import Statement, at_once, savepoint, together

ADDING = (
    sa.insert(OUTBOX)
    .values(id=sa.bindparam("event"), subject="a subject", envelope=sa.bindparam("envelope"))
    .returning(OUTBOX.c.id, OUTBOX.c.subject, OUTBOX.c.envelope)
    .cte("added")
)
ADD = Statement(sa.select(ADDING))
COUNT = sa.select(sa.func.count()).select_from(OUTBOX)
LOCK = Statement(sa.text("SELECT pg_advisory_xact_lock(7)"))


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


async def _lock_then_count(connection: AsyncConnection) -> Rows:
    await LOCK.later(connection)
    return await Statement(COUNT).execute(connection)


async def _lock_and_count_at_once(connection: AsyncConnection) -> Rows:
    _, count = await at_once(connection, LOCK.execute(connection), Statement(COUNT).execute(connection))
    return count


@pytest.mark.parametrize("count", [_lock_then_count, _lock_and_count_at_once])
async def test_a_statement_sent_with_a_lock_sees_what_its_holder_has_written(
    database: Database, count: Callable[[AsyncConnection], Awaitable[Rows]]
) -> None:
    locked, counted = asyncio.Event(), []

    async def wait() -> None:
        await locked.wait()
        async with database.transaction() as connection:
            counted.append((await count(connection)).one()[0])

    async with asyncio.TaskGroup() as tasks, database.transaction() as connection:
        await LOCK.execute(connection)
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


async def test_what_waits_in_the_last_savepoint_is_sent_with_the_commit_once_the_rest_was_sent(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        async with savepoint(connection, last=True):
            await ADD.execute(connection, event="evt_a", envelope=b"")
            await ADD.later(connection, event="evt_b", envelope=b"")
        assert await _stored(database) == []
    assert await _stored(database) == ["evt_a", "evt_b"]


@pytest.mark.parametrize("sent_before", [False, True])
async def test_the_last_savepoint_undoes_its_block_too(database: Database, *, sent_before: bool) -> None:
    async def add_twice(connection: AsyncConnection) -> None:
        async with savepoint(connection, last=True):
            if sent_before:
                await ADD.execute(connection, event="evt_b", envelope=b"")
            await ADD.later(connection, event="evt_c", envelope=b"")
            # Where nothing was sent before, the error comes at the end of the block.
            await (ADD.execute if sent_before else ADD.later)(connection, event="evt_c", envelope=b"")

    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        with pytest.raises(IntegrityError):
            await add_twice(connection)
        await ADD.later(connection, event="evt_d", envelope=b"")
    assert await _stored(database) == ["evt_a", "evt_d"]


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


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[PsycopgPipeline]:
    """A list that gets the pipeline of each round trip."""
    made: list[PsycopgPipeline] = []
    send = PsycopgPipeline._send

    async def counting(self: PsycopgPipeline, *, commits: bool) -> list[Any]:
        made.append(self)
        return await send(self, commits=commits)

    monkeypatch.setattr(PsycopgPipeline, "_send", counting)
    return made


async def test_waiting_statements_need_no_round_trip_of_their_own(
    database: Database, round_trips: list[PsycopgPipeline]
) -> None:
    async with database.transaction() as connection:
        await ADD.later(connection, event="evt_a", envelope=b"")
        await ADD.execute(connection, event="evt_b", envelope=b"")
        assert len(round_trips) == 1
        await ADD.later(connection, event="evt_c", envelope=b"")
    assert len(round_trips) == 2


async def test_rows_that_are_needed_after_the_commit_take_no_round_trip(
    database: Database, round_trips: list[PsycopgPipeline]
) -> None:
    async with database.transaction() as connection:
        before = await Statement(COUNT).read_later(connection)
        await ADD.later(connection, event="evt_a", envelope=b"")
        after = await Statement(COUNT).read_later(connection)
        with pytest.raises(AssertionError, match="not executed yet"):
            _ = before.rows
    assert len(round_trips) == 1
    assert [each.rows.one()[0] for each in (before, after)] == [0, 1]
    async with database.reading() as connection:
        assert (await Statement(COUNT).read_later(connection)).rows.one()[0] == 1


async def test_statements_at_once_are_executed_in_order_and_return_their_own_rows(
    database: Database, round_trips: list[PsycopgPipeline]
) -> None:
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
        assert len(round_trips) == 1
    assert counts == (2, 3, 4)
    assert await _stored(database) == ["evt_a", "evt_b", "evt_c", "evt_d"]


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
