"""Statements that are compiled once give the same results, in the caller's transaction."""

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
