"""How an attempt changes its delivery, with a clock that the tests set."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from services.experiments.webhooks.domain import (
    AttemptOutcome,
    AttemptResult,
    Delivery,
    DeliveryStatus,
    WebhookEndpoint,
    after_attempt,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
REFUSED = AttemptResult(
    outcome=AttemptOutcome.REFUSED, response_status=500, error="the receiver responded with status 500"
)
DELIVERED = AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=200)


def delivery(**values: object) -> Delivery:
    plain = Delivery(
        id="msg_a",
        subject_type="experiment",
        subject_id="exp_a",
        endpoint_id="whe_a",
        type="experiment.completed",
        body=b"{}",
        next_attempt_at=NOON,
        created_at=NOON,
        lease="lse_a",
        leased_until=NOON + MINUTE,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def after(before: Delivery, result: AttemptResult, *, jitter: float = 0.0, by_hand: bool = False) -> Delivery:
    return after_attempt(before, result, NOON, lambda: jitter, by_hand=by_hand)


def test_ten_attempts_follow_the_schedule() -> None:
    waits, one = [], delivery()
    while one.next_attempt_at is not None:
        one = after(one, REFUSED)
        if one.next_attempt_at is not None:
            waits.append(one.next_attempt_at - NOON)
    assert waits == [
        5 * SECOND,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    ]
    assert one == delivery(
        status=DeliveryStatus.FAILED,
        attempts_made=10,
        next_attempt_at=None,
        lease=None,
        leased_until=None,
        error_message="the receiver responded with status 500",
    )


def test_jitter_makes_waits_longer_by_up_to_a_tenth() -> None:
    assert after(delivery(attempts_made=3), REFUSED, jitter=1.0).next_attempt_at == NOON + 2.2 * HOUR


def test_a_success_ends_the_delivery_at_any_attempt() -> None:
    done = delivery(status=DeliveryStatus.DELIVERED, next_attempt_at=None, lease=None, leased_until=None)
    failed = delivery(attempts_made=9, error_message="the receiver responded with status 500")
    assert after(delivery(), DELIVERED) == dataclasses.replace(done, attempts_made=1)
    assert after(failed, DELIVERED) == dataclasses.replace(done, attempts_made=10)


@pytest.mark.parametrize(
    ("result", "wait"),
    [
        (AttemptResult(outcome=AttemptOutcome.THROTTLED, response_status=429), MINUTE),
        (AttemptResult(outcome=AttemptOutcome.THROTTLED, response_status=429, retry_after=10 * SECOND), 10 * SECOND),
        (AttemptResult(outcome=AttemptOutcome.THROTTLED, response_status=429, retry_after=SECOND), 5 * SECOND),
        (AttemptResult(outcome=AttemptOutcome.REFUSED, response_status=503, retry_after=HOUR), HOUR),
        (AttemptResult(outcome=AttemptOutcome.REFUSED, response_status=503, retry_after=1000 * HOUR), 24 * HOUR),
    ],
)
def test_a_throttled_or_retry_after_response_makes_the_wait_longer(result: AttemptResult, wait: timedelta) -> None:
    assert after(delivery(), result).next_attempt_at == NOON + wait
    # Later in the schedule the scheduled wait is long enough.
    assert after(delivery(attempts_made=8), result).next_attempt_at == NOON + 24 * HOUR


@pytest.mark.parametrize(
    "before",
    [
        delivery(asked_at=NOON, attempts_made=2, next_attempt_at=NOON + HOUR),
        delivery(asked_at=NOON, attempts_made=10, next_attempt_at=None, status=DeliveryStatus.FAILED),
        delivery(asked_at=NOON, attempts_made=1, next_attempt_at=None, status=DeliveryStatus.DELIVERED),
    ],
)
def test_an_attempt_by_hand_leaves_the_schedule_as_it_is(before: Delivery) -> None:
    error = "" if before.status is DeliveryStatus.DELIVERED else "the receiver responded with status 500"
    idle = dataclasses.replace(before, asked_at=None, lease=None, leased_until=None)
    assert after(before, REFUSED, by_hand=True) == dataclasses.replace(idle, error_message=error)
    done = dataclasses.replace(idle, status=DeliveryStatus.DELIVERED, next_attempt_at=None)
    assert after(before, DELIVERED, by_hand=True) == done


def test_a_delivery_given_up_during_an_attempt_stays_failed() -> None:
    given_up = delivery(status=DeliveryStatus.FAILED, next_attempt_at=None)
    assert after(given_up, REFUSED).next_attempt_at is None
    assert after(given_up, REFUSED).status is DeliveryStatus.FAILED


def test_the_old_secret_signs_until_it_expires() -> None:
    endpoint = WebhookEndpoint(
        id="whe_a",
        developer_id="dev_a",
        url="",
        secret=b"new",
        old_secret=b"old",
        old_secret_expires_at=NOON,
        created_at=NOON,
    )
    assert endpoint.sealed_secrets(NOON - SECOND) == (b"new", b"old")
    assert endpoint.sealed_secrets(NOON) == (b"new",)
    assert dataclasses.replace(endpoint, old_secret=None).sealed_secrets(NOON - SECOND) == (b"new",)
    assert "new" not in repr(endpoint)
