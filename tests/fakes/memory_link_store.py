"""The store of listening links in memory."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.listening.domain import Link
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_database import table


class MemoryLinkStore:
    """Implements `services.experiments.listening.store.LinkStore` over a MemoryDatabase."""

    async def add(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        requests = table(connection, "listening_requests")
        request = (link.experiment_id, request_id)
        if request_id and request in requests:
            return False
        if request_id:
            requests[request] = link.id, fingerprint
        table(connection, "listening_links")[link.id] = link
        return True

    async def of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> EarlierRequest[Link] | None:
        link_id, fingerprint = table(connection, "listening_requests").get((experiment_id, request_id), ("", None))
        link = table(connection, "listening_links").get(link_id)
        return EarlierRequest(link, fingerprint, link.created_at) if link else None

    async def get(self, connection: AsyncConnection, link_id: str) -> Link | None:
        return table(connection, "listening_links").get(link_id)

    async def page(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        found = [
            link
            for link in table(connection, "listening_links").values()
            if link.experiment_id == experiment_id and (after is None or _place(link) < after)
        ]
        return sorted(found, key=_place, reverse=True)[:limit]

    async def revoke(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        links = table(connection, "listening_links")
        if link_id not in links:
            return None
        link: Link = links[link_id]
        links[link_id] = link = dataclasses.replace(link, revoked_at=link.revoked_at or at)
        return link


def _place(link: Link) -> tuple[datetime, str]:
    return link.created_at, link.id
