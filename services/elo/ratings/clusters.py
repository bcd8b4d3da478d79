"""How much voters and scenarios move a fit: jackknife covariances and their degrees of freedom.

Votes of one voter, or about one scenario, are alike. Leaving out one cluster at a time shows how much a fit depends on
which voters and scenarios took part (the cluster jackknife CR3: Bell & McCaffrey, Survey Methodology 28, 2002). The two
clusterings are combined as V_voter + V_scenario - V_votes (Cameron, Gelbach & Miller, JBES 29, 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.davidson import DavidsonFit
from services.elo.ratings.method import ELO_PER_UNIT
from services.elo.ratings.votes import FITTED, Floats, Ints, VoteKind, Votes, VotesByKind, sums_by

MAX_VOTER_CLUSTERS = 20_000
"""More voters are pooled, whole voters together, by their number modulo this. It changes widths by less than 1%."""
MAX_CELLS_AT_ONCE = 4_000_000
"""Numbers in one array: 32 MB."""


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """One clustering: how many votes each cluster has, and how it moves the fit. G is the number of clusters."""

    votes: Floats
    """(G, models): its weighted votes on each model."""
    left_out: Floats
    """(G, parameters): how much the fit moves, in natural units, if the cluster is left out, with the sign reversed."""
    total: float
    """The weighted number of votes of all clusters."""

    @property
    def covariance(self) -> Floats:
        """The covariance of the parameters, (parameters, parameters), strengths centred. Zero for a single cluster."""
        count = len(self.left_out)
        return (count - 1) / max(count, 1) * self.left_out.T @ self.left_out


@dataclass(frozen=True, slots=True)
class Covariances:
    """What the intervals are made of. Covariances are of all parameters in natural units, with centred strengths."""

    voter: Floats
    scenario: Floats
    votes: Floats
    """If all votes were independent. It is in both of the others, so it is subtracted once."""
    total: Floats
    """voter + scenario - votes, with negative eigenvalues set to 0."""
    plain: Floats
    """The inverse of the information. It ignores clusters and is too small: a scale for other values only."""
    clusterings: Sequence[tuple[Floats, ClusterSums]]
    """The covariance and the sums of each clustering: scenarios, and voters if people voted."""


def covariances(fit: DavidsonFit, votes: VotesByKind) -> Covariances:
    """Returns the covariances of a fit. `votes` are those of its tables.

    Human votes are clustered by voter, and all votes by scenario. Each metric vote is a voter of its own, so that kind
    cancels out of V_voter - V_votes.
    """
    inverse: Floats = np.asarray(np.linalg.inv(fit.information), dtype=np.float64)
    sums = {
        kind: _Kind(fit, kind, chosen.fitted())
        for kind, chosen in votes.items()
        if kind in fit.tables and fit.tables[kind].any()
    }
    zero = np.zeros_like(inverse)
    clusterings = []
    scenario = voter = independent = zero
    if sums:
        by_scenario = _jackknife(fit, inverse, [(kind, kind.votes.scenario) for kind in sums.values()])
        scenario = by_scenario.covariance
        clusterings.append((scenario, by_scenario))
    if VoteKind.HUMAN in sums:
        human = sums[VoteKind.HUMAN]
        voters = human.votes.voter
        # The remainder takes longer than the maximum.
        voters = voters % MAX_VOTER_CLUSTERS if voters.max() >= MAX_VOTER_CLUSTERS else voters
        by_voter = _jackknife(fit, inverse, [(human, voters)])
        voter = by_voter.covariance
        clusterings.append((voter, by_voter))
        independent = _centred(fit, inverse @ human.squared_scores() @ inverse)
    return Covariances(
        voter=voter,
        scenario=scenario,
        votes=independent,
        total=_without_negative(voter + scenario - independent),
        plain=_centred(fit, inverse),
        clusterings=clusterings,
    )


def degrees_of_freedom(fit: DavidsonFit, of: Covariances, first: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Returns the degrees of freedom of each rating, (models,), and of the difference of each pair. At least 1.

    `first` and `second` are the models of each pair, with one entry per pair. Each clustering has
    f = (sum x)^2 / sum x^2 - 1 from the influence x of each cluster; the two are combined after Satterthwaite
    (Biometrics Bulletin 2, 1946).
    """
    models = np.arange(fit.layout.models)
    of_ratings, of_pairs = np.zeros(len(models)), np.zeros(len(first))
    for covariance, sums in of.clusterings:
        influence = _influence(fit, sums)
        total, squares = influence.sum(0), influence.T @ influence
        own = np.diag(squares)
        of_ratings += variances(covariance, models) ** 2 / _freedom(total, own)
        of_pairs += variances(covariance, first, second) ** 2 / _freedom(
            total[first] + total[second], own[first] + own[second] + 2 * squares[first, second]
        )
    return (
        np.maximum(_ratio(variances(of.total, models) ** 2, of_ratings), 1),
        np.maximum(_ratio(variances(of.total, first, second) ** 2, of_pairs), 1),
    )


def _freedom(total: Floats, squares: Floats) -> Floats:
    return np.maximum(_ratio(total**2, squares) - 1, 1)


def variances(covariance: Floats, first: Ints, second: Ints | None = None) -> Floats:
    """Returns the variance of each strength in `first`, or of its difference from that in `second`. At least 0."""
    alone = np.asarray(covariance[first, first])
    if second is None:
        return np.maximum(alone, 0)
    return np.maximum(alone + covariance[second, second] - 2 * covariance[first, second], 0)


