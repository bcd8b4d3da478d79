"""Davidson's model of paired comparisons with ties, with a slot effect and several kinds of votes.

With d = s_a - s_b + beta, the probabilities of "a", "b" and "tie" are proportional to e^(d/2), e^(-d/2) and nu
(Davidson, JASA 65, 1970). beta is the preference for slot A, of human votes only. Each kind of votes has its own nu; a
kind without ties has none. The fit maximizes

    sum w log P - ridge/2 (sum s^2 + beta^2) - ridge/60 sum (ln nu)^2

by Newton's method on the tables of ordered pairs, so that its time does not depend on the number of votes. On a hybrid
board w makes the influence of a kind proportional to its mass, however many votes it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.elo.domain import FIRST_RATING
from services.elo.ratings.method import DEFAULT_METHOD, ELO_PER_UNIT, Method
from services.elo.ratings.votes import Floats, VoteKind

MAX_STEPS = 100
TOLERANCE = 1e-10
"""In natural units: the largest change of a parameter in the last step."""
MAX_STEP = 2.0
"""In natural units. Longer steps are shortened, because the start may be far away."""


class NotConverged(ValueError):
    """The votes have no finite fit. Only without a ridge: a model that always won has no finite strength."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter is in a vector of parameters: strengths, then the slot effect, then each ln nu."""

    models: int
    slot: int | None
    """The position of the slot effect, None without one."""
    ties: Mapping[VoteKind, int]
    """The positions of ln nu."""

    @property
    def size(self) -> int:
        """The number of parameters."""
        return self.models + (self.slot is not None) + len(self.ties)

    def slot_of(self, kind: VoteKind) -> int | None:
        """Returns the position of the slot effect if votes of this kind have one."""
        return self.slot if kind is VoteKind.HUMAN else None

    def spread(self, kind: VoteKind, by_d: Floats, by_tie: Floats, tie: Floats) -> Floats:
        """Returns the information about all parameters, (..., size, size), from that of ordered pairs.

        The inputs are (..., models, models), slot A first: the information about d, that about d and ln nu together,
        and that about ln nu.
        """
        m = self.models
        information = np.zeros((*by_d.shape[:-2], self.size, self.size))
        information[..., :m, :m] = -(by_d + by_d.swapaxes(-1, -2))
        information[..., range(m), range(m)] += by_d.sum(-1) + by_d.sum(-2)
        slot, nu = self.slot_of(kind), self.ties.get(kind)
        if slot is not None:
            row = by_d.sum(-1) - by_d.sum(-2)
            information[..., slot, :m] = information[..., :m, slot] = row
            information[..., slot, slot] = by_d.sum((-1, -2))
        if nu is not None:
            row = by_tie.sum(-1) - by_tie.sum(-2)
            information[..., nu, :m] = information[..., :m, nu] = row
            information[..., nu, nu] = tie.sum((-1, -2))
            if slot is not None:
                information[..., nu, slot] = information[..., slot, nu] = by_tie.sum((-1, -2))
        return information


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The probability of each outcome for each ordered pair, (models, models), or for each vote."""

    p_a: Floats
    p_b: Floats
    p_tie: Floats

    @classmethod
    def of(cls, d: Floats, log_nu: float | None) -> Probabilities:
        """Returns the probabilities for differences d of slot A over slot B. `log_nu` is None without ties."""
        half = np.abs(d) / 2
        # Everything is divided by e^(|d|/2), so that nothing overflows.
        weak = np.exp(-2 * half)
        tie = np.zeros_like(d) if log_nu is None else np.exp(log_nu - half)
        total = 1 + weak + tie
        p_strong, p_weak = 1 / total, weak / total
        ahead = d >= 0
        return cls(np.where(ahead, p_strong, p_weak), np.where(ahead, p_weak, p_strong), tie / total)

    def information(self) -> tuple[Floats, Floats, Floats]:
        """Returns the information of one vote about d, about d and ln nu together, and about ln nu."""
        surplus = (self.p_a - self.p_b) / 2
        return (
            (self.p_a + self.p_b) / 4 - surplus**2,
            -self.p_tie * surplus,
            self.p_tie * (1 - self.p_tie),
        )

    def scores(self) -> tuple[Floats, Floats]:
        """Returns the derivative of log P by d and by ln nu for each outcome, (models, models, 3) each."""
        surplus = (self.p_a - self.p_b) / 2
        by_d = np.stack((0.5 - surplus, -0.5 - surplus, -surplus), axis=-1)
        by_tie = np.stack((-self.p_tie, -self.p_tie, 1 - self.p_tie), axis=-1)
        return by_d, by_tie


@dataclass(frozen=True, slots=True)
class DavidsonFit:
    """Fitted parameters in natural units, and what the covariance needs."""

    layout: Layout
    method: Method
    tables: Mapping[VoteKind, Floats]
    weights: Mapping[VoteKind, float]
    """The weight of one vote of each kind. Together the votes weigh as much as their number."""
    parameters: Floats
    """In the order of `layout`, strengths with mean 0."""
    information: Floats
    """(size, size): that of the votes plus the prior, plus 1 for each pair of strengths, which fixes the mean."""

    @property
    def strengths(self) -> Floats:
        """The strengths s in natural units, (models,), with mean 0."""
        return self.parameters[: self.layout.models]

    @property
    def elo(self) -> Floats:
        """The ratings in points of Elo, (models,), with mean 1500. 400 points are odds of 10 when there is a winner."""
        return FIRST_RATING + ELO_PER_UNIT * self.strengths

    @property
    def slot_effect(self) -> float | None:
        """The preference beta for slot A in natural units. None without one."""
        return None if self.layout.slot is None else float(self.parameters[self.layout.slot])

    def tie_parameter(self, kind: VoteKind) -> float:
        """Returns nu of a kind of votes: the odds of a tie against a win of one of two equal models. 0 without ties."""
        position = self.layout.ties.get(kind)
        return 0.0 if position is None else float(np.exp(self.parameters[position]))

    def probabilities(self, kind: VoteKind) -> Probabilities:
        """Returns the probabilities of each ordered pair, (models, models), for votes of one kind."""
        return pair_probabilities(self.layout, kind, self.parameters)

    def votes(self, kind: VoteKind | None = None) -> float:
        """Returns the number of votes, of one kind or of all, without "both bad"."""
        return float(sum(table.sum() for which, table in self.tables.items() if kind in (None, which)))


def fit_davidson(
    tables: Mapping[VoteKind, Floats], method: Method = DEFAULT_METHOD, start: DavidsonFit | None = None
) -> DavidsonFit:
    """Fits Davidson's model to tables of ordered pairs, such as `fold` returns.

    Each table has shape (models, models, 3), all of the same number of models. Kinds without votes are ignored. With
    `start`, the fit begins there and has the parameters and weights of that fit; removing votes must not change them.

    Raises NotConverged if the ridge is 0 and a model won or lost everything, or the graph of battles is not connected.
    Raises ValueError if there are no tables.
    """
    if not tables:
        raise ValueError("a fit needs at least one table of votes")
    if start is None:
        tables = {kind: table for kind, table in tables.items() if table.sum() > 0} or dict(list(tables.items())[:1])
        layout = _layout(tables, method)
        weights: Mapping[VoteKind, float] = _weights(tables, method)
        parameters = _first_guess(layout, tables)
    else:
        layout, weights, parameters = start.layout, start.weights, start.parameters
    weighted = {kind: table * weights[kind] for kind, table in tables.items()}
    prior = prior_precisions(layout, method)
    for _ in range(MAX_STEPS):
        gradient, information = _derivatives(layout, weighted, prior, parameters)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError as error:
            raise NotConverged("without a ridge, every model must be connected to all others by battles") from error
        size = float(np.max(np.abs(step)))
        parameters = parameters + step * min(1.0, MAX_STEP / size if size > 0 else 1.0)
        if size < TOLERANCE:
            break
        if not np.isfinite(size):
            raise NotConverged("without a ridge, every model must be connected to all others by battles")
    else:
        raise NotConverged(f"the fit did not converge in {MAX_STEPS} steps; a ridge above 0 makes it finite")
    # One more evaluation, at the solution.
    _, information = _derivatives(layout, weighted, prior, parameters)
    return DavidsonFit(layout, method, tables, weights, parameters, information)


def _layout(tables: Mapping[VoteKind, Floats], method: Method) -> Layout:
    models = next(iter(tables.values())).shape[0]
    slot = models if method.slot_effect and VoteKind.HUMAN in tables else None
    first = models + (slot is not None)
    with_ties = [kind for kind, table in tables.items() if table[..., 2].sum() > 0]
    return Layout(models, slot, {kind: first + index for index, kind in enumerate(with_ties)})


def _weights(tables: Mapping[VoteKind, Floats], method: Method) -> dict[VoteKind, float]:
    """Returns w of each kind: its share of the masses times the number of all votes over that of its own."""
    votes = {kind: float(table.sum()) for kind, table in tables.items()}
    mass = sum(method.masses[kind] for kind in tables)
    return {
        kind: 1.0 if len(tables) == 1 else method.masses[kind] / mass * sum(votes.values()) / votes[kind]
        for kind in tables
    }


def _first_guess(layout: Layout, tables: Mapping[VoteKind, Floats]) -> Floats:
    """Returns equal strengths and the tie parameters that give the observed shares of ties."""
    parameters = np.zeros(layout.size)
    for kind, position in layout.ties.items():
        ties = float(tables[kind][..., 2].sum())
        wins = float(tables[kind].sum()) - ties
        parameters[position] = np.log(2 * ties / max(wins, 0.5))
    return parameters


def prior_precisions(layout: Layout, method: Method) -> Floats:
    """Returns the prior precision of each parameter."""
    prior = np.full(layout.size, method.ridge, dtype=np.float64)
    for position in layout.ties.values():
        prior[position] = method.tie_ridge
    return prior


def pair_probabilities(layout: Layout, kind: VoteKind, parameters: Floats) -> Probabilities:
    """Returns the probabilities of each ordered pair, (models, models), for votes of one kind."""
    strengths = parameters[: layout.models]
    slot, nu = layout.slot_of(kind), layout.ties.get(kind)
    d = strengths[:, None] - strengths + (0.0 if slot is None else parameters[slot])
    return Probabilities.of(d, None if nu is None else float(parameters[nu]))


def _derivatives(
    layout: Layout, weighted: Mapping[VoteKind, Floats], prior: Floats, parameters: Floats
) -> tuple[Floats, Floats]:
    """Returns the gradient of what is maximized, (size,), and minus its second derivative, (size, size)."""
    m = layout.models
    gradient = -prior * parameters
    information = np.diag(prior)
    # Strengths can move together freely. This holds their mean.
    information[:m, :m] += 1
    for kind, table in weighted.items():
        pairs = pair_probabilities(layout, kind, parameters)
        votes = table.sum(-1)
        by_d = (table[..., 0] - table[..., 1] - votes * (pairs.p_a - pairs.p_b)) / 2
        gradient[:m] += by_d.sum(1) - by_d.sum(0)
        slot, nu = layout.slot_of(kind), layout.ties.get(kind)
        if slot is not None:
            gradient[slot] += by_d.sum()
        if nu is not None:
            gradient[nu] += (table[..., 2] - votes * pairs.p_tie).sum()
        information += layout.spread(kind, *(votes * one for one in pairs.information()))
    return gradient, information
