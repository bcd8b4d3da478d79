"""The queries for uploaded recordings: which are to be deleted, because nothing needs them any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.tables import COLUMNS, EVALUATIONS, UNUSED, evaluation_from

_E, _U = EVALUATIONS.c, UNUSED.c


class RecordingStore(Protocol):
    """The storage of recordings to delete. Each method runs in the connection's transaction, if it has one."""

    async def audio_due(self, connection: AsyncConnection, ended_before: datetime, limit: int) -> Sequence[Evaluation]:
        """Returns and locks evaluations that ended before a time and have uploaded audio. Skips locked ones."""

    async def forget_audio(self, connection: AsyncConnection, names: Sequence[str], at: datetime) -> None:
        """Records of all evaluations of the recordings that these are deleted."""

    async def expect_unused(self, connection: AsyncConnection, names: Sequence[str], delete_at: datetime) -> None:
        """Lists recordings that are to be deleted at a time unless they are used first. The latest time counts."""

    async def use(self, connection: AsyncConnection, name: str) -> bool:
        """Takes a recording off that list. Returns False if it was not on it."""

    async def unused_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        """Returns and locks recordings whose time has come. Skips locked ones."""

    async def forget_unused(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        """Takes recordings off the list, because they are deleted."""


class SqlRecordingStore:
    """The store in PostgreSQL."""

    async def audio_due(self, connection: AsyncConnection, ended_before: datetime, limit: int) -> Sequence[Evaluation]:
        query = (
            sa.select(*COLUMNS)
            .where(_E.uploaded, _E.audio_deleted_at.is_(None), _E.completed_at < ended_before)
            .order_by(_E.completed_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [evaluation_from(row) for row in await connection.execute(query)]

    async def forget_audio(self, connection: AsyncConnection, names: Sequence[str], at: datetime) -> None:
        await connection.execute(sa.update(EVALUATIONS).where(_E.audio_name.in_(names)).values(audio_deleted_at=at))

    async def expect_unused(self, connection: AsyncConnection, names: Sequence[str], delete_at: datetime) -> None:
        if names:
            adding = insert(UNUSED)
            adding = adding.on_conflict_do_update(
                index_elements=[_U.name], set_={"delete_at": adding.excluded.delete_at}
            )
            await connection.execute(adding, [{"name": name, "delete_at": delete_at} for name in names])

    async def use(self, connection: AsyncConnection, name: str) -> bool:
        found = await connection.execute(sa.delete(UNUSED).where(_U.name == name).returning(_U.name))
        return found.first() is not None

    async def unused_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        query = sa.select(_U.name).where(_U.delete_at <= now).order_by(_U.delete_at).limit(limit)
        return (await connection.execute(query.with_for_update(skip_locked=True))).scalars().all()

    async def forget_unused(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        await connection.execute(sa.delete(UNUSED).where(_U.name.in_(names)))
