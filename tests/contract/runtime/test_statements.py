"""Statements that are compiled once say what they would have said, and belong to the caller's transaction."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from services.runtime.statements import Statement

ADDING = (
    sa.insert(OUTBOX)
    .values(id=sa.bindparam("event"), subject="a subject", envelope=sa.bindparam("envelope"))
    .returning(OUTBOX.c.id, OUTBOX.c.subject, OUTBOX.c.envelope)
    .cte("added")
)
ADD = Statement(sa.select(ADDING))
COUNT = sa.select(sa.func.count()).select_from(OUTBOX)


async def test_values_go_in_and_come_back_and_constants_stay(database: Database) -> None:
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


async def test_what_breaks_the_transaction_takes_it_back(database: Database) -> None:
    async def add_and_break() -> None:
        async with database.transaction() as connection:
            await ADD.execute(connection, event="evt_a", envelope=b"")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_break()
    async with database.reading() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 0


async def test_a_value_that_is_missing_is_an_error(database: Database) -> None:
    async with database.transaction() as connection:
        with pytest.raises(StatementError):
            await ADD.execute(connection, event="evt_a")


async def test_one_statement_serves_many_connections(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.transaction() as connection:
            await ADD.execute(connection, event=f"evt_{number}", envelope=b"")

    await asyncio.gather(*(add(number) for number in range(20)))
    async with database.reading() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 20
