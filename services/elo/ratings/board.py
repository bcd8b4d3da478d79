"""A published board: ratings with intervals, ranks, and the effect of slots, from the votes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.clusters import (
    Covariances,
    covariances,
    degrees_of_freedom,
    slot_degrees_of_freedom,
    variances,
)
from services.elo.ratings.davidson import DavidsonFit, fit_davidson
from services.elo.ratings.method import DEFAULT_METHOD, ELO_PER_UNIT, MIN_ESTABLISHED_DF, Method
from services.elo.ratings.ranks import Connectivity, connectivity, holm, ranks
from services.elo.ratings.student_t import quantile, two_sided_p
from services.elo.ratings.votes import Bools, Floats, Ints, VoteKind, VotesByKind, fold

MIN_CLUSTERS = 2
"""One voter, or one scenario, says nothing about how much others differ."""
MIN_VARIANCE = 1e-9
"""Relative to the plain variance. A smaller one is a difference of equal numbers, so nothing is known."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The difference of each pair of models. All arrays have one entry per pair, in the order (0, 1), (0, 2), ..."""

    first: Ints
    second: Ints
    difference: Floats
    """The rating of the first minus that of the second, in Elo."""
    se: Floats
    """The standard error of the difference in Elo. Infinite if it is unknown."""
    df: Floats
    p: Floats
    """The probability of a difference at least this large between equal models. 1 if nothing is known."""
    split: Bools
    """Whether one of them is surely better: by Holm over all pairs, and only if battles connect them."""

    @property
    def half_width(self) -> Floats:
        """Half the length of the 95% interval of each difference in Elo. Infinite if it is unknown."""
        return quantile(self.df) * self.se

    def half_width_matrix(self, models: int) -> Floats:
        """Returns the half-widths as (models, models), 0 on the diagonal."""
        matrix = np.zeros((models, models))
        matrix[self.first, self.second] = matrix[self.second, self.first] = self.half_width
        return matrix


@dataclass(frozen=True, slots=True)
class SlotEffect:
    """How much people prefer slot A to slot B when both models are equal."""

    elo: float
    se_elo: float
    points: float
    """The percentage of votes for slot A minus that for slot B, between equal models, from -100 to 100."""
    low_points: float
    high_points: float
    """The ends of the 95% interval of `points`."""


@dataclass(frozen=True, slots=True)
class Board:
    """Ratings of all models by the votes of one board. Arrays have one entry per model unless they say otherwise.

    The intervals are for new voters and new scenarios like these. On a hybrid board they contain no bias of the
    metrics themselves.
    """

    fit: DavidsonFit
    elo: Floats
    """The odds of winning when there is a winner: 400 points are odds of 10. The mean is 1500. Not live Elo."""
    se: Floats
    """The standard error of the rating. Infinite if it is unknown, as for a model without votes."""
    half_width: Floats
    """Half the length of the 95% interval in Elo. Infinite if it is unknown."""
    df: Floats
    provisional: Bools
    """Whether it has under 15 degrees of freedom, so that its interval is too wide."""
    rank: Ints
    """1 + the number of models that are surely better."""
    rank_worst: Ints
    pairs: Pairs
    connectivity: Connectivity
    slot_effect: SlotEffect | None
    """None without human votes, or if it is unknown."""
    covariances: Covariances
    """In natural units."""

    @property
    def tie_parameters(self) -> Mapping[VoteKind, float]:
        """The tie parameter nu of each kind of votes."""
        return {kind: self.fit.tie_parameter(kind) for kind in self.fit.tables}

    @property
    def leader(self) -> int:
        """The model with the highest rating among those with votes, the first if there are several."""
        return int(np.argmax(np.where(self.connectivity.components >= 0, self.elo, -np.inf)))

    def anchored(self, model: int, elo: float) -> tuple[Floats, Floats]:
        """Returns ratings and half-widths with one model fixed at a rating.

        Only differences are known, so the half-widths become those of the differences from this model.
        """
        half_width = self.pairs.half_width_matrix(len(self.elo))[model]
        return self.elo - self.elo[model] + elo, half_width


