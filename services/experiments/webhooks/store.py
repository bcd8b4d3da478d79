"""All queries of webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.webhooks.claiming import LOCK_CLAIMS, Claim, Limits, claimable
from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus, WebhookEndpoint
from services.experiments.webhooks.tables import (
    ATTEMPT_COLUMNS,
    ATTEMPTS,
    DELIVERIES,
    DELIVERY_COLUMNS,
    ENDPOINT_COLUMNS,
    ENDPOINTS,
    attempt_from,
    delivery_from,
    endpoint_from,
    values_of,
)
from services.runtime.request_ids import EarlierRequest

_LOCK_COUNT = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_E, _D, _A = ENDPOINTS.c, DELIVERIES.c, ATTEMPTS.c

Cursor = tuple[datetime, str]
"""When the last row of a page was created, and its id."""

LoggedDelivery = tuple[Delivery, Sequence[Attempt]]
"""A delivery and its attempts, oldest first."""


class WebhookStore(Protocol):
    """The queries of webhooks. Code that locks an endpoint and its deliveries locks the endpoint first."""

    async def add_endpoint(
        self,
        connection: AsyncConnection,
        endpoint: WebhookEndpoint,
        *,
        request_id: str = "",
        fingerprint: bytes | None = None,
        made_by: str = "",
    ) -> bool:
        """Adds an endpoint. Returns False if its developer already has this URL or has used this request_id.

        `made_by` says what made the endpoint because of its webhook_url: the id of an experiment, or
        `usecases.maker_for_others`. The response that creates it shows the secret.
        """

    async def endpoint(
        self, connection: AsyncConnection, endpoint_id: str, *, lock: bool = False, keep: bool = False
    ) -> WebhookEndpoint | None:
        """Returns an endpoint.

        `lock` locks it for a change. `keep` only keeps others from changing it. Both last until the transaction ends.
        """

    async def endpoint_at(
        self, connection: AsyncConnection, developer_id: str, url: str, *, keep: bool = False
    ) -> WebhookEndpoint | None:
        """Returns a developer's endpoint with this URL. `keep` is as in `endpoint`."""

    async def endpoint_of_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[WebhookEndpoint] | None:
        """Returns the endpoint that an earlier request with this request_id created."""

    async def endpoints(
        self, connection: AsyncConnection, developer_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[WebhookEndpoint]:
        """Returns a developer's endpoints, newest first."""

    async def count_endpoints(self, connection: AsyncConnection, developer_id: str) -> int:
        """Returns the number of a developer's endpoints.

        Other transactions that count the same developer's endpoints wait until this transaction ends.
        """

    async def show_secret(self, connection: AsyncConnection, made_by: str, url: str) -> WebhookEndpoint | None:
        """Returns the endpoint that was made by this, but only for the first call: the secret is shown once."""

    async def rotate(
        self, connection: AsyncConnection, endpoint_id: str, secret: bytes, at: datetime, old_until: datetime | None
    ) -> WebhookEndpoint:
        """Gives an endpoint a new secret. The old secret also signs until `old_until`, or no longer if it is None."""

    async def enable(self, connection: AsyncConnection, endpoint_id: str) -> WebhookEndpoint:
        """Enables an endpoint and ends its pause."""

    async def disable(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        """Disables an endpoint. If it is disabled already, it keeps its reason."""

    async def pause(self, connection: AsyncConnection, endpoint_id: str, until: datetime) -> None:
        """Pauses an endpoint until this time or the end of its current pause, whichever is later."""

    async def resume(self, connection: AsyncConnection, endpoint_id: str) -> None:
        """Ends an endpoint's pause."""

    async def delete_endpoint(self, connection: AsyncConnection, endpoint_id: str) -> None:
        """Deletes an endpoint. Its deliveries stay."""

    async def give_up(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        """Gives up all outstanding deliveries to an endpoint."""

    async def add_delivery(self, connection: AsyncConnection, delivery: Delivery) -> None:
        """Adds a delivery."""

    async def delivery(self, connection: AsyncConnection, delivery_id: str, *, lock: bool = False) -> Delivery | None:
        """Returns a delivery. `lock` locks it until the transaction ends."""

    async def deliveries(
        self, connection: AsyncConnection, subject_type: str, subject_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[LoggedDelivery]:
        """Returns a subject's deliveries, newest first, with their attempts, all from one snapshot."""

    async def delete_deliveries(self, connection: AsyncConnection, subject_type: str, subject_id: str) -> None:
        """Deletes the deliveries about a subject, with their attempts."""

    async def ask(self, connection: AsyncConnection, delivery_id: str, at: datetime) -> Delivery:
        """Requests an attempt by hand and returns the delivery."""

    async def settle(self, connection: AsyncConnection, delivery: Delivery) -> None:
        """Stores the state of a delivery after an attempt."""

    async def add_attempt(self, connection: AsyncConnection, delivery_id: str, attempt: Attempt) -> None:
        """Adds an attempt."""

    async def attempts(self, connection: AsyncConnection, delivery_id: str) -> Sequence[Attempt]:
        """Returns a delivery's attempts, oldest first."""

    async def claim(
        self, connection: AsyncConnection, at: datetime, until: datetime, leases: Sequence[str], limits: Limits
    ) -> Sequence[Claim]:
        """Leases deliveries that are due and not leased, those due the longest first, at most one for each lease."""

    async def release(self, connection: AsyncConnection, leases: Collection[str]) -> None:
        """Releases the deliveries that still have these leases."""

    async def longest_due(self, connection: AsyncConnection, at: datetime) -> datetime | None:
        """Returns the due time of the delivery that has been due the longest, or None if none is due."""


class SqlWebhookStore:
    """Implements WebhookStore over PostgreSQL."""

    async def add_endpoint(
        self,
        connection: AsyncConnection,
        endpoint: WebhookEndpoint,
        *,
        request_id: str = "",
        fingerprint: bytes | None = None,
        made_by: str = "",
    ) -> bool:
        result = await connection.execute(
            insert(ENDPOINTS)
            .values(
                **values_of(endpoint),
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
                untold_experiment_id=made_by or None,
            )
            .on_conflict_do_nothing()
            .returning(_E.id)
        )
        return result.first() is not None

    async def endpoint(
        self, connection: AsyncConnection, endpoint_id: str, *, lock: bool = False, keep: bool = False
    ) -> WebhookEndpoint | None:
        return await _endpoint(connection, _E.id == endpoint_id, lock=lock, keep=keep)

    async def endpoint_at(
        self, connection: AsyncConnection, developer_id: str, url: str, *, keep: bool = False
    ) -> WebhookEndpoint | None:
        return await _endpoint(connection, _E.developer_id == developer_id, _E.url == url, keep=keep)

    async def endpoint_of_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[WebhookEndpoint] | None:
        query = sa.select(*ENDPOINT_COLUMNS, _E.request_fingerprint)
        query = query.where(_E.developer_id == developer_id, _E.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(endpoint_from(row[:-1]), row[-1], row.created_at) if row else None

    async def endpoints(
        self, connection: AsyncConnection, developer_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[WebhookEndpoint]:
        query = sa.select(*ENDPOINT_COLUMNS).where(_E.developer_id == developer_id)
        if after is not None:
            query = query.where(sa.tuple_(_E.created_at, _E.id) < sa.tuple_(*after))
        query = query.order_by(_E.created_at.desc(), _E.id.desc()).limit(limit)
        return [endpoint_from(row) for row in await connection.execute(query)]

    async def count_endpoints(self, connection: AsyncConnection, developer_id: str) -> int:
        await connection.execute(_LOCK_COUNT, {"name": f"voicearena webhook endpoints {developer_id}"})
        query = sa.select(sa.func.count()).select_from(ENDPOINTS).where(_E.developer_id == developer_id)
        return int((await connection.execute(query)).scalar_one())

    async def show_secret(self, connection: AsyncConnection, made_by: str, url: str) -> WebhookEndpoint | None:
        result = await connection.execute(
            sa.update(ENDPOINTS)
            .where(_E.url == url, _E.untold_experiment_id == made_by)
            .values(untold_experiment_id=None)
            .returning(*ENDPOINT_COLUMNS)
        )
        row = result.one_or_none()
        return endpoint_from(row) if row else None

    async def rotate(
        self, connection: AsyncConnection, endpoint_id: str, secret: bytes, at: datetime, old_until: datetime | None
    ) -> WebhookEndpoint:
        old: dict[str, Any] = {"old_secret": _E.secret if old_until else None, "old_secret_expires_at": old_until}
        return await _changed(connection, endpoint_id, secret=secret, secret_rotated_at=at, **old)

    async def enable(self, connection: AsyncConnection, endpoint_id: str) -> WebhookEndpoint:
        return await _changed(connection, endpoint_id, disabled_reason="", paused_until=None)

    async def disable(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        enabled = sa.and_(_E.id == endpoint_id, _E.disabled_reason == "")
        await connection.execute(sa.update(ENDPOINTS).where(enabled).values(disabled_reason=reason))

    async def pause(self, connection: AsyncConnection, endpoint_id: str, until: datetime) -> None:
        longest = sa.func.greatest(_E.paused_until, until)
        await connection.execute(sa.update(ENDPOINTS).where(_E.id == endpoint_id).values(paused_until=longest))

    async def resume(self, connection: AsyncConnection, endpoint_id: str) -> None:
        await connection.execute(sa.update(ENDPOINTS).where(_E.id == endpoint_id).values(paused_until=None))

    async def delete_endpoint(self, connection: AsyncConnection, endpoint_id: str) -> None:
        await connection.execute(sa.delete(ENDPOINTS).where(_E.id == endpoint_id))

    async def give_up(self, connection: AsyncConnection, endpoint_id: str, reason: str) -> None:
        pending = _D.status == DeliveryStatus.PENDING
        await connection.execute(
            sa.update(DELIVERIES)
            .where(_D.endpoint_id == endpoint_id, _D.due_at.is_not(None))
            .values(
                status=sa.case((pending, DeliveryStatus.FAILED), else_=_D.status),
                error_message=sa.case((pending, reason), else_=_D.error_message),
                next_attempt_at=None,
                asked_at=None,
            )
        )

    async def add_delivery(self, connection: AsyncConnection, delivery: Delivery) -> None:
        await connection.execute(sa.insert(DELIVERIES).values(**values_of(delivery)))

    async def delivery(self, connection: AsyncConnection, delivery_id: str, *, lock: bool = False) -> Delivery | None:
        query = sa.select(*DELIVERY_COLUMNS).where(_D.id == delivery_id)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return delivery_from(row) if row else None

    async def deliveries(
        self, connection: AsyncConnection, subject_type: str, subject_id: str, *, after: Cursor | None, limit: int
    ) -> Sequence[LoggedDelivery]:
        query = sa.select(*DELIVERY_COLUMNS).where(_D.subject_type == subject_type, _D.subject_id == subject_id)
        if after is not None:
            query = query.where(sa.tuple_(_D.created_at, _D.id) < sa.tuple_(*after))
        page = query.order_by(_D.created_at.desc(), _D.id.desc()).limit(limit).subquery("page")
        # One statement, because a second one could see attempts that are newer than the state read by the first.
        with_attempts = (
            sa.select(*page.c, _A.id.label("attempt"), *ATTEMPT_COLUMNS)
            .outerjoin(ATTEMPTS, _A.delivery_id == page.c.id)
            .order_by(page.c.created_at.desc(), page.c.id.desc(), _A.id)
        )
        count = len(DELIVERY_COLUMNS)
        found: dict[str, tuple[Delivery, list[Attempt]]] = {}
        for row in await connection.execute(with_attempts):
            _, attempts = found.setdefault(row.id, (delivery_from(row[:count]), []))
            if row.attempt is not None:
                attempts.append(attempt_from(row[count + 1 :]))
        return list(found.values())

    async def delete_deliveries(self, connection: AsyncConnection, subject_type: str, subject_id: str) -> None:
        about = sa.and_(_D.subject_type == subject_type, _D.subject_id == subject_id)
        await connection.execute(sa.delete(DELIVERIES).where(about))

    async def ask(self, connection: AsyncConnection, delivery_id: str, at: datetime) -> Delivery:
        change = sa.update(DELIVERIES).where(_D.id == delivery_id).values(asked_at=at)
        return delivery_from((await connection.execute(change.returning(*DELIVERY_COLUMNS))).one())

    async def settle(self, connection: AsyncConnection, delivery: Delivery) -> None:
        await connection.execute(sa.update(DELIVERIES).where(_D.id == delivery.id).values(**values_of(delivery)))

    async def add_attempt(self, connection: AsyncConnection, delivery_id: str, attempt: Attempt) -> None:
        await connection.execute(sa.insert(ATTEMPTS).values(delivery_id=delivery_id, **values_of(attempt)))

    async def attempts(self, connection: AsyncConnection, delivery_id: str) -> Sequence[Attempt]:
        query = sa.select(*ATTEMPT_COLUMNS).where(_A.delivery_id == delivery_id).order_by(_A.id)
        return [attempt_from(row) for row in await connection.execute(query)]

    async def claim(
        self, connection: AsyncConnection, at: datetime, until: datetime, leases: Sequence[str], limits: Limits
    ) -> Sequence[Claim]:
        await connection.execute(LOCK_CLAIMS)
        rows = (await connection.execute(claimable(at, len(leases), limits))).all()
        claims = []
        count = len(DELIVERY_COLUMNS)
        for row, lease in zip(rows, leases, strict=False):
            change = sa.update(DELIVERIES).where(_D.id == row.id).values(lease=lease, leased_until=until)
            await connection.execute(change)
            claims.append(Claim.of(delivery_from(row[:count]), endpoint_from(row[count:]), lease, until))
        return claims

    async def release(self, connection: AsyncConnection, leases: Collection[str]) -> None:
        await connection.execute(
            sa.update(DELIVERIES).where(_D.lease.in_(leases)).values(lease=None, leased_until=None)
        )

    async def longest_due(self, connection: AsyncConnection, at: datetime) -> datetime | None:
        query = sa.select(sa.func.min(_D.due_at)).where(_D.due_at <= at)
        since: datetime | None = (await connection.execute(query)).scalar_one()
        return since


async def _endpoint(
    connection: AsyncConnection, *which: sa.ColumnElement[bool], lock: bool = False, keep: bool = False
) -> WebhookEndpoint | None:
    query = sa.select(*ENDPOINT_COLUMNS).where(*which)
    if lock or keep:
        query = query.with_for_update(read=not lock)
    row = (await connection.execute(query)).one_or_none()
    return endpoint_from(row) if row else None


async def _changed(connection: AsyncConnection, endpoint_id: str, **values: Any) -> WebhookEndpoint:
    change = sa.update(ENDPOINTS).where(_E.id == endpoint_id).values(**values).returning(*ENDPOINT_COLUMNS)
    return endpoint_from((await connection.execute(change)).one())
