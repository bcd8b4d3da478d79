"""Votes as arrays of dense numbers, and their tables of ordered pairs.

Models, voters and scenarios are numbered from 0 without gaps. Finding the distinct values of a million ids takes longer
than a whole fit, so the numbers are stored with the votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class VoteKind(StrEnum):
    """Who voted."""

    HUMAN = "human"
    METRICS = "metrics"


class Outcome(IntEnum):
    """What a vote says about the clips in slot A and slot B. The values are those in arrays."""

    A = 0
    B = 1
    TIE = 2
    BOTH_BAD = 3

    @property
    def exchanged(self) -> Outcome:
        """The same outcome when the slots are exchanged."""
        return _EXCHANGED.get(self, self)


_EXCHANGED: Mapping[Outcome, Outcome] = {Outcome.A: Outcome.B, Outcome.B: Outcome.A}

FITTED = 3
"""Outcomes below this number are in the fit. "Both bad" says nothing about which model is better."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes of one kind. All arrays have one entry per vote. Make them with `Votes.of`, which checks them."""

    a: Ints
    """The model in slot A."""
    b: Ints
    """The model in slot B."""
    outcome: Ints
    """The values of `Outcome`."""
    scenario: Ints
    voter: Ints
    """The voter. For metric votes, each is its own voter and the array is empty."""

    @classmethod
    def of(
        cls, a: ArrayLike, b: ArrayLike, outcome: ArrayLike, scenario: ArrayLike, voter: ArrayLike | None = None
    ) -> Votes:
        """Returns votes from sequences or arrays of one length. `voter` is None for metric votes.

        Raises ValueError if lengths differ, a number is negative or not whole, an outcome is unknown, or a model meets
        itself.
        """
        columns = {"a": a, "b": b, "outcome": outcome, "scenario": scenario, "voter": () if voter is None else voter}
        arrays = {name: _integers(name, column) for name, column in columns.items()}
        count = len(arrays["a"])
        for name, array in arrays.items():
            if len(array) != count and not (name == "voter" and voter is None):
                raise ValueError(f"{name} must have {count} entries like a, got {len(array)}")
            if len(array) and array.min() < 0:
                raise ValueError(f"{name} must not be negative")
        if count and arrays["outcome"].max() > Outcome.BOTH_BAD:
            raise ValueError(f"outcome must be 0 (a), 1 (b), 2 (tie) or 3 (both bad), got {arrays['outcome'].max()}")
        if (arrays["a"] == arrays["b"]).any():
            raise ValueError("the models in slot A and slot B must differ")
        return cls(**arrays)

    def __len__(self) -> int:
        return len(self.a)

    def where(self, kept: Bools) -> Votes:
        """Returns the votes at which `kept` (one entry per vote) is true."""
        voter = self.voter[kept] if len(self.voter) else self.voter
        return Votes(self.a[kept], self.b[kept], self.outcome[kept], self.scenario[kept], voter)

    def fitted(self) -> Votes:
        """Returns the votes that are in a fit: all but "both bad"."""
        kept = self.outcome < FITTED
        return self if kept.all() else self.where(kept)


def _integers(name: str, column: ArrayLike) -> Ints:
    array = np.asarray(column).ravel()
    if len(array) and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must have whole numbers")
    return array.astype(np.intp, copy=False)


VotesByKind = Mapping[VoteKind, Votes]


def fold(votes: Votes, models: int) -> Floats:
    """Returns how often each ordered pair had each outcome, of shape (models, models, 3): slot A, slot B, outcome.

    The outcomes are a, b and tie. Votes for "both bad" are left out. Raises ValueError if a model has a number that is
    not below `models`.
    """
    check_models(votes, models)
    votes = votes.fitted()
    types = (votes.a * models + votes.b) * FITTED + votes.outcome
    return np.bincount(types, minlength=models * models * FITTED).reshape(models, models, FITTED).astype(np.float64)


def check_models(votes: Votes, models: int) -> None:
    """Raises ValueError if a vote names a model whose number is not below `models`."""
    if len(votes) and max(votes.a.max(), votes.b.max()) >= models:
        raise ValueError(f"the numbers of models must be below {models}, got {max(votes.a.max(), votes.b.max())}")


def sums_by(groups: Ints, values: Floats, count: int) -> Floats:
    """Returns the sum of the values of each group, (count,). `groups` has the number of each value's group."""
    # The type of NumPy's function says integers.
    return np.asarray(np.bincount(groups, values, count), dtype=np.float64)
