"""Delays that double up to a maximum, with a random share added."""

import pytest

from services.runtime.backoff import Backoff


def test_delays_double_up_to_the_maximum() -> None:
    assert [Backoff(0.5, 3.0).seconds(attempt) for attempt in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("attempt", [1000, 1025, 1_000_000])
def test_the_delay_after_any_number_of_attempts_is_the_maximum(attempt: int) -> None:
    assert Backoff(0.5, 3.0, jitter=1.0).seconds(attempt) == 3.0


@pytest.mark.parametrize(
    ("random", "delays"), [(0.0, [1.0, 2.0, 4.0]), (0.5, [1.25, 2.5, 5.0]), (1.0, [1.5, 3.0, 5.0])]
)
def test_jitter_adds_a_share_to_a_delay_but_never_exceeds_the_maximum(random: float, delays: list[float]) -> None:
    assert [Backoff(1.0, 5.0, jitter=0.5).seconds(attempt, lambda: random) for attempt in (1, 2, 3)] == delays


def test_each_delay_has_its_own_random_jitter() -> None:
    drawn = {Backoff(1.0, 5.0, jitter=1.0).seconds(1) for _ in range(20)}
    assert len(drawn) > 1
    assert all(1.0 <= delay <= 2.0 for delay in drawn)
