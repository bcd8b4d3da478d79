"""Which differences are sure, the ranks that follow, and which models are connected by battles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.votes import Bools, Floats, Ints, Votes, check_models


def holm(p: Floats, alpha: float = 0.05) -> Bools:
    """Returns which hypotheses are rejected so that any is rejected wrongly with probability `alpha` at most.

    Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979): the k-th smallest of n p-values is compared
    with alpha / (n - k + 1), and the first that is larger ends it. `p` and the result have one entry per hypothesis.
    """
    order = np.argsort(p, kind="stable")
    passed = p[order] <= alpha / np.arange(len(p), 0, -1)
    rejected = np.zeros(len(p), dtype=np.bool_)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected


def ranks(models: int, better: Ints, worse: Ints) -> tuple[Ints, Ints]:
    """Returns the best and the worst rank of each model, (models,) each, from 1.

    `better` and `worse` have one entry per pair that is split: the model that is surely better, and the other. The best
    rank is 1 + the number of models that are surely better, the worst is the number of models without those that are
    surely worse.
    """
    best = 1 + np.bincount(worse, minlength=models)
    return best, models - np.bincount(better, minlength=models)


@dataclass(frozen=True, slots=True)
class Connectivity:
    """The parts of the graph whose edges are the pairs that have votes."""

    components: Ints
    """(models,): the number of each model's part, from 0 in the order of their first models. -1 without votes."""

    @property
    def connected(self) -> bool:
        """Whether all models that have votes are in one part."""
        return bool((self.components <= 0).all())


def connectivity(tables: Iterable[Floats], models: int) -> Connectivity:
    """Returns the connected parts of the graph of battles.

    `tables` are those of `fold`, (models, models, 3) each, so votes for "both bad" connect nothing.
    """
    met = np.zeros((models, models), dtype=np.bool_)
    for table in tables:
        met |= table.sum(-1) > 0
    return Connectivity(_components(met | met.T))


def _components(met: Bools) -> Ints:
    components = np.full(len(met), -1)
    count = 0
    for first in np.flatnonzero(met.any(0)):
        if components[first] >= 0:
            continue
        reached = np.zeros(len(met), dtype=np.bool_)
        reached[first] = True
        frontier = reached
        while frontier.any():
            frontier = met[frontier].any(0) & ~reached
            reached = reached | frontier
        components[reached] = count
        count += 1
    return components


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """How each pair of models fared, whichever slots they had. All arrays are (models, models)."""

    wins: Ints
    """`wins[i, j]` is how often i was preferred to j."""
    ties: Ints
    both_bad: Ints

    @property
    def votes(self) -> Ints:
        """The number of votes of each pair, with ties and "both bad"."""
        return self.wins + self.wins.T + self.ties + self.both_bad

    @property
    def win_rate(self) -> Floats:
        """`win_rate[i, j]` is the share of all votes of the pair that preferred i. NaN for pairs without votes."""
        votes = self.votes
        return np.asarray(np.divide(self.wins, votes, out=np.full(votes.shape, np.nan), where=votes > 0))


def head_to_head(votes: Votes, models: int) -> HeadToHead:
    """Returns the matrix of votes between all models.

    Raises ValueError if a vote names a model whose number is not below `models`.
    """
    counts = count_outcomes(votes, models)
    both = counts + counts.swapaxes(0, 1)
    return HeadToHead(wins=counts[..., 0] + counts[..., 1].T, ties=both[..., 2], both_bad=both[..., 3])


def count_outcomes(votes: Votes, models: int) -> Ints:
    """Returns how often each ordered pair had each outcome, (models, models, 4): slot A, slot B, value of `Outcome`.

    Raises ValueError if a vote names a model whose number is not below `models`.
    """
    check_models(votes, models)
    types = (votes.a * models + votes.b) * 4 + votes.outcome
    return np.bincount(types, minlength=models * models * 4).reshape(models, models, 4)