def publish(votes: VotesByKind, models: int, method: Method = DEFAULT_METHOD) -> Board:
    """Computes a board from human votes, from metric votes, or as a hybrid from both.

    `models` is the number of models, including those without votes. Votes for "both bad" change nothing.

    Raises ValueError if a vote names a model whose number is not below `models`, or if there is no kind of votes.
    Raises NotConverged only if the ridge of the method is 0.
    """
    fit = fit_davidson({kind: fold(chosen, models) for kind, chosen in votes.items()}, method)
    of = covariances(fit, votes)
    graph = connectivity(fit.tables.values(), models)
    known = _known_models(fit, of)
    first, second = np.triu_indices(models, 1)
    df, pair_df = degrees_of_freedom(fit, of, first, second)
    se = _standard_errors(of, known, np.arange(models))
    pairs = _pairs(fit, of, known, graph, (first, second, pair_df))
    ahead = pairs.difference > 0
    better, worse = np.where(ahead, first, second)[pairs.split], np.where(ahead, second, first)[pairs.split]
    rank, rank_worst = ranks(models, better, worse)
    return Board(
        fit=fit,
        elo=fit.elo,
        se=se,
        half_width=quantile(df) * se,
        df=df,
        provisional=(df < MIN_ESTABLISHED_DF) | np.isinf(se),
        rank=rank,
        rank_worst=rank_worst,
        pairs=pairs,
        connectivity=graph,
        slot_effect=_slot_effect(fit, of),
        covariances=of,
    )


def slot_points(beta: float, nu: float) -> float:
    """Returns 100 (P(a) - P(b)) for equal models, from the slot effect in natural units and the tie parameter."""
    return 100 * 2 * math.sinh(beta / 2) / (2 * math.cosh(beta / 2) + nu)


def _known_models(fit: DavidsonFit, of: Covariances) -> Bools:
    """Returns which models have votes, none of them if there are too few voters or scenarios for any interval."""
    known = np.zeros(fit.layout.models, dtype=np.bool_)
    for table in fit.tables.values():
        known |= table.sum((1, 2)) + table.sum((0, 2)) > 0
    enough = all(len(one.votes) >= MIN_CLUSTERS for one in of.clusterings)
    return known if enough else np.zeros_like(known)


def _standard_errors(of: Covariances, known: Bools, first: Ints, second: Ints | None = None) -> Floats:
    variance, plain = variances(of.total, first, second), variances(of.plain, first, second)
    usable = known[first] & (variance > MIN_VARIANCE * plain)
    if second is not None:
        usable &= known[second]
    return np.where(usable, ELO_PER_UNIT * np.sqrt(variance), np.inf)


def _pairs(
    fit: DavidsonFit, of: Covariances, known: Bools, graph: Connectivity, numbers: tuple[Ints, Ints, Floats]
) -> Pairs:
    first, second, df = numbers
    difference = fit.elo[first] - fit.elo[second]
    se = _standard_errors(of, known, first, second)
    p = two_sided_p(difference / se, df)
    # Models without votes are in no part, and their p-values are 1.
    together = graph.components[first] == graph.components[second]
    split = holm(p, fit.method.false_claim_rate) & together
    return Pairs(first=first, second=second, difference=difference, se=se, df=df, p=p, split=split)


def _slot_effect(fit: DavidsonFit, of: Covariances) -> SlotEffect | None:
    beta, slot = fit.slot_effect, fit.layout.slot
    if beta is None or slot is None or any(len(one.votes) < MIN_CLUSTERS for one in of.clusterings):
        return None
    se = math.sqrt(max(float(of.total[slot, slot]), 0.0))
    reach = float(quantile(slot_degrees_of_freedom(fit, of))) * se
    nu = fit.tie_parameter(VoteKind.HUMAN)
    return SlotEffect(
        elo=ELO_PER_UNIT * beta,
        se_elo=ELO_PER_UNIT * se,
        points=slot_points(beta, nu),
        low_points=slot_points(beta - reach, nu),
        high_points=slot_points(beta + reach, nu),
    )
