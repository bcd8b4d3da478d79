"""Webhook endpoints, deliveries and attempts, and the state of a delivery after an attempt."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# The waits before the first attempt, the second, and so on, as Standard Webhooks recommends.
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
# Waits are longer by up to this share, so that what failed together does not come back together.
MAX_JITTER = 0.1
# For a receiver that is overloaded and does not say for how long.
DEFAULT_PAUSE = timedelta(minutes=1)
MAX_RETRY_AFTER = timedelta(hours=24)

MAX_ENDPOINTS = 100
MAX_ATTEMPTS = 100
MAX_OVERLAP_SECONDS = 7 * 24 * 3600
DEFAULT_OVERLAP_SECONDS = 24 * 3600

EXPERIMENT = "experiment"
"""The type of the subjects that this service owns."""

DELETED = "the endpoint was deleted"


class DeliveryStatus(StrEnum):
    """How far a delivery is; the names are those of the wire."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Outcome(StrEnum):
    """How an attempt ends."""

    DELIVERED = "delivered"
    """A 2xx."""
    GONE = "gone"
    """A 410: the receiver wants no more."""
    THROTTLED = "throttled"
    """A 429, 502 or 504: the receiver has too much to do."""
    REDIRECTED = "redirected"
    REFUSED = "refused"
    """Any other status."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    """No connection, or one that broke, or what came was no HTTP."""
    FORBIDDEN = "forbidden"
    """The host is, or has become, a private one."""
    BROKEN = "broken"
    """It could not be attempted, through a fault of this installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL of a developer that gets messages. Secrets are sealed."""

    id: str
    developer_id: str
    url: str
    disabled_reason: str = ""
    """Why it gets no messages, empty if it gets them."""
    secret: bytes = field(repr=False)
    old_secret: bytes | None = field(default=None, repr=False)
    old_secret_expires_at: datetime | None = None
    secret_rotated_at: datetime | None = None
    paused_until: datetime | None = None
    """It asked for a pause; nothing is sent there before."""
    created_at: datetime

    def sealed_secrets(self, at: datetime) -> Sequence[bytes]:
        """Returns what signs at this time: the secret, and the one before while they overlap."""
        if self.old_secret is None or self.old_secret_expires_at is None or self.old_secret_expires_at <= at:
            return (self.secret,)
        return self.secret, self.old_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver a message."""

    attempted_at: datetime
    response_status: int | None
    error: str
    """Empty if it succeeded."""
    duration_ms: float
    by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one endpoint, about one subject, such as an experiment."""

    id: str
    subject_type: str
    subject_id: str
    endpoint_id: str
    type: str
    body: bytes = field(repr=False)
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts_made: int = 0
    """How many attempts of the schedule; those asked for by hand don't count."""
    next_attempt_at: datetime | None
    """When the schedule has it next, None unless it is pending."""
    asked_at: datetime | None = None
    """When somebody asked for an attempt that has not been made yet."""
    lease: str | None = None
    """The claim of the process that attempts it now."""
    leased_until: datetime | None = None
    error_message: str = ""
    traceparent: str = ""
    created_at: datetime

    def under_way(self, at: datetime) -> bool:
        """Whether a process attempts it, or is about to."""
        return self.asked_at is not None or (self.leased_until is not None and self.leased_until > at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an attempt has led to."""

    outcome: Outcome
    response_status: int | None = None
    error: str = ""
    retry_after: timedelta | None = None
    """How long the receiver asks to be left alone."""

    @property
    def pause(self) -> timedelta | None:
        """How long nothing should go to the endpoint, None if nothing speaks against it."""
        if self.outcome is Outcome.DELIVERED:
            return None
        if self.retry_after is not None:
            return min(self.retry_after, MAX_RETRY_AFTER)
        return DEFAULT_PAUSE if self.outcome is Outcome.THROTTLED else None


def settled(
    delivery: Delivery, answer: Answer, at: datetime, jitter: Callable[[], float], *, by_hand: bool = False
) -> Delivery:
    """Returns a delivery after an attempt that ended `at`. `jitter` gives numbers from 0 to 1."""
    made = delivery.attempts_made + (0 if by_hand else 1)
    free = dataclasses.replace(delivery, attempts_made=made, asked_at=None, lease=None, leased_until=None)
    if answer.outcome is Outcome.DELIVERED:
        return dataclasses.replace(free, status=DeliveryStatus.DELIVERED, next_attempt_at=None, error_message="")
    if free.status is DeliveryStatus.DELIVERED:
        return free
    failed = dataclasses.replace(free, error_message=answer.error)
    # It may have been given up meanwhile.
    if by_hand or failed.status is DeliveryStatus.FAILED:
        return failed
    if made >= len(SCHEDULE):
        return dataclasses.replace(failed, status=DeliveryStatus.FAILED, next_attempt_at=None)
    wait = max(SCHEDULE[made], answer.pause or timedelta(0)) * (1 + MAX_JITTER * jitter())
    return dataclasses.replace(failed, next_attempt_at=at + wait)
