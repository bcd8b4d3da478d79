"""Delays that double, up to a longest one, with a random share on top."""

import pytest

from services.runtime.backoff import Backoff


def test_delays_double_up_to_the_longest() -> None:
    assert [Backoff(0.5, 3.0).seconds(tries) for tries in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("tries", [1000, 1025, 1_000_000])
def test_an_outage_may_last_for_any_number_of_tries(tries: int) -> None:
    assert Backoff(0.5, 3.0, jitter=1.0).seconds(tries) == 3.0


@pytest.mark.parametrize(
    ("random", "delays"), [(0.0, [1.0, 2.0, 4.0]), (0.5, [1.25, 2.5, 5.0]), (1.0, [1.5, 3.0, 5.0])]
)
def test_jitter_lengthens_a_delay_by_a_share_but_not_beyond_the_longest(random: float, delays: list[float]) -> None:
    assert [Backoff(1.0, 5.0, jitter=0.5).seconds(tries, lambda: random) for tries in (1, 2, 3)] == delays


def test_jitter_is_drawn_anew_for_each_delay() -> None:
    drawn = {Backoff(1.0, 5.0, jitter=1.0).seconds(1) for _ in range(20)}
    assert len(drawn) > 1
    assert all(1.0 <= delay <= 2.0 for delay in drawn)
