"""Exact statistics of paired differences: one difference per prompt, or per listener for votes.

No distribution is assumed. The sign-flip test and the Hodges-Lehmann interval assume that the differences are
independent between prompts and symmetric around their centre. Differences of two exchangeable models are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_PAIRS = 40
"""With more pairs the exact sign-flip test would need more than 2^20 sums for each half of the pairs."""

RELATIVE_ROUNDING = 1e-9
"""Sums closer than this, relative to the sum of the absolute differences, differ by rounding only."""

INTERVAL_TAIL = 0.025
"""The probability outside each end of an interval: 95% lies inside."""


def sign_flip_p(differences: Sequence[float]) -> float:
    """Returns the exact two-sided p-value of the hypothesis that each difference could equally have the other sign.

    It is the share of the 2^n sign patterns whose sum is at least as far from zero as the observed sum. Differences of
    zero change nothing; without differences it is 1. The patterns of the two halves of the pairs are summed separately
    and matched by binary search, so 20 pairs need 2 x 2^10 sums instead of 2^20.

    Raises ValueError above 40 pairs.
    """
    values = np.abs(np.asarray([value for value in differences if value != 0], dtype=np.float64))
    if len(values) > MAX_PAIRS:
        raise ValueError(f"the exact sign-flip test supports at most {MAX_PAIRS} pairs, got {len(values)}")
    observed = abs(float(np.sum(np.asarray(differences, dtype=np.float64))))
    threshold = observed - RELATIVE_ROUNDING * float(np.sum(values))
    if threshold <= 0:
        return 1.0
    half = len(values) // 2
    first, second = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    reaching = len(second) - np.searchsorted(second, threshold - first, side="left")
    # The patterns come in pairs with opposite sums, so the same number lies on the other side.
    return min(2.0 * int(np.sum(reaching)) / (len(first) * len(second)), 1.0)


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate((sums - value, sums + value))
    return sums


def clustered_sign_p(nets: Sequence[int]) -> float:
    """Returns the exact two-sided p-value of the hypothesis that each listener's net could equally have the other sign.

    A net is one listener's votes for a model minus their votes for another. This is the sign test clustered by
    listener; with one vote each it is the plain sign test. The p-value is the probability that random signs give a sum
    at least as far from zero as the observed one; 1 without nets. Nets are whole numbers, so the distribution of the
    sum can be built by adding one listener after another, in (listeners x sum of |nets|) steps.
    """
    sizes = [abs(net) for net in nets if net != 0]
    total, observed = sum(sizes), abs(sum(nets))
    if observed == 0:
        return 1.0
    # chances[k] is the probability that the nets with a positive sign sum to k.
    chances = np.zeros(total + 1)
    chances[0] = 1.0
    for size in sizes:
        chances[size:] = (chances[size:] + chances[:-size]) / 2
        chances[:size] /= 2
    # If the positive nets sum to k, all nets sum to 2k - total. observed and total have the same parity.
    reaching = chances[(total + observed) // 2 :]
    return min(2.0 * float(np.sum(reaching)), 1.0)


def walsh_averages(differences: Sequence[float]) -> NDArray[np.float64]:
    """Returns the n(n+1)/2 means of every pair of differences, including each with itself, ascending."""
    values = np.asarray(differences, dtype=np.float64)
    rows, columns = np.triu_indices(len(values))
    return np.sort((values[rows] + values[columns]) / 2)


def hodges_lehmann(differences: Sequence[float]) -> float:
    """Returns the median of the Walsh averages: an estimate of the typical difference that is robust to one odd prompt.

    Hodges & Lehmann, Estimates of location based on rank tests, 1963. There must be at least one difference.
    """
    return float(np.median(walsh_averages(differences)))


def hodges_lehmann_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """Returns the exact 95% interval around the Hodges-Lehmann estimate, None below 6 differences.

    Its ends are the (k+1)-th smallest and largest Walsh averages. k is the largest number that Wilcoxon's signed rank
    statistic does not exceed with probability at most 0.025 (Hollander, Wolfe & Chicken, Nonparametric Statistical
    Methods, section 3.3). With 5 differences even k = 0 has probability 1/32, so no interval reaches 95%.
    """
    cut = _signed_rank_cut(len(differences))
    if cut is None:
        return None
    averages = walsh_averages(differences)
    return float(averages[cut]), float(averages[-1 - cut])


def _signed_rank_cut(pairs: int) -> int | None:
    """Returns the largest k with P(T <= k) <= 0.025 for the signed rank statistic T of `pairs` pairs, None if none."""
    ways = [1]
    for rank in range(1, pairs + 1):
        # Each rank is either in the sum or not in it.
        taken = [0] * rank + ways
        ways = [a + b for a, b in zip(ways + [0] * rank, taken, strict=True)]
    allowed = INTERVAL_TAIL * 2**pairs
    below = 0
    for total, count in enumerate(ways):
        below += count
        if below > allowed:
            return total - 1 if total else None
    raise AssertionError("the whole distribution can't lie in one tail")


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values with Holm's adjustment for testing them together, in the order given.

    Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for position, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[index] = largest
    return adjusted
