"""evalica and SciPy, which share no code with this project, give the same numbers."""

from collections.abc import Sequence

import evalica
import numpy as np
import pytest
from scipy import stats

from services.elo.ratings import Method, Outcome, VoteKind, Votes, publish, spearman
from services.elo.ratings.student_t import quantile, two_sided_p
from tests.simulated_votes import Arena

WINNERS = {Outcome.A: evalica.Winner.X, Outcome.B: evalica.Winner.Y, Outcome.TIE: evalica.Winner.Draw}


def for_evalica(votes: Votes) -> tuple[Sequence[int], Sequence[int], Sequence[evalica.Winner]]:
    """Returns votes as evalica takes them."""
    return votes.a.tolist(), votes.b.tolist(), [WINNERS[Outcome(outcome)] for outcome in votes.outcome]


def test_without_ridge_and_slot_effect_a_board_equals_that_of_evalica() -> None:
    arena = Arena(models=10, votes=5000)
    random = np.random.default_rng(7)
    votes = arena.vote(arena.strengths(random), random)
    board = publish({VoteKind.HUMAN: votes}, arena.models, Method(ridge=0.0, slot_effect=False))
    theirs = evalica.newman(*for_evalica(votes), tolerance=1e-13, limit=100_000)
    log_scores = np.log([theirs.scores[model] for model in range(arena.models)])
    assert board.fit.strengths == pytest.approx(log_scores - log_scores.mean(), abs=1e-6)
    # Newman's v is half of Davidson's nu.
    assert board.fit.tie_parameter(VoteKind.HUMAN) == pytest.approx(2 * theirs.v, abs=1e-6)


def test_student_t_equals_scipy() -> None:
    random = np.random.default_rng(3)
    t, df = random.normal(0, 4, 500), np.exp(random.uniform(0, 11, 500))
    assert two_sided_p(t, df) == pytest.approx(2 * stats.t.sf(np.abs(t), df), rel=1e-8, abs=1e-12)
    assert quantile(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-8)


def test_spearman_equals_scipy_with_ties_and_missing_values() -> None:
    random = np.random.default_rng(4)
    x = random.integers(0, 6, 200).astype(float)
    y = x + random.integers(0, 9, 200)
    x[::17], y[::23] = np.nan, np.nan
    rho, n = spearman(x, y)
    present = ~np.isnan(x + y)
    assert n == present.sum()
    assert rho == pytest.approx(stats.spearmanr(x[present], y[present]).statistic, abs=1e-12)
