"""Spearman's rank correlations between metrics, and between metrics and votes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from services.elo.ratings.votes import Floats

MIN_CORRELATED = 10
"""With fewer values a correlation is mostly chance, so it is absent."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """How much two columns rise together."""

    first: str
    second: str
    rho: float | None
    """Spearman's rho, -1 to 1. None with fewer than 10 values, or if a column has only one value."""
    n: int
    """The number of rows in which both columns have a value."""


def correlations(columns: Mapping[str, ArrayLike]) -> list[Correlation]:
    """Returns the correlation of each two columns, in their order. All have one length; missing values are NaN.

    Raises ValueError if the lengths differ.
    """
    arrays = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        raise ValueError("all columns must have the same number of values")
    return [
        Correlation(first, second, *spearman(arrays[first], arrays[second]))
        for first, second in combinations(arrays, 2)
    ]


def spearman(x: ArrayLike, y: ArrayLike) -> tuple[float | None, int]:
    """Returns Spearman's rho and the number of pairs in which neither value is NaN.

    Equal values share the mean of their ranks (Kendall, Rank Correlation Methods, 1948). rho is None with fewer than 10
    pairs, or if one side has only one value.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    both = ~(np.isnan(first) | np.isnan(second))
    n = int(both.sum())
    if n < MIN_CORRELATED:
        return None, n
    ranks_x, ranks_y = _mean_ranks(first[both]), _mean_ranks(second[both])
    ranks_x, ranks_y = ranks_x - ranks_x.mean(), ranks_y - ranks_y.mean()
    spread = float(np.sqrt((ranks_x @ ranks_x) * (ranks_y @ ranks_y)))
    if spread == 0:
        return None, n
    return float(np.clip(ranks_x @ ranks_y / spread, -1, 1)), n


def _mean_ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])
