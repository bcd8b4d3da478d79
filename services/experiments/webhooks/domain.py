"""Webhook endpoints, deliveries and attempts, and how an attempt changes a delivery."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# The wait before each attempt, as Standard Webhooks recommends.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# The maximum share by which a wait is randomly longer. Deliveries that failed together then retry at different times.
MAX_JITTER = 0.1
# The pause of an overloaded receiver that sends no Retry-After.
DEFAULT_PAUSE = timedelta(minutes=1)
MAX_RETRY_AFTER = timedelta(hours=24)

MAX_ENDPOINTS = 100
MAX_ATTEMPTS = 100
MAX_OVERLAP_SECONDS = 7 * 24 * 3600
DEFAULT_OVERLAP_SECONDS = 24 * 3600

EXPERIMENT = "experiment"
"""The subject type of messages about experiments."""
EVALUATION = "evaluation"
"""The subject type of messages about evaluations of recordings."""
BATTLE = "battle"
"""The subject type of messages about battles."""

DELETED = "the endpoint was deleted"


class DeliveryStatus(StrEnum):
    """The state of a delivery. The values are the names in the proto."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    """How an attempt ends."""

    DELIVERED = "delivered"
    """Status 2xx."""
    GONE = "gone"
    """Status 410: the receiver wants no more messages."""
    THROTTLED = "throttled"
    """Status 429, 502 or 504: the receiver is overloaded."""
    REDIRECTED = "redirected"
    REFUSED = "refused"
    """Any other status."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    """The connection failed or was interrupted, or the response was not HTTP."""
    FORBIDDEN = "forbidden"
    """The SSRF guard refused the URL or an address of its host."""
    BROKEN = "broken"
    """An internal error of this installation prevented the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """A developer's URL that receives messages. Its secrets are encrypted."""

    id: str
    developer_id: str
    url: str
    disabled_reason: str = ""
    """Why the endpoint receives no messages. Empty if it is enabled."""
    secret: bytes = field(repr=False)
    old_secret: bytes | None = field(default=None, repr=False)
    old_secret_expires_at: datetime | None = None
    secret_rotated_at: datetime | None = None
    paused_until: datetime | None = None
    """The receiver asked for a pause. Nothing is sent before this time."""
    created_at: datetime

    def sealed_secrets(self, at: datetime) -> Sequence[bytes]:
        """Returns the secrets that sign messages at this time: the secret, and the old one until it expires."""
        if self.old_secret is None or self.old_secret_expires_at is None or self.old_secret_expires_at <= at:
            return (self.secret,)
        return self.secret, self.old_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver a message."""

    attempted_at: datetime
    response_status: int | None
    error: str
    """Empty if the attempt succeeded."""
    duration_ms: float
    by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one endpoint, about one subject such as an experiment."""

    id: str
    subject_type: str
    subject_id: str
    endpoint_id: str
    type: str
    body: bytes = field(repr=False)
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts_made: int = 0
    """How many scheduled attempts were made. Attempts requested by hand don't count."""
    next_attempt_at: datetime | None
    """When the next scheduled attempt is due. None unless the delivery is pending."""
    asked_at: datetime | None = None
    """When an attempt was requested by hand. None once that attempt was made."""
    lease: str | None = None
    """The lease of the process that attempts the delivery now."""
    leased_until: datetime | None = None
    error_message: str = ""
    traceparent: str = ""
    created_at: datetime

    def under_way(self, at: datetime) -> bool:
        """Whether an attempt is in progress or was requested by hand."""
        return self.asked_at is not None or (self.leased_until is not None and self.leased_until > at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """How an attempt ended, and what the receiver asked for."""

    outcome: AttemptOutcome
    response_status: int | None = None
    error: str = ""
    retry_after: timedelta | None = None
    """How long the receiver asks to wait before the next request."""

    @property
    def pause(self) -> timedelta | None:
        """How long to send nothing to the endpoint, or None if it needs no pause."""
        if self.outcome is AttemptOutcome.DELIVERED:
            return None
        if self.retry_after is not None:
            return min(self.retry_after, MAX_RETRY_AFTER)
        return DEFAULT_PAUSE if self.outcome is AttemptOutcome.THROTTLED else None


def after_attempt(
    delivery: Delivery, result: AttemptResult, at: datetime, jitter: Callable[[], float], *, by_hand: bool = False
) -> Delivery:
    """Returns a delivery as it is after an attempt that ended `at`. `jitter` returns numbers from 0 to 1."""
    made = delivery.attempts_made + (0 if by_hand else 1)
    released = dataclasses.replace(delivery, attempts_made=made, asked_at=None, lease=None, leased_until=None)
    if result.outcome is AttemptOutcome.DELIVERED:
        return dataclasses.replace(released, status=DeliveryStatus.DELIVERED, next_attempt_at=None, error_message="")
    if released.status is DeliveryStatus.DELIVERED:
        return released
    failed = dataclasses.replace(released, error_message=result.error)
    # The delivery may have been given up during the attempt.
    if by_hand or failed.status is DeliveryStatus.FAILED:
        return failed
    if made >= len(SCHEDULE):
        return dataclasses.replace(failed, status=DeliveryStatus.FAILED, next_attempt_at=None)
    wait = max(SCHEDULE[made], result.pause or timedelta(0)) * (1 + MAX_JITTER * jitter())
    return dataclasses.replace(failed, next_attempt_at=at + wait)
