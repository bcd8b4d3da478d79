"""The covariances of a fit, clustered by voter and by scenario, and their degrees of freedom.

Votes of one voter, or about one scenario, are alike, so intervals must not count them as independent. The two
clusterings are combined as V_voter + V_scenario - V_votes (Cameron, Gelbach & Miller, JBES 29, 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.davidson import DavidsonFit
from services.elo.ratings.jackknife import Clustering, KindVotes, centred, jackknife
from services.elo.ratings.method import ELO_PER_UNIT
from services.elo.ratings.votes import Floats, Ints, VoteKind, VotesByKind

MAX_VOTER_CLUSTERS = 20_000
"""More voters are pooled, whole voters together, by their number modulo this. It changes widths by less than 1%."""


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
    clusterings: Sequence[Clustering]
    """That of scenarios, and that of voters if people voted."""


def covariances(fit: DavidsonFit, votes: VotesByKind) -> Covariances:
    """Returns the covariances of a fit. `votes` are those of its tables.

    Human votes are clustered by voter, and all votes by scenario. Each metric vote is a voter of its own, so that kind
    cancels out of V_voter - V_votes.
    """
    inverse: Floats = np.asarray(np.linalg.inv(fit.information), dtype=np.float64)
    sums = {
        kind: KindVotes(fit, kind, chosen.fitted())
        for kind, chosen in votes.items()
        if kind in fit.tables and fit.tables[kind].any()
    }
    zero = np.zeros_like(inverse)
    clusterings = []
    scenario = voter = independent = zero
    if sums:
        by_scenario = jackknife(fit, inverse, [(kind, kind.votes.scenario) for kind in sums.values()])
        scenario = by_scenario.covariance
        clusterings.append(by_scenario)
    if VoteKind.HUMAN in sums:
        human = sums[VoteKind.HUMAN]
        voters = human.votes.voter
        # The remainder takes longer than the maximum.
        voters = voters % MAX_VOTER_CLUSTERS if voters.max() >= MAX_VOTER_CLUSTERS else voters
        by_voter = jackknife(fit, inverse, [(human, voters)])
        voter = by_voter.covariance
        clusterings.append(by_voter)
        independent = centred(fit, inverse @ human.squared_scores() @ inverse)
    return Covariances(
        voter=voter,
        scenario=scenario,
        votes=independent,
        total=_without_negative(voter + scenario - independent),
        plain=centred(fit, inverse),
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
    for one in of.clusterings:
        influence = _influence(fit, one)
        total, squares = influence.sum(0), influence.T @ influence
        own = np.diag(squares)
        of_ratings += variances(one.covariance, models) ** 2 / _freedom(total, own)
        of_pairs += variances(one.covariance, first, second) ** 2 / _freedom(
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
    for one in of.clusterings:
        share = one.votes.sum(1) / 2
        x = share * (1 / _information_per_vote(fit) + _cluster_variance(fit) * share)
        freedom = max(float(x.sum() ** 2 / np.sum(x**2)) - 1, 1.0)
        spread += float(one.covariance[slot, slot]) ** 2 / freedom
    return max(float(of.total[slot, slot]) ** 2 / spread, 1.0) if spread > 0 else 1.0


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


def _influence(fit: DavidsonFit, clustering: Clustering) -> Floats:
    """Returns a_gi = n_gi/n_i^2 (1/h + t^2 n_gi), (G, models): the variance that a cluster would give each rating."""
    votes = clustering.votes
    total = votes.sum(0)
    per_square = _ratio(np.ones_like(total), total**2)
    influence = votes * (_cluster_variance(fit) * per_square)
    influence += per_square / _information_per_vote(fit)
    influence *= votes
    return influence


def _ratio(above: Floats, below: Floats) -> Floats:
    """Returns a quotient, 0 where it would divide by 0."""
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0)
