"""The queries by which clips get their turn at a provider."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.hot_reads import HotConnection, hot_query
from services.runtime.statements import Statement
from services.shared.clips.domain import Clip, ClipStatus
from services.shared.clips.table import ClipTable, clip_columns, clip_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of a provider. `local` means that speech is made on the machine of tts."""

    id: str
    max_concurrency: int
    local: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The clips of a provider that are at a status, pending or in flight."""

    provider: str
    status: ClipStatus
    clips: int
    since: datetime
    """When the first of them was asked for or, while it is pending, began to wait."""


SHARE_DURATION = timedelta(seconds=30)
"""How long a share counts that no later answer confirms, so that a lost answer keeps nobody waiting for longer."""


class QueueStore(Protocol):
    """What the dispatcher asks of the database."""

    async def learn(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        """Notes what a provider was at a time, unless something later is known; returns whether anything is different
        now."""

    async def waited_for(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        """Returns those of the providers that clips wait for."""

    async def unfinished(self, connection: AsyncConnection) -> Sequence[Unfinished]:
        """Returns what has not ended, by provider and status."""

    async def release(
        self,
        connection: AsyncConnection,
        provider: str,
        at: datetime,
        *,
        unknown_concurrency: int,
        local_lookahead: int,
        share: int | None = None,
    ) -> Sequence[Clip]:
        """Makes pending clips synthesizing, as many as the provider has free slots, and wakes who watches their runs.

        `share` is how many slots tts has just told the user to be its own. It is noted, and counts until the next one,
        but no longer than SHARE_DURATION. Without a share all slots of the provider count. Whose turn it is says the
        user's `ClipTable.turns`. Releases of one provider follow one another. Clips that somebody else holds are passed
        over, so that no lock is waited for but that of the provider.
        """


_LOCK = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), 0)))
)


class SqlQueueStore:
    """The store over the tables of one user in PostgreSQL."""

    def __init__(self, table: ClipTable) -> None:
        self._table = table
        rows, pending = table.rows.c, _at(table, ClipStatus.PENDING)
        asked = sa.func.unnest(sa.bindparam("providers", type_=sa.ARRAY(sa.Text))).column_valued("asked")
        self._waited_for = hot_query(sa.select(asked).where(sa.exists().where(rows.provider == asked, pending)))
        some = sa.select(rows.provider, rows.status, sa.func.count(), sa.func.min(rows.requested_at))
        some = some.group_by(rows.provider, rows.status)
        # Two parts, since each has an index of its own.
        in_flight = _at(table, ClipStatus.SYNTHESIZING, ClipStatus.SCORING)
        self._unfinished = some.where(pending).union_all(some.where(in_flight))
        self._release = Statement(_releasing(table))

    async def learn(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        known = self._table.providers.c
        added = insert(self._table.providers).values(
            id=provider.id, max_concurrency=provider.max_concurrency, local=provider.local, updated_at=at
        )
        before = sa.select(known.max_concurrency, known.local).where(known.id == provider.id)
        row = (await connection.execute(before)).one_or_none()
        new = added.excluded
        result = await connection.execute(
            added.on_conflict_do_update(
                index_elements=[known.id],
                set_={"max_concurrency": new.max_concurrency, "local": new.local, "updated_at": new.updated_at},
                where=known.updated_at < new.updated_at,
            ).returning(known.id)
        )
        written = result.first() is not None
        return written and (row is None or tuple(row) != (provider.max_concurrency, provider.local))

    async def waited_for(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        return [row[0] for row in await connection.rows(self._waited_for, {"providers": list(providers)})]

    async def unfinished(self, connection: AsyncConnection) -> Sequence[Unfinished]:
        return [
            Unfinished(provider, ClipStatus(status), clips, since)
            for provider, status, clips, since in await connection.execute(self._unfinished)
        ]

    async def release(
        self,
        connection: AsyncConnection,
        provider: str,
        at: datetime,
        *,
        unknown_concurrency: int,
        local_lookahead: int,
        share: int | None = None,
    ) -> Sequence[Clip]:
        # A statement of its own: what the next one sees is from after the lock.
        await _LOCK.execute(connection, name=f"voicearena {self._table.rows.name} at {provider}")
        rows = await self._release.execute(
            connection,
            of_provider=provider,
            at=at,
            unknown_concurrency=unknown_concurrency,
            local_lookahead=local_lookahead,
            told_share=share,
            share_end=at + SHARE_DURATION,
        )
        return [clip_from(row[:-2]) for row in sorted(rows, key=lambda row: (row.turn, row.id))]


def _at(table: ClipTable, *statuses: ClipStatus) -> "sa.ColumnElement[bool]":
    """Tells whether a clip is at one of these statuses, in the words of the indexes over them."""
    return table.rows.c.status.in_([sa.literal_column(f"'{status}'") for status in statuses])


def _releasing(table: ClipTable) -> "sa.Select[Any]":
    rows = table.rows.c
    of_provider, at = sa.bindparam("of_provider", type_=sa.Text), sa.bindparam("at", type_=sa.DateTime(timezone=True))
    told = sa.bindparam("told_share", type_=sa.Integer)
    free = sa.select(_free_slots(table, of_provider, told, at).label("slots")).cte("free")
    turns = sa.text(table.turns).columns(sa.column("id", sa.Text)).add_cte(free).cte("turns")
    released = (
        sa.update(table.rows)
        .where(rows.id == turns.c.id, table.run_id == table.run)
        .values(status=ClipStatus.SYNTHESIZING.value, attempts=rows.attempts + 1, requested_at=at, released_at=at)
        .returning(*clip_columns(table), table.order.label("turn"))
        .cte("released")
    )
    query = sa.select(*released.c, sa.func.pg_notify(table.channel, released.c.run_id))
    return query.add_cte(_share_noted(table, of_provider, told).cte("noted"))


def _share_noted(table: ClipTable, of_provider: "sa.ColumnElement[Any]", told: "sa.ColumnElement[Any]") -> sa.Update:
    """Notes the share that was told. A user that is alone at the provider has all slots, which is no share, so that
    nothing is written for it."""
    known = table.providers.c
    smaller = told < known.max_concurrency
    until = sa.bindparam("share_end", type_=sa.DateTime(timezone=True))
    return (
        sa.update(table.providers)
        .where(known.id == of_provider, told.is_not(None), sa.or_(smaller, known.share.is_not(None)))
        .values(share=sa.case((smaller, told)), shared_until=until)
    )


def _free_slots(
    table: ClipTable, of_provider: "sa.ColumnElement[Any]", told: "sa.ColumnElement[Any]", at: "sa.ColumnElement[Any]"
) -> "sa.ColumnElement[Any]":
    """Returns how many more requests the provider may be given."""
    known, rows = table.providers.c, table.rows.c
    share = sa.func.coalesce(told, sa.case((known.shared_until > at, known.share)))
    lookahead = sa.case((known.local, sa.bindparam("local_lookahead", type_=sa.Integer)), else_=0)
    limit = (
        sa.select(sa.func.least(known.max_concurrency, share) + lookahead)
        .where(known.id == of_provider)
        .scalar_subquery()
    )
    unknown = sa.bindparam("unknown_concurrency", type_=sa.Integer)
    at_provider = sa.select(sa.func.count()).where(rows.provider == of_provider, _at(table, ClipStatus.SYNTHESIZING))
    return sa.func.greatest(0, sa.func.coalesce(limit.scalar_subquery(), unknown) - at_provider.scalar_subquery())
