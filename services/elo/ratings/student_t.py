"""Student's t distribution for any number of degrees of freedom from 1, whole or not.

The two-sided p-value is a regularized incomplete beta function (Abramowitz & Stegun 26.7.1 and 26.5.8), which is
computed by its continued fraction with the method of Lentz. SciPy gives the same numbers but would cost the service
70 MB of memory.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MAX_DF = 1e6
"""With more degrees of freedom the distribution is normal to 6 digits."""
MAX_TERMS = 5000
"""Of the continued fraction. It needs about sqrt(df) terms."""
PRECISION = 1e-14
TINY = 1e-300

_log_gamma = np.frompyfunc(math.lgamma, 1, 1)


def two_sided_p(t: ArrayLike, df: ArrayLike) -> Floats:
    """Returns the probability that a value of Student's t lies at least as far from 0 as `t`.

    `t` and `df` are broadcast; the result has their common shape and values from 0 to 1. The sign of `t` has no effect,
    and an infinite one gives 0. Degrees of freedom are at least 1; above a million they count as a million.

    Raises ValueError if there are less than 1, or if an input is not a number.
    """
    values, freedom = np.broadcast_arrays(np.abs(np.asarray(t, dtype=np.float64)), np.asarray(df, dtype=np.float64))
    if np.isnan(values).any() or not (freedom >= 1).all():
        raise ValueError("t must be a number, and there must be at least 1 degree of freedom")
    freedom = np.minimum(freedom, MAX_DF)
    with np.errstate(over="ignore"):
        x = freedom / (freedom + values * values)
    return _incomplete_beta(freedom / 2, x).reshape(values.shape)


def quantile(df: ArrayLike, two_sided: float = 0.05) -> Floats:
    """Returns the value of Student's t that is exceeded in absolute value with probability `two_sided`.

    The default gives the 97.5% quantile, which the half-width of a 95% interval needs. The result has the shape of
    `df`. Solved by Newton's method on ln p as a function of ln t, which is nearly straight.

    Raises ValueError if there is less than 1 degree of freedom, or `two_sided` is not between 0 and 1.
    """
    freedom = np.minimum(np.asarray(df, dtype=np.float64), MAX_DF)
    if not 0 < two_sided < 1:
        raise ValueError(f"two_sided must be between 0 and 1, got {two_sided}")
    # The start is the first terms of the Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5).
    z = NormalDist().inv_cdf(1 - two_sided / 2)
    log_t = np.log(z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2))
    log_density = _log_density_constant(freedom)
    for _ in range(50):
        t = np.exp(log_t)
        p = np.maximum(two_sided_p(t, freedom), TINY)
        density = np.exp(log_density - (freedom + 1) / 2 * np.log1p(t * t / freedom))
        step = (np.log(two_sided) - np.log(p)) / (-2 * density * t / p)
        log_t = log_t + step
        # Newton's method doubles the correct digits, so the error is now far below rounding of what is shown.
        if np.max(np.abs(step), initial=0) < 1e-6:
            break
    return np.exp(log_t)


def _log_density_constant(df: Floats) -> Floats:
    return _log_gamma_of((df + 1) / 2) - _log_gamma_of(df / 2) - np.log(math.pi * df) / 2


def _log_gamma_of(x: Floats) -> Floats:
    return np.asarray(_log_gamma(x), dtype=np.float64)


def _incomplete_beta(a: Floats, x: Floats) -> Floats:
    """Returns I_x(a, 1/2), flattened."""
    first, at = a.ravel(), x.ravel()
    second = np.full(first.shape, 0.5)
    # The fraction converges fast below the mean of the distribution. Above it, the complement is computed.
    mirrored = at > (first + 1) / (first + 2.5)
    left, right = np.where(mirrored, second, first), np.where(mirrored, first, second)
    inside = np.where(mirrored, 1 - at, at)
    log_beta = _log_gamma_of(first) + math.lgamma(0.5) - _log_gamma_of(first + 0.5)
    with np.errstate(divide="ignore"):
        log_front = left * np.log(inside) + right * np.log1p(-inside) - log_beta
    value = np.exp(log_front) * _continued_fraction(left, right, inside) / left
    return np.asarray(np.clip(np.where(mirrored, 1 - value, value), 0, 1))


def _continued_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """Returns the continued fraction of the incomplete beta function (Numerical Recipes, 6.4)."""

    def not_zero(values: Floats) -> Floats:
        return np.where(np.abs(values) < TINY, TINY, values)

    c = np.ones(x.shape)
    d = 1 / not_zero(1 - (a + b) * x / (a + 1))
    result = d.copy()
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / not_zero(1 + even * d)
        c = not_zero(1 + even / c)
        result = result * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / not_zero(1 + odd * d)
        c = not_zero(1 + odd / c)
        change = d * c
        result = result * change
        if np.max(np.abs(change - 1), initial=0) < PRECISION:
            break
    return result
