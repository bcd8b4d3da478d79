"""All queries of listening links."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.listening.domain import Link
from services.runtime.request_ids import EarlierRequest

_MOMENT = sa.DateTime(timezone=True)
LINKS = sa.Table(
    "listening_links",
    sa.MetaData(),
    sa.Column("id", sa.Text),
    sa.Column("experiment_id", sa.Text),
    sa.Column("developer_id", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("expires_at", _MOMENT),
    sa.Column("revoked_at", _MOMENT),
    sa.Column("created_at", _MOMENT),
    sa.Column("max_listeners_per_address", sa.Integer),
)
_L = LINKS.c
_COLUMNS = [_L[f.name] for f in dataclasses.fields(Link)]


class LinkStore(Protocol):
    """The queries of listening links. Each method runs in the connection's transaction, if it has one."""

    async def add(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        """Adds a link. Returns False if the experiment already has a link with this request_id."""

    async def of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> EarlierRequest[Link] | None:
        """Returns the link that an earlier request with this request_id created."""

    async def get(self, connection: AsyncConnection, link_id: str) -> Link | None:
        """Returns a link."""

    async def page(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        """Returns an experiment's links, newest first."""

    async def revoke(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        """Revokes a link and returns it. A link that was revoked before keeps its time."""


class SqlLinkStore:
    """Implements LinkStore over PostgreSQL."""

    async def add(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        result = await connection.execute(
            insert(LINKS)
            .values(
                **dataclasses.asdict(link),
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
            )
            .on_conflict_do_nothing(constraint="listening_links_request")
            .returning(_L.id)
        )
        return result.first() is not None

    async def of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> EarlierRequest[Link] | None:
        query = sa.select(*_COLUMNS, _L.request_fingerprint)
        query = query.where(_L.experiment_id == experiment_id, _L.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(_link(row[:-1]), row[-1], row.created_at) if row else None

    async def get(self, connection: AsyncConnection, link_id: str) -> Link | None:
        row = (await connection.execute(sa.select(*_COLUMNS).where(_L.id == link_id))).one_or_none()
        return _link(row) if row else None

    async def page(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        query = sa.select(*_COLUMNS).where(_L.experiment_id == experiment_id)
        if after is not None:
            query = query.where(sa.tuple_(_L.created_at, _L.id) < sa.tuple_(*after))
        query = query.order_by(_L.created_at.desc(), _L.id.desc()).limit(limit)
        return [_link(row) for row in await connection.execute(query)]

    async def revoke(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        values = {_L.revoked_at: sa.func.coalesce(_L.revoked_at, at)}
        change = sa.update(LINKS).where(_L.id == link_id).values(values).returning(*_COLUMNS)
        row = (await connection.execute(change)).one_or_none()
        return _link(row) if row else None


def _link(row: Sequence[Any]) -> Link:
    return Link(**dict(zip((c.name for c in _COLUMNS), row, strict=True)))
