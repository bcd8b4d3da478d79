"""The exact statistics of the verdict, compared with cases worked by hand and with scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.experiments.verdict.evidence import (
    hodges_lehmann,
    hodges_lehmann_interval,
    holm,
    sign_flip_p,
    walsh_averages,
)
from services.experiments.verdict.power import detectable_dz

differences = st.lists(st.floats(-1, 1, allow_subnormal=False).map(lambda value: round(value, 3)), max_size=12)


def test_six_wins_of_six_have_a_p_value_of_one_in_thirty_two() -> None:
    # Of 2^6 = 64 sign patterns, only all plus and all minus reach the sum: 2/64.
    assert sign_flip_p([0.3, 0.1, 0.2, 0.5, 0.4, 0.25]) == 0.03125


def test_with_one_loss_all_patterns_that_reach_the_sum_count() -> None:
    # 1 + 2 + 3 - 4 = 2. Of the 16 sums of +-1+-2+-3+-4, only +1-2-3+4 and its mirror have |sum| < 2: 14/16.
    assert sign_flip_p([1, 2, 3, -4]) == 14 / 16


def test_sums_that_differ_by_rounding_only_are_equal() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17 and not 0 in floating point. With -0.3 all patterns reach |sum| = 0: p = 1.
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1.0
    # With 0.7 the observed sum is 0.7. Patterns (of 0.1, 0.2, 0.3, 0.7) at or above it: ++++ 1.3, -+++ 1.1, +-++ 0.9,
    # --++ 0.7, ++-+ 0.7: 5, and 5 mirrored, of 16.
    assert sign_flip_p([0.1, 0.2, -0.3, 0.7]) == 10 / 16


def test_zeros_change_nothing() -> None:
    assert sign_flip_p([0.0, 0.3, 0.0, 0.2, 0.1]) == sign_flip_p([0.3, 0.2, 0.1]) == 0.25


def test_without_a_difference_the_p_value_is_one() -> None:
    assert sign_flip_p([]) == 1.0
    assert sign_flip_p([0.0, 0.0]) == 1.0


def test_twenty_equal_wins_are_two_patterns_in_a_million() -> None:
    assert sign_flip_p([0.01] * 20) == 2 / 2**20


def test_nineteen_wins_of_twenty_equal_differences_follow_the_binomial() -> None:
    # With equal sizes only the number of losses matters: 0 or 1 losses on either side, 2 * (1 + 20) patterns.
    assert sign_flip_p([0.01] * 19 + [-0.01]) == 42 / 2**20


def test_more_than_forty_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 40 pairs, got 41"):
        sign_flip_p([1.0] * 41)


@pytest.mark.parametrize("pairs", [2, 3, 5, 8, 11])
@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_agrees_with_scipy(pairs: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.4, 1, pairs)
    theirs = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert sign_flip_p(list(values)) == pytest.approx(theirs.pvalue, abs=1e-12)


@given(differences)
def test_the_p_value_agrees_with_counting_every_sign_pattern(values: list[float]) -> None:
    thousandths = [round(value * 1000) for value in values]
    observed = abs(sum(thousandths))
    sums = np.zeros(1, dtype=np.int64)
    for value in thousandths:
        sums = np.concatenate((sums - value, sums + value))
    assert sign_flip_p(values) == np.count_nonzero(np.abs(sums) >= observed) / len(sums)


@given(differences, st.floats(0.001, 1000))
def test_unit_direction_and_order_do_not_change_the_p_value(values: list[float], unit: float) -> None:
    assert sign_flip_p([-unit * value for value in reversed(values)]) == sign_flip_p(values)


def test_walsh_averages_are_the_means_of_every_pair_including_each_with_itself() -> None:
    # 1; 2; 4; (1+2)/2; (1+4)/2; (2+4)/2
    assert list(walsh_averages([4, 1, 2])) == [1, 1.5, 2, 2.5, 3, 4]


def test_hodges_lehmann_is_the_median_of_the_walsh_averages() -> None:
    assert hodges_lehmann([4, 1, 2]) == 2.25


def test_one_odd_prompt_moves_hodges_lehmann_less_than_the_mean() -> None:
    assert hodges_lehmann([1, 1, 1, 1, 1, 100]) == 1.0


def test_the_interval_of_six_differences_ends_at_their_extremes() -> None:
    # P(T <= 0) = 1/64 = 0.0156 is at most 0.025, P(T <= 1) = 2/64 is not: k = 0, the ends are the extreme averages.
    assert hodges_lehmann_interval([3, 1, 6, 2, 5, 4]) == (1, 6)


def test_the_interval_of_eight_differences_leaves_out_three_averages_on_each_side() -> None:
    # The tables of the signed rank test give 3 as the critical value for n = 8 and alpha = 0.05 two-sided.
    averages = walsh_averages([1, 2, 4, 8, 16, 32, 64, 128])
    assert hodges_lehmann_interval([1, 2, 4, 8, 16, 32, 64, 128]) == (averages[3], averages[-4])


@pytest.mark.parametrize(("pairs", "critical"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (15, 25), (20, 52)])
def test_the_interval_uses_the_critical_values_of_the_signed_rank_test(pairs: int, critical: int) -> None:
    values = [2.0**power for power in range(pairs)]
    averages = walsh_averages(values)
    assert hodges_lehmann_interval(values) == (averages[critical], averages[-1 - critical])


@pytest.mark.parametrize("pairs", range(6))
def test_fewer_than_six_differences_have_no_interval(pairs: int) -> None:
    assert hodges_lehmann_interval([float(value) for value in range(pairs)]) is None


@pytest.mark.parametrize("pairs", [6, 10])
def test_the_interval_covers_the_truth_in_at_least_95_of_100_experiments(pairs: int) -> None:
    random = np.random.default_rng(7)
    covered = 0
    for sample in random.normal(0.5, 1, (2000, pairs)):
        interval = hodges_lehmann_interval(sample)
        assert interval is not None
        covered += interval[0] <= 0.5 <= interval[1]
    # Two standard errors of a share of 0.95 in 2000 are 0.01.
    assert covered / 2000 >= 0.94


def test_holm_multiplies_the_smallest_p_value_by_their_number_and_never_decreases() -> None:
    # Ascending: 0.01 * 3 = 0.03, then 0.03 * 2 = 0.06, then max(0.06, 0.04 * 1) = 0.06.
    assert holm([0.04, 0.01, 0.03]) == [0.06, 0.03, 0.06]


def test_holm_stops_at_one() -> None:
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_below_six_pairs_the_detectable_difference_is_unknown() -> None:
    assert [detectable_dz(pairs) for pairs in range(6)] == [None] * 6


@pytest.mark.parametrize("pairs", [6, 8, 10, 15])
def test_the_detectable_difference_is_found_four_times_out_of_five(pairs: int) -> None:
    dz = detectable_dz(pairs)
    assert dz is not None
    samples = np.random.default_rng(pairs).normal(dz, 1, (2000, pairs))
    found = sum(sign_flip_p(sample) <= 0.05 for sample in samples) / len(samples)
    assert math.isclose(found, 0.80, abs_tol=0.03)