def slot_degrees_of_freedom(fit: DavidsonFit, of: Covariances) -> float:
    """Returns the degrees of freedom of the slot effect, at least 1. All human votes are about it."""
    slot = fit.layout.slot
    spread = 0.0
    for covariance, sums in of.clusterings:
        share = sums.votes.sum(1) / 2
        x = share * (1 / _information_per_vote(fit) + _cluster_variance(fit) * share)
        freedom = max(float(x.sum() ** 2 / np.sum(x**2)) - 1, 1.0)
        spread += float(covariance[slot, slot]) ** 2 / freedom
    return max(float(of.total[slot, slot]) ** 2 / spread, 1.0) if spread > 0 else 1.0


class _Kind:
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
    """The votes of one kind with the cluster of each. A table of all clusters is faster, if it is not too large."""

    def __init__(self, of: _Kind, clusters: Ints, count: int) -> None:
        self.of, self.clusters, self.count = of, clusters, count
        m = of.fit.layout.models
        self.table: Floats | None = None
        if count * m * m * FITTED <= MAX_CELLS_AT_ONCE:
            types = clusters * (m * m * FITTED) + of.types
            counts = np.bincount(types, minlength=count * m * m * FITTED)
            self.table = counts.reshape(count, m, m, FITTED).astype(np.float64)
            # einsum is ten times as fast as a sum over such a short axis.
            self.pairs: Floats = np.einsum("gabo->gab", self.table)

    def sums(self) -> tuple[Floats, Floats]:
        """Returns what the votes of each cluster say, (G, parameters), and their numbers on each model, (G, models)."""
        layout = self.of.fit.layout
        scores = np.zeros((self.count, layout.size))
        if self.table is not None:
            by_pair = np.einsum("gabo,abo->gab", self.table, self.of.by_d)
            plus, minus = by_pair.sum(2), by_pair.sum(1)
            numbers = self.pairs.sum(2) + self.pairs.sum(1)
            by_tie = np.tensordot(self.table, self.of.by_tie, 3)
        else:
            plus, minus, numbers, by_tie = self._sums_of_many()
        by_model = scores[:, : layout.models]
        by_model += plus
        by_model -= minus
        slot, nu = layout.slot_of(self.of.kind), layout.ties.get(self.of.kind)
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


def _jackknife(fit: DavidsonFit, inverse: Floats, kinds: Sequence[tuple[_Kind, Ints]]) -> ClusterSums:
    """Returns the sums of the clusters that have votes. Each kind comes with the cluster of each vote."""
    layout = fit.layout
    count = 1 + max(int(clusters.max()) for _, clusters in kinds)
    clustered = [_Clustered(kind, clusters, count) for kind, clusters in kinds]
    scores, votes = clustered[0].sums()
    for one in clustered[1:]:
        more_scores, more_votes = one.sums()
        scores += more_scores
        votes += more_votes
    size = votes.sum(1) / 2
    total = float(size.sum())
    left_out = scores @ inverse
    large = np.flatnonzero(size >= max(fit.method.exact_cluster_share * total, np.finfo(float).tiny))
    at_once = max(1, MAX_CELLS_AT_ONCE // layout.size**2)
    for begin in range(0, len(large), at_once):
        chosen = large[begin : begin + at_once]
        information = sum(one.information(chosen) for one in clustered)
        left_out[chosen] = _solve(fit.information - information, scores[chosen])
    present = size > 0
    if not present.all():
        votes, left_out = votes[present], left_out[present]
    _centre(fit, left_out)
    return ClusterSums(votes, left_out, total)


def _solve(matrices: Floats, vectors: Floats) -> Floats:
    """Solves each system. Without a ridge and one cluster there may be no solution; then the shortest is taken."""
    try:
        return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(matrices, hermitian=True) @ vectors[..., None])[..., 0])


def _centre(fit: DavidsonFit, rows: Floats) -> None:
    """Subtracts the mean of the strengths from each row of parameters."""
    m = fit.layout.models
    rows[:, :m] -= (rows[:, :m] @ np.full(m, 1 / m))[:, None]


def _centred(fit: DavidsonFit, covariance: Floats) -> Floats:
    """Returns the covariance of parameters whose strengths are centred."""
    result = covariance.copy()
    _centre(fit, result)
    _centre(fit, result.T)
    return result


def _without_negative(covariance: Floats) -> Floats:
    """Returns the nearest matrix without negative eigenvalues, which a subtraction can leave."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def _information_per_vote(fit: DavidsonFit) -> float:
    """Returns h, the mean information of one weighted vote about d. Each vote is about two strengths."""
    total = 0.0
    weighted = 0.0
    for kind, table in fit.tables.items():
        votes = fit.weights[kind] * table.sum(-1)
        total += float((votes * fit.probabilities(kind).information()[0]).sum())
        weighted += float(votes.sum())
    return total / weighted


def _cluster_variance(fit: DavidsonFit) -> float:
    return (fit.method.cluster_sd_elo / ELO_PER_UNIT) ** 2


def _influence(fit: DavidsonFit, sums: ClusterSums) -> Floats:
    """Returns a_gi = n_gi/n_i^2 (1/h + t^2 n_gi), (G, models): the variance that a cluster would give each rating."""
    votes = sums.votes
    total = votes.sum(0)
    per_square = _ratio(np.ones_like(total), total**2)
    influence = votes * (_cluster_variance(fit) * per_square)
    influence += per_square / _information_per_vote(fit)
    influence *= votes
    return influence


def _ratio(above: Floats, below: Floats) -> Floats:
    """Returns a quotient, 0 where it would divide by 0."""
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0)
