"""How the number of requests at a time follows what a provider answers."""

import random

import pytest

from services.tts.concurrency import SUCCESSES_TO_GROW, ProviderLimit, pause_seconds
from services.tts.domain import FailureKind, SynthesisError, retry_delay

FULL = SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True)


def limited(retry_after: float | None) -> SynthesisError:
    return SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=retry_after)


def test_a_burst_that_is_refused_settles_at_what_the_provider_takes() -> None:
    """Fifteen at once at a provider that takes two: thirteen are refused, one after the other."""
    limit = ProviderLimit(15)
    for under_way in range(15, 2, -1):
        limit.failed(FULL, under_way)
    assert limit.now == 2


def test_a_provider_that_says_how_many_it_takes_is_believed() -> None:
    limit = ProviderLimit(15)
    limit.failed(SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=5), 15)
    assert limit.now == 5


@pytest.mark.parametrize(("under_way", "allowed"), [(1, None), (1, 0)])
def test_one_at_a_time_is_always_tried(under_way: int, allowed: int | None) -> None:
    """Whoever else uses the same account may leave no place at the moment."""
    limit = ProviderLimit(4)
    error = SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=allowed)
    limit.failed(error, under_way)
    assert limit.now == 1


def test_a_refusal_never_raises_the_limit() -> None:
    limit = ProviderLimit(4)
    limit.failed(FULL, 2)
    limit.failed(SynthesisError(FailureKind.RATE_LIMITED, "full", concurrency_full=True, allowed_concurrency=9), 4)
    assert limit.now == 1


def test_the_limit_comes_back_one_by_one_and_no_further_than_it_was() -> None:
    limit = ProviderLimit(3)
    limit.failed(FULL, 2)
    grown = []
    for _ in range(4 * SUCCESSES_TO_GROW):
        limit.succeeded()
        grown.append(limit.now)
    assert grown[SUCCESSES_TO_GROW - 2 : SUCCESSES_TO_GROW] == [1, 2]
    assert grown[2 * SUCCESSES_TO_GROW - 2 : 2 * SUCCESSES_TO_GROW] == [2, 3]
    assert grown[-1] == 3


def test_a_refusal_begins_the_count_of_successes_anew() -> None:
    limit = ProviderLimit(2)
    limit.failed(FULL, 2)
    for _ in range(SUCCESSES_TO_GROW - 1):
        limit.succeeded()
    limit.failed(FULL, 1)
    limit.succeeded()
    assert limit.now == 1


def test_other_failures_leave_the_limit_alone() -> None:
    limit = ProviderLimit(4)
    limit.failed(limited(3.0), 4)
    limit.failed(SynthesisError(FailureKind.TIMED_OUT, "no audio"), 4)
    assert limit.now == 4


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
    ids=["seconds", "a minute", "two minutes", "an hour", "nothing said", "a 503", "full"],
)
def test_a_provider_is_left_alone_as_long_as_it_asks_to_be(error: SynthesisError, seconds: float) -> None:
    assert pause_seconds(error) == seconds


def test_who_finds_a_provider_full_may_come_more_often_than_who_fails() -> None:
    jitter = random.Random(1)
    delays = [retry_delay(tries, FULL, jitter) for tries in range(1, 10)]
    assert [delay is not None for delay in delays] == [True] * 7 + [False] * 2
    assert delays[6] == 20.0
    assert retry_delay(3, limited(None), jitter) is None
