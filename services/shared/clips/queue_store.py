"""The queries for the queues of clips at providers."""

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
    """What the dispatcher knows about a provider. `local` is True for an engine on the machine of tts."""

    id: str
    max_concurrency: int
    local: bool


@dataclass(frozen=True, slots=True)
class UnfinishedClips:
    """The number of clips of one provider in one status: pending, synthesizing or scoring."""

    provider: str
    status: ClipStatus
    clips: int
    since: datetime
    """When the oldest of them was requested. For pending clips: when it began to wait."""


SHARE_DURATION = timedelta(seconds=30)
"""How long a share applies without confirmation by a later result. It limits the effect of a lost result."""


class QueueStore(Protocol):
    """The storage of the queues of clips. Each method runs in the transaction of `connection`, if it has one."""

    async def record_provider(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        """Stores what a provider was at this time, unless something later is stored.

        Returns whether its capacity or `local` has changed.
        """

    async def with_pending_clips(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        """Returns those of the providers that have pending clips."""

    async def unfinished(self, connection: AsyncConnection) -> Sequence[UnfinishedClips]:
        """Returns the numbers of unfinished clips by provider and status."""

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
        """Changes pending clips to SYNTHESIZING, one for each free slot of the provider, and notifies their watchers.

        `share` is the number of slots that tts has just assigned to this service. It is stored and applies until the
        next one arrives, for SHARE_DURATION at most. Without a share, all slots of the provider are available.
        `unknown_concurrency` is the number of slots of an unknown provider, `local_lookahead` the number of extra slots
        of a local one.

        `ClipTable.turns` chooses the clips. Releases at one provider happen one after another. Clips that another
        transaction has locked are skipped, so the only lock to wait for is that of the provider.
        """


_LOCK = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), 0)))
)


class SqlQueueStore:
    """The store over the tables of one user in PostgreSQL."""

    def __init__(self, table: ClipTable) -> None:
        self._table = table
        rows, pending = table.rows.c, _at(table, ClipStatus.PENDING)
        candidate = sa.func.unnest(sa.bindparam("providers", type_=sa.ARRAY(sa.Text))).column_valued("candidate")
        self._with_pending_clips = hot_query(
            sa.select(candidate).where(sa.exists().where(rows.provider == candidate, pending))
        )
        counted = sa.select(rows.provider, rows.status, sa.func.count(), sa.func.min(rows.requested_at))
        counted = counted.group_by(rows.provider, rows.status)
        # Two queries, because each has its own index.
        in_flight = _at(table, ClipStatus.SYNTHESIZING, ClipStatus.SCORING)
        self._unfinished = counted.where(pending).union_all(counted.where(in_flight))
        self._release = Statement(_releasing(table))

    async def record_provider(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
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

    async def with_pending_clips(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        return [row[0] for row in await connection.rows(self._with_pending_clips, {"providers": list(providers)})]

    async def unfinished(self, connection: AsyncConnection) -> Sequence[UnfinishedClips]:
        return [
            UnfinishedClips(provider, ClipStatus(status), clips, since)
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
        # A separate statement, so that the next one sees what was committed before the lock was granted.
        await _LOCK.execute(connection, name=f"voicearena {self._table.rows.name} at {provider}")
        rows = await self._release.execute(
            connection,
            of_provider=provider,
            at=at,
            unknown_concurrency=unknown_concurrency,
            local_lookahead=local_lookahead,
            reported_share=share,
            share_end=at + SHARE_DURATION,
        )
        return [clip_from(row[:-2]) for row in sorted(rows, key=lambda row: (row.turn, row.id))]


def _at(table: ClipTable, *statuses: ClipStatus) -> "sa.ColumnElement[bool]":
    """Returns the condition that a clip has one of these statuses, written as in the partial indexes."""
    return table.rows.c.status.in_([sa.literal_column(f"'{status}'") for status in statuses])


def _releasing(table: ClipTable) -> "sa.Select[Any]":
    rows = table.rows.c
    of_provider, at = sa.bindparam("of_provider", type_=sa.Text), sa.bindparam("at", type_=sa.DateTime(timezone=True))
    share = sa.bindparam("reported_share", type_=sa.Integer)
    free = sa.select(_free_slots(table, of_provider, share, at).label("slots")).cte("free")
    turns = sa.text(table.turns).columns(sa.column("id", sa.Text)).add_cte(free).cte("turns")
    released = (
        sa.update(table.rows)
        .where(rows.id == turns.c.id, table.run_id == table.run)
        .values(status=ClipStatus.SYNTHESIZING.value, attempts=rows.attempts + 1, requested_at=at, released_at=at)
        .returning(*clip_columns(table), table.order.label("turn"))
        .cte("released")
    )
    query = sa.select(*released.c, sa.func.pg_notify(table.channel, released.c.run_id))
    return query.add_cte(_store_share(table, of_provider, share).cte("stored_share"))


def _store_share(table: ClipTable, of_provider: "sa.ColumnElement[Any]", share: "sa.ColumnElement[Any]") -> sa.Update:
    """Returns the statement that stores the share. A share of all slots is stored as none, and not written at all if
    none is stored."""
    known = table.providers.c
    smaller = share < known.max_concurrency
    until = sa.bindparam("share_end", type_=sa.DateTime(timezone=True))
    return (
        sa.update(table.providers)
        .where(known.id == of_provider, share.is_not(None), sa.or_(smaller, known.share.is_not(None)))
        .values(share=sa.case((smaller, share)), shared_until=until)
    )


def _free_slots(
    table: ClipTable, of_provider: "sa.ColumnElement[Any]", share: "sa.ColumnElement[Any]", at: "sa.ColumnElement[Any]"
) -> "sa.ColumnElement[Any]":
    """Returns the number of further requests that the provider may receive."""
    known, rows = table.providers.c, table.rows.c
    share = sa.func.coalesce(share, sa.case((known.shared_until > at, known.share)))
    lookahead = sa.case((known.local, sa.bindparam("local_lookahead", type_=sa.Integer)), else_=0)
    limit = (
        sa.select(sa.func.least(known.max_concurrency, share) + lookahead)
        .where(known.id == of_provider)
        .scalar_subquery()
    )
    unknown = sa.bindparam("unknown_concurrency", type_=sa.Integer)
    at_provider = sa.select(sa.func.count()).where(rows.provider == of_provider, _at(table, ClipStatus.SYNTHESIZING))
    return sa.func.greatest(0, sa.func.coalesce(limit.scalar_subquery(), unknown) - at_provider.scalar_subquery())
