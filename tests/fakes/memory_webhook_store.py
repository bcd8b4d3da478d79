"""The store of webhooks in memory."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.webhooks.claiming import Claim, Limits
from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus, WebhookEndpoint
from services.experiments.webhooks.store import Cursor, LoggedDelivery
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_database import table


class MemoryWebhookStore:
    """Implements `services.experiments.webhooks.store.WebhookStore` over a MemoryDatabase."""

    async def add_endpoint(
        self,
        connection: AsyncConnection,
        endpoint: WebhookEndpoint,
        *,
        request_id: str = "",
        fingerprint: bytes | None = None,
        made_by: str = "",
    ) -> bool:
        endpoints, requests = table(connection, "webhook_endpoints"), table(connection, "webhook_requests")
        owner = endpoint.developer_id
        made = await self.endpoint_of_request(connection, owner, request_id) if request_id else None
        if made or await self.endpoint_at(connection, owner, endpoint.url):
            return False
        if request_id:
            requests[owner, request_id] = endpoint.id, fingerprint
        if made_by:
            table(connection, "untold")[endpoint.id] = made_by
        endpoints[endpoint.id] = endpoint
        return True

    async def endpoint(
        self, connection: AsyncConnection, endpoint_id: str, *, lock: bool = False, keep: bool = False
    ) -> WebhookEndpoint | None:
        return table(connection, "webhook_endpoints").get(endpoint_id)

    async def endpoint_at(
        self, connection: AsyncConnection, developer_id: str, url: str, *, keep: bool = False
    ) -> WebhookEndpoint | None:
        found = table(connection, "webhook_endpoints").values()
        return next((e for e in found if (e.developer_id, e.url) == (developer_id, url)), None)

    async def endpoint_of_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[WebhookEndpoint] | None:
        endpoint_id, fingerprint = table(connection, "webhook_requests").get((developer_id, request_id), ("", None))
        endpoint = table(connection, "webhook_endpoints").get(endpoint_id)
        return EarlierRequest(endpoint, fingerprint, endpoint.created_at) if endpoint else None

    async def endpoints(
        self, connection: AsyncConnection, developer_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[WebhookEndpoint]:
        found = [e for e in table(connection, "webhook_endpoints").values() if e.developer_id == developer_id]
        return _newest_first(found, after, limit)

    async def count_endpoints(self, connection: AsyncConnection, developer_id: str) -> int:
        return sum(e.developer_id == developer_id for e in table(connection, "webhook_endpoints").values())

    async def show_secret(self, connection: AsyncConnection, experiment_id: str, url: str) -> WebhookEndpoint | None:
        untold = table(connection, "untold")
        for endpoint_id, maker in list(untold.items()):
            endpoint = table(connection, "webhook_endpoints").get(endpoint_id)
            if endpoint is not None and (maker, endpoint.url) == (experiment_id, url):
                del untold[endpoint_id]
                return endpoint
        return None

    async def rotate(
        self, connection: AsyncConnection, endpoint_id: str, secret: bytes, at: datetime, old_until: datetime | None
    ) -> WebhookEndpoint:
        endpoints = table(connection, "webhook_endpoints")
        endpoints[endpoint_id] = dataclasses.replace(
            endpoints[endpoint_id],
            secret=secret,
            old_secret=endpoints[endpoint_id].secret if old_until else None,
            old_secret_expires_at=old_until,
            secret_rotated_at=at,
        )
        return cast(WebhookEndpoint, endpoints[endpoint_id])

    async def enable(self, connection: AsyncConnection, endpoint_id: str) -> WebhookEndpoint:
        endpoints = table(connection, "webhook_endpoints")
        endpoints[endpoint_id] = dataclasses.replace(endpoints[endpoint_id], disabled_reason="", paused_until=None)
        return cast(WebhookEndpoint, endpoints[endpoint_id])

    async def disable(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        endpoints = table(connection, "webhook_endpoints")
        if (endpoint := endpoints.get(endpoint_id)) is not None and not endpoint.disabled_reason:
            endpoints[endpoint_id] = dataclasses.replace(endpoint, disabled_reason=reason)

    async def pause(self, connection: AsyncConnection, endpoint_id: str, until: datetime) -> None:
        endpoints = table(connection, "webhook_endpoints")
        if (endpoint := endpoints.get(endpoint_id)) is not None:
            longest = max(until, endpoint.paused_until or until)
            endpoints[endpoint_id] = dataclasses.replace(endpoint, paused_until=longest)

    async def resume(self, connection: AsyncConnection, endpoint_id: str) -> None:
        endpoints = table(connection, "webhook_endpoints")
        if (endpoint := endpoints.get(endpoint_id)) is not None:
            endpoints[endpoint_id] = dataclasses.replace(endpoint, paused_until=None)

    async def delete_endpoint(self, connection: AsyncConnection, endpoint_id: str) -> None:
        table(connection, "webhook_endpoints").pop(endpoint_id, None)

    async def give_up(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        deliveries = table(connection, "webhook_deliveries")
        for delivery in list(deliveries.values()):
            if delivery.endpoint_id == endpoint_id and _due_at(delivery) is not None:
                idle = dataclasses.replace(delivery, next_attempt_at=None, asked_at=None)
                if delivery.status is DeliveryStatus.PENDING:
                    idle = dataclasses.replace(idle, status=DeliveryStatus.FAILED, error_message=reason)
                deliveries[delivery.id] = idle

    async def add_delivery(self, connection: AsyncConnection, delivery: Delivery) -> None:
        table(connection, "webhook_deliveries")[delivery.id] = delivery

    async def delivery(self, connection: AsyncConnection, delivery_id: str, *, lock: bool = False) -> Delivery | None:
        return table(connection, "webhook_deliveries").get(delivery_id)

    async def deliveries(
        self, connection: AsyncConnection, subject_type: str, subject_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[LoggedDelivery]:
        subject, deliveries = (subject_type, subject_id), table(connection, "webhook_deliveries").values()
        found = [d for d in deliveries if (d.subject_type, d.subject_id) == subject]
        return [(d, await self.attempts(connection, d.id)) for d in _newest_first(found, after, limit)]

    async def ask(self, connection: AsyncConnection, delivery_id: str, at: datetime) -> Delivery:
        deliveries = table(connection, "webhook_deliveries")
        deliveries[delivery_id] = dataclasses.replace(deliveries[delivery_id], asked_at=at)
        return cast(Delivery, deliveries[delivery_id])

    async def settle(self, connection: AsyncConnection, delivery: Delivery) -> None:
        table(connection, "webhook_deliveries")[delivery.id] = delivery

    async def add_attempt(self, connection: AsyncConnection, delivery_id: str, attempt: Attempt) -> None:
        attempts = table(connection, "webhook_attempts")
        attempts[delivery_id] = (*attempts.get(delivery_id, ()), attempt)

    async def attempts(self, connection: AsyncConnection, delivery_id: str) -> Sequence[Attempt]:
        return list(table(connection, "webhook_attempts").get(delivery_id, ()))

    async def claim(
        self, connection: AsyncConnection, at: datetime, until: datetime, leases: Sequence[str], limits: Limits
    ) -> Sequence[Claim]:
        deliveries, endpoints = table(connection, "webhook_deliveries"), table(connection, "webhook_endpoints")
        at_endpoint: Counter[str] = Counter()
        of_developer: Counter[str] = Counter()
        due = []
        for delivery in deliveries.values():
            endpoint, due_at = endpoints.get(delivery.endpoint_id), _due_at(delivery)
            if endpoint is None or due_at is None:
                continue
            if delivery.leased_until is not None and delivery.leased_until > at:
                at_endpoint[endpoint.id] += 1
                of_developer[endpoint.developer_id] += 1
            elif due_at <= at and (delivery.asked_at or endpoint.paused_until is None or endpoint.paused_until <= at):
                due.append((due_at, delivery.id))
        claims: list[Claim] = []
        for _, delivery_id in sorted(due):
            delivery = deliveries[delivery_id]
            endpoint = endpoints[delivery.endpoint_id]
            if at_endpoint[endpoint.id] < limits.per_endpoint and len(claims) < len(leases):
                at_endpoint[endpoint.id] += 1
                of_developer[endpoint.developer_id] += 1
                if of_developer[endpoint.developer_id] <= limits.per_developer:
                    claims.append(Claim.of(delivery, endpoint, leases[len(claims)], until))
                    deliveries[delivery_id] = claims[-1].delivery
        return claims

    async def release(self, connection: AsyncConnection, leases: Collection[str]) -> None:
        deliveries = table(connection, "webhook_deliveries")
        for delivery in list(deliveries.values()):
            if delivery.lease in leases:
                deliveries[delivery.id] = dataclasses.replace(delivery, lease=None, leased_until=None)

    async def longest_due(self, connection: AsyncConnection, at: datetime) -> datetime | None:
        found = (_due_at(delivery) for delivery in table(connection, "webhook_deliveries").values())
        return min((due_at for due_at in found if due_at is not None and due_at <= at), default=None)


def _due_at(delivery: Delivery) -> datetime | None:
    return delivery.asked_at or delivery.next_attempt_at


def _newest_first(found, after: Cursor | None, limit: int):  # type: ignore[no-untyped-def]
    ordered = sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)
    return [one for one in ordered if after is None or (one.created_at, one.id) < after][:limit]
