"""Simulated arenas: votes with voters and scenarios that differ, and the ratings that endless votes would give.

The setting is that of the design's simulations: tastes of voters and effects of scenarios are normal, activity is
log-normal, about 29% of votes are ties, and slot A has an advantage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.elo.ratings import Board, Method, VoteKind, Votes
from services.elo.ratings.davidson import Probabilities, fit_davidson
from services.elo.ratings.method import ELO_PER_UNIT

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """The setting of a simulation. Spreads are standard deviations in Elo."""

    models: int = 12
    scenarios: int = 48
    voters: int = 200
    votes: int = 3000
    model_spread: float = 120.0
    scenario_spread: float = 80.0
    voter_spread: float = 75.0
    activity_spread: float = 1.2
    """Of the logarithm of how often a voter votes."""
    log_nu: float = -0.1
    slot_elo: float = 20.0

    def strengths(self, random: np.random.Generator) -> Floats:
        """Returns strengths of models in natural units, with mean 0."""
        strengths = random.normal(0, self.model_spread / ELO_PER_UNIT, self.models)
        return strengths - strengths.mean()

    def vote(self, strengths: Floats, random: np.random.Generator) -> Votes:
        """Returns human votes on random pairs, with new voters and new scenarios."""
        a = random.integers(0, self.models, self.votes)
        b = (a + random.integers(1, self.models, self.votes)) % self.models
        scenario = random.integers(0, self.scenarios, self.votes)
        activity = np.exp(random.normal(0, self.activity_spread, self.voters))
        voter = random.choice(self.voters, self.votes, p=activity / activity.sum())
        by_scenario = random.normal(0, self.scenario_spread / ELO_PER_UNIT, (self.scenarios, self.models))
        by_voter = random.normal(0, self.voter_spread / ELO_PER_UNIT, (self.voters, self.models))
        d = strengths[a] - strengths[b] + self.slot_elo / ELO_PER_UNIT
        d = d + by_scenario[scenario, a] - by_scenario[scenario, b] + by_voter[voter, a] - by_voter[voter, b]
        chances = Probabilities.of(d, self.log_nu)
        draw = random.random(self.votes)
        outcome = np.where(draw < chances.p_a, 0, np.where(draw < chances.p_a + chances.p_b, 1, 2))
        return Votes.of(a, b, outcome, scenario, voter)

    def true_elo(self, strengths: Floats) -> Floats:
        """Returns the ratings that endless votes of endless voters about endless scenarios would give.

        Tastes and scenarios pull ratings together, so these are not the strengths. The probabilities are averaged over
        both by quadrature, and Davidson's model is fitted to them.
        """
        spread = np.sqrt(2 * (self.scenario_spread**2 + self.voter_spread**2)) / ELO_PER_UNIT
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        d = strengths[:, None] - strengths + self.slot_elo / ELO_PER_UNIT
        chances = Probabilities.of(d[..., None] + spread * nodes, self.log_nu)
        table = np.stack(
            [(one * weights / weights.sum()).sum(-1) for one in (chances.p_a, chances.p_b, chances.p_tie)], axis=-1
        )
        table[range(self.models), range(self.models)] = 0
        return fit_davidson({VoteKind.HUMAN: table}, Method(ridge=0)).elo


def covered_pairs(board: Board, true_elo: Floats) -> NDArray[np.bool_]:
    """Returns for which pairs the interval of their difference contains the true difference."""
    pairs = board.pairs
    error = pairs.difference - (true_elo[pairs.first] - true_elo[pairs.second])
    return np.abs(error) <= pairs.half_width
