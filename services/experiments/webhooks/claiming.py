"""Which deliveries are sent next: those due the longest, within limits per endpoint and per developer.

The limits keep capacity free for other developers while a slow endpoint holds its attempts.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.experiments.webhooks.domain import Delivery, WebhookEndpoint
from services.experiments.webhooks.tables import DELIVERIES, DELIVERY_COLUMNS, ENDPOINT_COLUMNS, ENDPOINTS

_E, _D = ENDPOINTS.c, DELIVERIES.c

# Processes claim one at a time, so that the limits hold over all processes.
LOCK_CLAIMS = sa.text("SELECT pg_advisory_xact_lock(hashtext('experiments webhook claims'))")


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum number of attempts in progress at a time, over all processes."""

    per_endpoint: int
    per_developer: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process has leased, and its endpoint."""

    delivery: Delivery
    endpoint: WebhookEndpoint
    lease: str

    @classmethod
    def of(cls, delivery: Delivery, endpoint: WebhookEndpoint, lease: str, until: datetime) -> "Claim":
        """Returns the claim on a delivery that was read before it was leased."""
        return cls(dataclasses.replace(delivery, lease=lease, leased_until=until), endpoint, lease)


def claimable(at: datetime, max_claims: int, limits: Limits) -> sa.Select[Any]:
    """Returns the query that selects and locks claimable deliveries, with their endpoints."""
    leased = (
        sa.select(_D.endpoint_id, sa.func.count().label("count"))
        .where(_D.due_at.is_not(None), _D.leased_until > at)
        .group_by(_D.endpoint_id)
        .subquery("leased")
    )
    busy = (
        sa.select(_E.id, _E.developer_id, sa.func.coalesce(leased.c.count, 0).label("busy"))
        .join(leased, leased.c.endpoint_id == _E.id)
        .subquery("busy")
    )
    busy_developers = (
        sa.select(busy.c.developer_id, sa.func.sum(busy.c.busy).label("busy"))
        .group_by(busy.c.developer_id)
        .subquery("busy_developers")
    )
    free = sa.or_(_D.leased_until.is_(None), _D.leased_until <= at)
    # An attempt that was requested by hand ignores the pause.
    open_ = sa.or_(_D.asked_at.is_not(None), _E.paused_until.is_(None), _E.paused_until <= at)
    order = (_D.due_at, _D.id)
    due = (
        sa.select(
            _D.id,
            _E.developer_id,
            _D.due_at,
            (
                sa.func.row_number().over(partition_by=_D.endpoint_id, order_by=order)
                + sa.func.coalesce(busy.c.busy, 0)
            ).label("at_endpoint"),
        )
        .join(ENDPOINTS, _E.id == _D.endpoint_id)
        .outerjoin(busy, busy.c.id == _D.endpoint_id)
        .where(_D.due_at <= at, free, open_)
        .subquery("due")
    )
    placed = (
        sa.select(
            due.c.id,
            (
                sa.func.row_number().over(partition_by=due.c.developer_id, order_by=(due.c.due_at, due.c.id))
                + sa.func.coalesce(busy_developers.c.busy, 0)
            ).label("of_developer"),
        )
        .outerjoin(busy_developers, busy_developers.c.developer_id == due.c.developer_id)
        .where(due.c.at_endpoint <= limits.per_endpoint)
        .subquery("placed")
    )
    return (
        sa.select(*DELIVERY_COLUMNS, *ENDPOINT_COLUMNS)
        .join(ENDPOINTS, _E.id == _D.endpoint_id)
        # These conditions are repeated because a row may have changed before it was locked.
        .where(
            _D.id.in_(sa.select(placed.c.id).where(placed.c.of_developer <= limits.per_developer)),
            _D.due_at <= at,
            free,
        )
        .order_by(*order)
        .limit(max_claims)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
