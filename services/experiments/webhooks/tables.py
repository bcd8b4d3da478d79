"""The tables of webhooks, and rows as domain objects."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus, Endpoint

Record = TypeVar("Record", Endpoint, Delivery, Attempt)

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
    sa.Column("status", sa.Enum(DeliveryStatus, native_enum=False, values_callable=list)),
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


def _read(kind: type[Record], row: Sequence[Any]) -> Record:
    return kind(**dict(zip((f.name for f in dataclasses.fields(kind)), row, strict=True)))


# Each reads a row of its columns.
endpoint_from = partial(_read, Endpoint)
delivery_from = partial(_read, Delivery)
attempt_from = partial(_read, Attempt)


def values_of(record: Endpoint | Delivery | Attempt) -> dict[str, Any]:
    """Returns what is stored of one of these."""
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
