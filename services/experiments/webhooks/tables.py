"""The tables of webhooks, and rows as domain objects."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus, Endpoint

METADATA = sa.MetaData()
_MOMENT = sa.DateTime(timezone=True)
ENDPOINTS = sa.Table(
    "webhook_endpoints",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("developer_id", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("untold_experiment_id", sa.Text),
    sa.Column("disabled_reason", sa.Text),
    sa.Column("secret", sa.LargeBinary),
    sa.Column("old_secret", sa.LargeBinary),
    sa.Column("old_secret_expires_at", _MOMENT),
    sa.Column("secret_rotated_at", _MOMENT),
    sa.Column("paused_until", _MOMENT),
    sa.Column("created_at", _MOMENT),
)
DELIVERIES = sa.Table(
    "webhook_deliveries",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject_type", sa.Text),
    sa.Column("subject_id", sa.Text),
    sa.Column("endpoint_id", sa.Text),
    sa.Column("type", sa.Text),
    sa.Column("body", sa.LargeBinary),
    sa.Column("status", sa.Text),
    sa.Column("attempts_made", sa.Integer),
    sa.Column("next_attempt_at", _MOMENT),
    sa.Column("asked_at", _MOMENT),
    # The earlier thing to wait for, written by PostgreSQL: asked_at, else next_attempt_at.
    sa.Column("due_at", _MOMENT),
    sa.Column("lease", sa.Text),
    sa.Column("leased_until", _MOMENT),
    sa.Column("error_message", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("created_at", _MOMENT),
)
ATTEMPTS = sa.Table(
    "webhook_attempts",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("delivery_id", sa.Text),
    sa.Column("attempted_at", _MOMENT),
    sa.Column("response_status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("duration_ms", sa.Double),
    sa.Column("by_hand", sa.Boolean),
)

ENDPOINT_COLUMNS = [ENDPOINTS.c[f.name] for f in dataclasses.fields(Endpoint)]
DELIVERY_COLUMNS = [DELIVERIES.c[f.name] for f in dataclasses.fields(Delivery)]
ATTEMPT_COLUMNS = [ATTEMPTS.c[f.name] for f in dataclasses.fields(Attempt)]


def endpoint_from(row: Sequence[Any]) -> Endpoint:
    """Returns the endpoint in a row of ENDPOINT_COLUMNS."""
    return Endpoint(**dict(zip((c.name for c in ENDPOINT_COLUMNS), row, strict=True)))


def delivery_from(row: Sequence[Any]) -> Delivery:
    """Returns the delivery in a row of DELIVERY_COLUMNS."""
    values = dict(zip((c.name for c in DELIVERY_COLUMNS), row, strict=True))
    values["status"] = DeliveryStatus(values["status"])
    return Delivery(**values)


def attempt_from(row: Sequence[Any]) -> Attempt:
    """Returns the attempt in a row of ATTEMPT_COLUMNS."""
    return Attempt(**dict(zip((c.name for c in ATTEMPT_COLUMNS), row, strict=True)))


def values_of(record: Endpoint | Delivery | Attempt) -> dict[str, Any]:
    """Returns what is stored of one of these."""
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
