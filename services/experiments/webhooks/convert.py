"""Converts webhook endpoints and deliveries to protos."""

from collections.abc import Sequence
from datetime import datetime

from voicearena.experiments.v1 import webhook_pb2, webhook_service_pb2

from services.experiments.webhooks.domain import EXPERIMENT, Attempt, Delivery, DeliveryStatus, WebhookEndpoint
from services.runtime.clock import timestamp

_STATUS = webhook_pb2.WebhookDelivery.Status


def endpoint(value: WebhookEndpoint, at: datetime) -> webhook_pb2.WebhookEndpoint:
    """Returns the proto of an endpoint. `at` decides whether the old secret still counts."""
    return webhook_pb2.WebhookEndpoint(
        id=value.id,
        url=value.url,
        enabled=not value.disabled_reason,
        disabled_reason=value.disabled_reason,
        created_at=timestamp(value.created_at),
        secret_rotated_at=timestamp(value.secret_rotated_at),
        old_secret_expires_at=timestamp(value.old_secret_expires_at if len(value.sealed_secrets(at)) > 1 else None),
    )


def endpoint_with_secret(
    value: WebhookEndpoint, secret: str, at: datetime
) -> webhook_service_pb2.WebhookEndpointWithSecret:
    """Returns the proto of an endpoint with its secret. The secret is empty if it must not be shown again."""
    return webhook_service_pb2.WebhookEndpointWithSecret(endpoint=endpoint(value, at), secret=secret)


def delivery(value: Delivery, attempts: Sequence[Attempt]) -> webhook_pb2.WebhookDelivery:
    """Returns the proto of a delivery. Its status is pending while an attempt requested by hand is outstanding."""
    return webhook_pb2.WebhookDelivery(
        id=value.id,
        experiment_id=value.subject_id if value.subject_type == EXPERIMENT else "",
        subject_type=value.subject_type,
        subject_id=value.subject_id,
        endpoint_id=value.endpoint_id,
        type=value.type,
        status=_STATUS.Value(DeliveryStatus.PENDING if value.asked_at else value.status),
        attempts=map(_attempt, attempts),
        error_message=value.error_message,
        created_at=timestamp(value.created_at),
        next_attempt_at=timestamp(value.asked_at or value.next_attempt_at),
    )


def _attempt(value: Attempt) -> webhook_pb2.WebhookAttempt:
    return webhook_pb2.WebhookAttempt(
        attempted_at=timestamp(value.attempted_at),
        response_status=value.response_status,
        error=value.error,
        duration_ms=round(value.duration_ms, 3),
        by_hand=value.by_hand,
    )
