"""The concurrency limit follows the responses of a provider."""

import random

import pytest

from services.tts.concurrency import SUCCESSES_TO_GROW, ConcurrencyLimit, pause_seconds
from services.tts.domain import FailureKind, SynthesisError, retry_delay

FULL = SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True)


def limited(retry_after: float | None) -> SynthesisError:
    return SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=retry_after)


def test_a_refused_burst_lowers_the_limit_to_what_the_provider_allows() -> None:
    """Fifteen requests at a provider that allows two: thirteen are refused, one after another."""
    limit = ConcurrencyLimit(15)
    for running in range(15, 2, -1):
        limit.failed(FULL, running)
    assert limit.current == 2


def test_the_limit_follows_the_number_that_a_provider_states() -> None:
    limit = ConcurrencyLimit(15)
    limit.failed(SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=5), 15)
    assert limit.current == 5


@pytest.mark.parametrize(("running", "allowed"), [(1, None), (1, 0)])
def test_the_limit_is_never_below_one(running: int, allowed: int | None) -> None:
    """Another user of the same account can use its whole limit for a while."""
    limit = ConcurrencyLimit(4)
    error = SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=allowed)
    limit.failed(error, running)
    assert limit.current == 1


def test_a_refusal_never_raises_the_limit() -> None:
    limit = ConcurrencyLimit(4)
    limit.failed(FULL, 2)
    limit.failed(SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=9), 4)
    assert limit.current == 1


def test_the_limit_grows_one_by_one_up_to_the_configured_number() -> None:
    limit = ConcurrencyLimit(3)
    limit.failed(FULL, 2)
    grown = []
    for _ in range(4 * SUCCESSES_TO_GROW):
        limit.succeeded()
        grown.append(limit.current)
    assert grown[SUCCESSES_TO_GROW - 2 : SUCCESSES_TO_GROW] == [1, 2]
    assert grown[2 * SUCCESSES_TO_GROW - 2 : 2 * SUCCESSES_TO_GROW] == [2, 3]
    assert grown[-1] == 3


def test_a_refusal_resets_the_count_of_successes() -> None:
    limit = ConcurrencyLimit(2)
    limit.failed(FULL, 2)
    for _ in range(SUCCESSES_TO_GROW - 1):
        limit.succeeded()
    limit.failed(FULL, 1)
    limit.succeeded()
    assert limit.current == 1


def test_other_failures_do_not_change_the_limit() -> None:
    limit = ConcurrencyLimit(4)
    limit.failed(limited(3.0), 4)
    limit.failed(SynthesisError(FailureKind.TIMED_OUT, "no audio"), 4)
    assert limit.current == 4


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (limited(3.0), 3.0),
        (limited(60.0), 60.0),
        (limited(120.0), 120.0),
        (limited(3600.0), 20.0),
        (limited(None), 0.0),
        (SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, "busy", retry_after=2.0), 2.0),
        (SynthesisError(FailureKind.RATE_LIMITED, "full", retry_after=5.0, concurrency_full=True), 0.0),
    ],
    ids=["seconds", "a minute", "two minutes", "an hour", "no retry-after", "a 503", "concurrency"],
)
def test_a_provider_gets_the_pause_that_it_asks_for(error: SynthesisError, seconds: float) -> None:
    assert pause_seconds(error) == seconds


def test_a_refusal_for_concurrency_gets_more_tries_than_other_failures() -> None:
    jitter = random.Random(1)
    delays = [retry_delay(tries, FULL, jitter) for tries in range(1, 10)]
    assert [delay is not None for delay in delays] == [True] * 7 + [False] * 2
    assert delays[6] == 20.0
    assert retry_delay(3, limited(None), jitter) is None
