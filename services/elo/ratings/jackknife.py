"""The cluster jackknife: how much a fit moves if one voter, or one scenario, is left out.

CR3 of Bell & McCaffrey (Survey Methodology 28, 2002), from sums over the votes of each cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.davidson import DavidsonFit
from services.elo.ratings.votes import FITTED, Floats, Ints, VoteKind, Votes, sums_by

MAX_CELLS_PER_VOTE = 2
"""In a table of all clusters. A larger one takes longer than the votes one by one."""
MAX_CELLS_AT_ONCE = 200_000
"""Numbers in one array of the exact jackknife: 1.6 MB, which fits into the cache of a processor."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """What leaving out one cluster at a time shows. G is the number of clusters that have votes."""

    covariance: Floats
    """(parameters, parameters), in natural units, with centred strengths. Zero for a single cluster."""
    votes: Floats
    """(G, models): the weighted votes of each cluster on each model."""


class KindVotes:
    """The votes of one kind, and what the fit says about each type of vote: a slot A, a slot B and an outcome."""

    def __init__(self, fit: DavidsonFit, kind: VoteKind, votes: Votes) -> None:
        self.fit, self.kind, self.votes = fit, kind, votes
        self.cells = votes.a * fit.layout.models + votes.b
        self.types = self.cells * FITTED + votes.outcome
        self.probabilities = fit.probabilities(kind)
        self.weight = fit.weights[kind]
        by_d, by_tie = self.probabilities.scores()
        self.by_d, self.by_tie = by_d * self.weight, by_tie * self.weight

    def information(self, votes: Floats) -> Floats:
        """Returns the information of clusters, (G, parameters, parameters), from their votes on (models, models)."""
        weighted = self.weight * votes
        return self.fit.layout.spread(self.kind, *(weighted * one for one in self.probabilities.information()))

    def squared_scores(self) -> Floats:
        """Returns the sum over votes of score score', (parameters, parameters), from the tables."""
        table = self.fit.tables[self.kind]
        return self.fit.layout.spread(
            self.kind,
            (table * self.by_d**2).sum(-1),
            (table * self.by_d * self.by_tie).sum(-1),
            (table * self.by_tie**2).sum(-1),
        )


class _Clustered:
    """The votes of one kind with the cluster of each. With many votes per cluster, a table of all is faster."""

    def __init__(self, of: KindVotes, clusters: Ints, count: int) -> None:
        self.of, self.clusters, self.count = of, clusters, count
        m = of.fit.layout.models
        self.table: Floats | None = None
        if count * m * m * FITTED <= MAX_CELLS_PER_VOTE * len(clusters):
            types = clusters * (m * m * FITTED) + of.types
            counts = np.bincount(types, minlength=count * m * m * FITTED)
            self.table = counts.reshape(count, m, m, FITTED).astype(np.float64)
            # einsum is ten times as fast as a sum over such a short axis.
            self.pairs: Floats = np.einsum("gabo->gab", self.table)

    def sums(self) -> tuple[Floats, Floats]:
        """Returns what the votes of each cluster say, (G, parameters), and their numbers on each model, (G, models)."""
        layout = self.of.fit.layout
        scores = np.empty((self.count, layout.size))
        if self.table is not None:
            by_pair = np.einsum("gabo,abo->gab", self.table, self.of.by_d)
            plus, minus = by_pair.sum(2), by_pair.sum(1)
            numbers = self.pairs.sum(2) + self.pairs.sum(1)
            by_tie = np.tensordot(self.table, self.of.by_tie, 3)
        else:
            plus, minus, numbers, by_tie = self._sums_of_many()
        np.subtract(plus, minus, out=scores[:, : layout.models])
        slot, nu = layout.slot_of(self.of.kind), layout.ties.get(self.of.kind)
        scores[:, layout.models :] = 0
        if slot is not None:
            scores[:, slot] = plus.sum(1)
        if nu is not None:
            scores[:, nu] = by_tie
        return scores, np.multiply(numbers, self.of.weight)

    def _sums_of_many(self) -> tuple[Floats, Floats, Ints, Floats]:
        """Returns the scores of slot A and of slot B, numbers of votes, (G, models) each, and scores of ties, (G,)."""
        m, votes = self.of.fit.layout.models, self.of.votes
        size = self.count * m
        by_d = self.of.by_d.ravel()[self.of.types]
        # In place, because getting new memory for a million numbers takes longer than the calculation.
        slot = self.clusters * m
        slot += votes.a
        plus = sums_by(slot, by_d, size)
        numbers = np.bincount(slot, minlength=size)
        slot -= votes.a
        slot += votes.b
        minus = sums_by(slot, by_d, size)
        numbers += np.bincount(slot, minlength=size)
        by_tie = sums_by(self.clusters, self.of.by_tie.ravel()[self.of.types], self.count)
        return plus.reshape(-1, m), minus.reshape(-1, m), numbers.reshape(-1, m), by_tie

    def information(self, chosen: Ints) -> Floats:
        """Returns the information of some clusters, (chosen, parameters, parameters)."""
        if self.table is not None:
            return self.of.information(self.pairs[chosen])
        m = self.of.fit.layout.models
        number = np.full(self.count, -1)
        number[chosen] = np.arange(len(chosen))
        numbers = number[self.clusters]
        inside = numbers >= 0
        cells = numbers[inside] * (m * m) + self.of.cells[inside]
        votes = np.bincount(cells, minlength=len(chosen) * m * m).reshape(len(chosen), m, m)
        return self.of.information(votes.astype(np.float64))


