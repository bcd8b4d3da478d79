"""Spearman's correlations. test_other_packages.py compares them with SciPy's."""

import numpy as np
import pytest

from services.elo.ratings import correlations, spearman


def test_a_rising_relation_has_rho_1_and_a_falling_one_minus_1() -> None:
    x = np.arange(10.0)
    assert spearman(x, np.exp(x)) == (1.0, 10)
    assert spearman(x, -(x**3)) == (-1.0, 10)


def test_with_fewer_than_10_values_there_is_no_correlation() -> None:
    x = np.arange(12.0)
    y = x.copy()
    y[:3] = np.nan
    assert spearman(x, y) == (None, 9)
    y[0] = 0
    assert spearman(x, y) == (1.0, 10)


def test_a_column_with_one_value_has_no_correlation() -> None:
    assert spearman(np.arange(20.0), np.ones(20)) == (None, 20)


def test_each_two_columns_are_correlated_once() -> None:
    x = np.arange(10.0)
    found = correlations({"wer": x, "mos": -x, "votes": [*range(9), np.nan]})
    assert [(one.first, one.second, one.rho, one.n) for one in found] == [
        ("wer", "mos", -1.0, 10),
        ("wer", "votes", None, 9),
        ("mos", "votes", None, 9),
    ]


def test_columns_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="same number of values"):
        correlations({"wer": [1.0], "mos": [1.0, 2.0]})
