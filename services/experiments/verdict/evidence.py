"""Exact statistics of paired differences, one difference per prompt or, of votes, one per listener.

Nothing here assumes a distribution. The sign-flip test and the Hodges-Lehmann interval take the differences to be
independent between prompts and symmetric around their centre, which differences of two exchangeable models are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_PAIRS = 40
"""Above this many pairs the exact sign-flip test would take more than 2^20 sums for each half of the pairs."""

ROUNDING = 1e-9
"""Relative to the sum of the absolute differences: sums closer than this are equal but for rounding."""

INTERVAL_TAIL = 0.025
"""Probability left out on each side of an interval: 95% lies inside."""


def sign_flip_p(differences: Sequence[float]) -> float:
    """The exact two-sided p-value of the hypothesis that each difference could as well have the other sign.

    It is the share of the 2^n sign patterns whose sum is at least as far from zero as the observed one; zeros change
    nothing. 1 for no differences at all. The patterns of the first half of the pairs and of the second half are summed
    separately and matched by binary search, so that 20 pairs take 2 x 2^10 sums and not 2^20.

    Raises ValueError above 40 pairs.
    """
    values = np.abs(np.asarray([value for value in differences if value != 0], dtype=np.float64))
    if len(values) > MAX_PAIRS:
        raise ValueError(f"the exact sign-flip test takes at most {MAX_PAIRS} pairs, not {len(values)}")
    observed = abs(float(np.sum(np.asarray(differences, dtype=np.float64))))
    threshold = observed - ROUNDING * float(np.sum(values))
    if threshold <= 0:
        return 1.0
    half = len(values) // 2
    first, second = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    reaching = len(second) - np.searchsorted(second, threshold - first, side="left")
    # The patterns come in pairs of opposite sums, so as many lie below as above.
    return min(2.0 * int(np.sum(reaching)) / (len(first) * len(second)), 1.0)


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate((sums - value, sums + value))
    return sums


def clustered_sign_p(nets: Sequence[int]) -> float:
    """The exact two-sided p-value of the hypothesis that each listener's net could as well have the other sign.

    A net is the votes of one listener for a model minus those for another, so all nets together are the sign test
    clustered by listener; with one vote each it is the sign test. It is the probability that random signs make a sum at
    least as far from zero as the observed one; 1 for no nets. Nets are whole numbers, so the distribution of the sum is
    made by adding one listener after another, in (listeners x sum of |nets|) steps, for any number of listeners.
    """
    sizes = [abs(net) for net in nets if net != 0]
    total, observed = sum(sizes), abs(sum(nets))
    if observed == 0:
        return 1.0
    # chances[k]: the probability that the nets that are taken as positive sum to k.
    chances = np.zeros(total + 1)
    chances[0] = 1.0
    for size in sizes:
        chances[size:] = (chances[size:] + chances[:-size]) / 2
        chances[:size] /= 2
    # The positive ones sum to k where all sum to 2k - total, which is a whole number only for the same parity.
    reaching = chances[(total + observed) // 2 :]
    return min(2.0 * float(np.sum(reaching)), 1.0)


def walsh_averages(differences: Sequence[float]) -> NDArray[np.float64]:
    """The n(n+1)/2 means of every pair of differences, each with itself too, ascending."""
    values = np.asarray(differences, dtype=np.float64)
    rows, columns = np.triu_indices(len(values))
    return np.sort((values[rows] + values[columns]) / 2)


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of the Walsh averages: an estimate of the typical difference that one odd prompt can't move far.

    Hodges & Lehmann, Estimates of location based on rank tests, 1963. There must be at least one difference.
    """
    return float(np.median(walsh_averages(differences)))


def hodges_lehmann_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The exact 95% interval around the Hodges-Lehmann estimate, or None below 6 differences.

    Its ends are the (k+1)-th smallest and largest Walsh averages, with the largest k that Wilcoxon's signed rank
    statistic stays at or below with probability at most 0.025 (Hollander, Wolfe & Chicken, Nonparametric Statistical
    Methods, section 3.3). With 5 differences even k = 0 has probability 1/32, so no interval reaches 95%.
    """
    cut = _signed_rank_cut(len(differences))
    if cut is None:
        return None
    averages = walsh_averages(differences)
    return float(averages[cut]), float(averages[-1 - cut])


def _signed_rank_cut(pairs: int) -> int | None:
    """The largest k with P(T <= k) <= 0.025 for the signed rank statistic T of that many pairs, or None."""
    ways = [1]
    for rank in range(1, pairs + 1):
        # Each rank is either in the sum or not.
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
    """Holm's adjustment of p-values that are looked at together, in the order given.

    Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for position, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[index] = largest
    return adjusted