def jackknife(fit: DavidsonFit, inverse: Floats, kinds: Sequence[tuple[KindVotes, Ints]]) -> Clustering:
    """Returns the covariance (G - 1)/G sum d d' over clusters. Each kind comes with the cluster of each vote.

    d is how much the fit moves if the cluster is left out: (A - H)^-1 s, or A^-1 s for a small cluster, with its
    information H and its score s.
    """
    count = 1 + max(int(clusters.max()) for _, clusters in kinds)
    clustered = [_Clustered(kind, clusters, count) for kind, clusters in kinds]
    scores, votes = clustered[0].sums()
    for one in clustered[1:]:
        more_scores, more_votes = one.sums()
        scores += more_scores
        votes += more_votes
    size = votes.sum(1) / 2
    large = np.flatnonzero(size >= max(fit.method.exact_cluster_share * float(size.sum()), np.finfo(float).tiny))
    moves = _moves_without(fit, clustered, scores, large)
    of_large = scores[large]
    of_small = scores.T @ scores - of_large.T @ of_large
    squares = inverse @ of_small @ inverse + moves.T @ moves
    present = size > 0
    groups = int(present.sum())
    return Clustering(
        covariance=(groups - 1) / groups * centred(fit, squares), votes=votes if present.all() else votes[present]
    )


def _moves_without(fit: DavidsonFit, clustered: Sequence[_Clustered], scores: Floats, clusters: Ints) -> Floats:
    """Returns (A - H)^-1 s of some clusters, (clusters, parameters), as many at once as memory allows."""
    moves = np.empty((len(clusters), fit.layout.size))
    at_once = max(1, MAX_CELLS_AT_ONCE // fit.layout.size**2)
    for begin in range(0, len(clusters), at_once):
        chosen = clusters[begin : begin + at_once]
        information = sum(one.information(chosen) for one in clustered)
        moves[begin : begin + at_once] = _solve(fit.information - information, scores[chosen])
    return moves


def _solve(matrices: Floats, vectors: Floats) -> Floats:
    """Solves each system. Without a ridge and one cluster there may be no solution; then the shortest is taken."""
    try:
        return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(matrices, hermitian=True) @ vectors[..., None])[..., 0])


def centred(fit: DavidsonFit, covariance: Floats) -> Floats:
    """Returns the covariance of parameters whose strengths are centred."""
    m = fit.layout.models
    result = covariance.copy()
    result[:, :m] -= result[:, :m].mean(1, keepdims=True)
    result[:m] -= result[:m].mean(0)
    return result
