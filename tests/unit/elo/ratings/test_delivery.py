"""Ratings at equal delivery."""

import numpy as np
import pytest

from services.elo.ratings import Outcome, VoteKind, Votes, contrast, control_delivery, publish
from services.elo.ratings.davidson import Probabilities
from services.elo.ratings.method import ELO_PER_UNIT
from tests.simulated_votes import Arena

HUMAN, METRICS = VoteKind


def slow_model(votes: int = 20_000) -> tuple[Votes, np.ndarray]:
    """Returns votes on three equal models. People dislike slow speech, and model 2 speaks slowly."""
    random = np.random.default_rng(5)
    a = random.integers(0, 3, votes)
    b = (a + random.integers(1, 3, votes)) % 3
    seconds = np.array([4.0, 4.0, 6.0])
    duration = contrast(seconds[a] * random.uniform(0.8, 1.2, votes), seconds[b] * random.uniform(0.8, 1.2, votes))
    chances = Probabilities.of(-3 * duration, -0.1)
    draw = random.random(votes)
    outcome = np.where(draw < chances.p_a, 0, np.where(draw < chances.p_a + chances.p_b, 1, 2))
    noise = random.normal(0, 0.1, (votes, 2))
    return Votes.of(a, b, outcome, np.arange(votes) % 50, np.arange(votes) % 211), np.column_stack((duration, noise))


def test_equal_models_are_equal_at_equal_delivery() -> None:
    votes, contrasts = slow_model()
    published = publish({HUMAN: votes}, 3).elo
    controlled = control_delivery({HUMAN: votes}, {HUMAN: contrasts}, 3)
    assert controlled is not None
    assert published[2] < published[0] - 80
    assert np.ptp(controlled.elo) < 25
    assert controlled.elo.mean() == pytest.approx(1500)
    deviation = float(np.sqrt(np.mean(contrasts[:, 0] ** 2)))
    assert controlled.deviations["duration_seconds"] == pytest.approx(deviation)
    assert controlled.effects["duration_seconds"] == pytest.approx(-3 * deviation * ELO_PER_UNIT, rel=0.1)
    assert abs(controlled.effects["speaking_rate"]) < 5


def test_covariates_of_zero_leave_the_published_ratings() -> None:
    arena, random = Arena(models=6, votes=2000), np.random.default_rng(1)
    human, metrics = (arena.vote(arena.strengths(random), random) for _ in range(2))
    metrics = Votes.of(metrics.a, metrics.b, metrics.outcome, metrics.scenario)
    votes = {HUMAN: human, METRICS: metrics}
    controlled = control_delivery(votes, {kind: np.zeros((2000, 3)) for kind in votes}, 6)
    assert controlled is not None
    assert controlled.elo == pytest.approx(publish(votes, 6).elo, abs=1e-3)
    assert set(controlled.effects.values()) == {0.0}


def test_the_fit_is_a_maximum() -> None:
    """Compares with a maximum found by SciPy from the votes one by one."""
    from scipy.optimize import minimize

    votes, contrasts = slow_model(400)
    controlled = control_delivery({HUMAN: votes}, {HUMAN: contrasts}, 3)
    assert controlled is not None
    scaled = contrasts / np.sqrt(np.mean(contrasts**2, axis=0))

    def loss(at: np.ndarray) -> float:
        strengths, slot, log_nu, effects = at[:3], at[3], at[4], at[5:]
        d = strengths[votes.a] - strengths[votes.b] + slot + scaled @ effects
        weights = np.stack((d / 2, -d / 2, np.full(len(d), log_nu)))
        chosen = weights[votes.outcome, np.arange(len(d))]
        likelihood = np.sum(chosen - np.log(np.exp(weights).sum(0)))
        prior = 0.15 * (strengths @ strengths + slot**2) + 0.005 * log_nu**2 + 0.25 * effects @ effects
        return float(prior - likelihood)

    best = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-6}).x
    assert controlled.elo == pytest.approx(1500 + ELO_PER_UNIT * best[:3], abs=0.05)
    assert list(controlled.effects.values()) == pytest.approx(ELO_PER_UNIT * best[5:], abs=0.05)


def test_votes_without_all_covariates_are_left_out() -> None:
    votes, contrasts = slow_model(500)
    contrasts[:100, 1] = np.nan
    outcome = votes.outcome.copy()
    outcome[100:150] = Outcome.BOTH_BAD
    votes = Votes.of(votes.a, votes.b, outcome, votes.scenario, votes.voter)
    controlled = control_delivery({HUMAN: votes}, {HUMAN: contrasts}, 3)
    assert controlled is not None
    assert controlled.votes == 350
    rest = votes.where(np.arange(500) >= 150)
    same = control_delivery({HUMAN: rest}, {HUMAN: contrasts[150:]}, 3)
    assert same is not None
    assert controlled.elo.tolist() == same.elo.tolist()


def test_without_covariates_there_is_no_control() -> None:
    votes, contrasts = slow_model(10)
    assert control_delivery({HUMAN: votes}, {HUMAN: np.full_like(contrasts, np.nan)}, 3) is None


def test_there_must_be_a_row_for_each_vote() -> None:
    votes, contrasts = slow_model(10)
    with pytest.raises(ValueError, match=r"shape \(10, 3\), got \(9, 3\)"):
        control_delivery({HUMAN: votes}, {HUMAN: contrasts[:9]}, 3)


def test_a_contrast_is_the_relative_difference() -> None:
    result = contrast([3.0, 1.0, 0.0, np.nan], [1.0, 1.0, 0.0, 1.0])
    assert result[:3].tolist() == [0.5, 0.0, 0.0]
    assert np.isnan(result[3])
