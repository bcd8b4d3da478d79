"""Which deliveries are sent next: the longest due, but no more at a time to one endpoint or for one developer than may
hang there while others go out."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.experiments.webhooks.domain import Delivery, Endpoint
from services.experiments.webhooks.tables import DELIVERIES, DELIVERY_COLUMNS, ENDPOINT_COLUMNS, ENDPOINTS

_E, _D = ENDPOINTS.c, DELIVERIES.c

# Claims are made one after another, whichever process makes them, so that the limits hold over all of them.
LOCK_CLAIMS = sa.text("SELECT pg_advisory_xact_lock(hashtext('experiments webhook claims'))")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many attempts may be under way at a time, over all processes."""

    per_endpoint: int
    per_developer: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is this process's to attempt, and where to. The delivery has the lease."""

    delivery: Delivery
    endpoint: Endpoint
    lease: str

    @classmethod
    def of(cls, delivery: Delivery, endpoint: Endpoint, lease: str, until: datetime) -> "Claim":
        """Returns the claim on a delivery as it was before."""
        return cls(dataclasses.replace(delivery, lease=lease, leased_until=until), endpoint, lease)


def claimable(at: datetime, most: int, limits: Limits) -> sa.Select[Any]:
    """Returns the query for deliveries that may be claimed, with their endpoints, locked."""
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
    # Who asks for an attempt by hand does not wait for a pause to end.
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
        # Looked at once more, since a row may have changed between the plan and its lock.
        .where(
            _D.id.in_(sa.select(placed.c.id).where(placed.c.of_developer <= limits.per_developer)),
            _D.due_at <= at,
            free,
        )
        .order_by(*order)
        .limit(most)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
