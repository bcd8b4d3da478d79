"""Delivery control: ratings of models as if all spoke equally long, equally fast and began equally soon.

Davidson's model with covariates of delivery beside the strengths (the style control of Chatbot Arena, for speech). Each
covariate is (a - b)/(a + b) of the two clips, divided by its standard deviation. The ratings are shown beside the
published ones, not instead: being too slow is a fault of a model, too. They have no intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from services.elo.domain import FIRST_RATING
from services.elo.ratings.davidson import (
    DavidsonFit,
    NotConverged,
    Probabilities,
    fit_davidson,
    prior_precisions,
)
from services.elo.ratings.method import DEFAULT_METHOD, ELO_PER_UNIT, Method
from services.elo.ratings.votes import FITTED, Floats, VoteKind, Votes, VotesByKind, fold, sums_by

DELIVERY_COVARIATES = ("duration_seconds", "speaking_rate", "leading_silence_ms")
COVARIATE_RIDGE = 0.5
"""The prior precision of each coefficient, in natural units per standard deviation."""
MAX_STEPS = 50
TOLERANCE = 1e-6
"""In natural units: 0.0002 Elo."""


@dataclass(frozen=True, slots=True)
class DeliveryControl:
    """Ratings at equal delivery."""

    elo: Floats
    """(models,): the scale is that of published ratings, with mean 1500."""
    effects: Mapping[str, float]
    """What one standard deviation more of a covariate is worth, in Elo."""
    deviations: Mapping[str, float]
    """The standard deviation of each covariate, 0 to 1."""
    votes: int
    """The number of votes with all covariates. Others are left out."""


def contrast(a: ArrayLike, b: ArrayLike) -> Floats:
    """Returns (a - b)/(a + b) for values of at least 0: -1 to 1, 0 if both are 0, NaN if one is NaN."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    total = first + second
    return np.divide(first - second, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)


def control_delivery(
    votes: VotesByKind,
    contrasts: Mapping[VoteKind, Floats],
    models: int,
    method: Method = DEFAULT_METHOD,
    names: Sequence[str] = DELIVERY_COVARIATES,
) -> DeliveryControl | None:
    """Fits ratings and the effects of delivery. Returns None if no vote has all covariates.

    `contrasts` has one row per vote of each kind and one column per name, slot A against slot B, as `contrast` returns
    them. Votes for "both bad" and rows with a NaN are left out.

    Raises ValueError if there is not one row per vote, or a vote names a model whose number is not below `models`.
    """
    used: dict[VoteKind, Votes] = {}
    rows: dict[VoteKind, Floats] = {}
    for kind, chosen in votes.items():
        of_kind = np.asarray(contrasts[kind], dtype=np.float64)
        if of_kind.shape != (len(chosen), len(names)):
            raise ValueError(f"contrasts must have the shape {(len(chosen), len(names))}, got {of_kind.shape}")
        kept = (chosen.outcome < FITTED) & ~np.isnan(of_kind).any(1)
        if kept.any():
            used[kind], rows[kind] = chosen.where(kept), of_kind[kept]
    if not used:
        return None
    deviations = np.sqrt(np.mean(np.concatenate(list(rows.values())) ** 2, axis=0))
    scale = np.where(deviations > 0, deviations, 1)
    fit = fit_davidson({kind: fold(chosen, models) for kind, chosen in used.items()}, method)
    parameters = _fit(fit, [_Votes(fit, kind, used[kind], rows[kind] / scale) for kind in used], len(names))
    effects = ELO_PER_UNIT * parameters[fit.layout.size :]
    return DeliveryControl(
        elo=FIRST_RATING + ELO_PER_UNIT * parameters[:models],
        effects=dict(zip(names, effects.tolist(), strict=True)),
        deviations=dict(zip(names, deviations.tolist(), strict=True)),
        votes=sum(len(chosen) for chosen in used.values()),
    )


@dataclass(frozen=True, slots=True)
class _Votes:
    """The votes of one kind with their covariates, (votes, covariates)."""

    fit: DavidsonFit
    kind: VoteKind
    votes: Votes
    covariates: Floats


def _fit(fit: DavidsonFit, kinds: Sequence[_Votes], covariates: int) -> Floats:
    """Returns the parameters of the fit followed by the coefficients. The fit without covariates is the start."""
    size, m = fit.layout.size, fit.layout.models
    parameters = np.append(fit.parameters, np.zeros(covariates))
    prior = np.append(prior_precisions(fit.layout, fit.method), np.full(covariates, COVARIATE_RIDGE))
    for _ in range(MAX_STEPS):
        gradient, information = -prior * parameters, np.diag(prior)
        information[:m, :m] += 1
        for one in kinds:
            _add(one, parameters, gradient, information)
        step = np.linalg.solve(information, gradient)
        parameters = parameters + step
        if np.max(np.abs(step)) < TOLERANCE:
            return parameters
    raise NotConverged(f"delivery control did not converge in {MAX_STEPS} steps, {size} parameters")


def _add(of: _Votes, parameters: Floats, gradient: Floats, information: Floats) -> None:
    """Adds what the votes of one kind say to the gradient and the information."""
    layout, votes, x, weight = of.fit.layout, of.votes, of.covariates, of.fit.weights[of.kind]
    m, size = layout.models, layout.size
    slot, nu = layout.slot_of(of.kind), layout.ties.get(of.kind)
    d = parameters[votes.a] - parameters[votes.b] + x @ parameters[size:]
    if slot is not None:
        d += parameters[slot]
    probabilities = Probabilities.of(d, None if nu is None else float(parameters[nu]))
    surplus = (probabilities.p_a - probabilities.p_b) / 2
    residual = weight * (np.array([0.5, -0.5, 0.0])[votes.outcome] - surplus)
    by_d, by_tie, tie = (weight * one for one in probabilities.information())

    def by_model(values: Floats) -> Floats:
        return sums_by(votes.a, values, m) - sums_by(votes.b, values, m)

    cells = votes.a * m + votes.b
    information[:size, :size] += layout.spread(
        of.kind, *(sums_by(cells, values, m * m).reshape(m, m) for values in (by_d, by_tie, tie))
    )
    gradient[:m] += by_model(residual)
    gradient[size:] += x.T @ residual
    weighted = x * by_d[:, None]
    cross = np.zeros((size, x.shape[1]))
    for column in range(x.shape[1]):
        cross[:m, column] = by_model(weighted[:, column])
    if slot is not None:
        gradient[slot] += residual.sum()
        cross[slot] = weighted.sum(0)
    if nu is not None:
        gradient[nu] += float(weight * np.sum((votes.outcome == 2) - probabilities.p_tie))
        cross[nu] = by_tie @ x
    information[:size, size:] += cross
    information[size:, :size] += cross.T
    information[size:, size:] += x.T @ weighted
