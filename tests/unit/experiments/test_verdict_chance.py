"""How often a verdict names a winner among equal models: not more often than each confidence level allows.

The noise is very large, so that neither the gap nor the practical margin hides a false winner.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from services.experiments.verdict import Judges, Level, Vote, decide
from services.experiments.verdict.evidence import sign_flip_p
from services.experiments.verdict.levels import EVIDENCE_THRESHOLDS
from services.shared.listening.domain import Preference
from tests.unit.experiments.verdict_trials import A, B, C, D, by_silence, trial

FIRST, SECOND, TIE = Preference.FIRST, Preference.SECOND, Preference.TIE
MODELS = [A, B, C, D]
ALPHA = {level: p for level, (p, _) in EVIDENCE_THRESHOLDS.items()}
EXPERIMENTS = 200
MANY_EXPERIMENTS = 4000
# Small enough for the CPU cache and for a few hundred megabytes of memory.
AT_A_TIME = 500

Noise = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
NOISES: Mapping[str, Noise] = {
    "normal": lambda random, shape: random.normal(0, 1, shape),
    "lognormal": lambda random, shape: random.lognormal(0, 1, shape),
    "with outliers": lambda random, shape: random.standard_t(2, shape),
}


def assert_few_false_winners(reached: Mapping[Level, int], experiments: int) -> None:
    """Asserts that false winners stay below each level's alpha plus three standard errors of the count."""
    for level, alpha in ALPHA.items():
        false_winners = sum(count for at, count in reached.items() if at >= level)
        assert false_winners <= experiments * alpha + 3 * (experiments * alpha * (1 - alpha)) ** 0.5, level.name


@pytest.mark.parametrize("models", [2, 3, 4])
@pytest.mark.parametrize("prompts", [4, 8, 20])
def test_trials_of_equal_models_seldom_give_a_winner(models: int, prompts: int) -> None:
    random = np.random.default_rng(1000 * models + prompts)
    reached: Counter[Level] = Counter()
    for _ in range(EXPERIMENTS):
        # Prompts differ from each other, as in practice. Models differ by noise only.
        values = random.uniform(200, 600, prompts) + random.exponential(700, (models, prompts))
        trials = [
            trial(model, prompt, ttfb=float(values[model, prompt]))
            for model in range(models)
            for prompt in range(prompts)
        ]
        reached[decide(MODELS[:models], prompts, trials).confidence] += 1
    assert_few_false_winners(reached, EXPERIMENTS)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("models", [2, 3, 4])
@pytest.mark.parametrize("prompts", [4, 5, 6, 8, 10])
def test_the_evidence_alone_seldom_gives_a_winner(models: int, prompts: int, noise: str) -> None:
    random = np.random.default_rng(1000 * models + prompts)
    p_winner = np.concatenate(
        [_p_winner(NOISES[noise](random, (AT_A_TIME, models, prompts))) for _ in range(MANY_EXPERIMENTS // AT_A_TIME)]
    )
    reached: Counter[Level] = Counter()
    for p in p_winner.tolist():
        levels = [level for level, (most, least) in EVIDENCE_THRESHOLDS.items() if p <= most and prompts >= least]
        reached[max(levels, default=Level.inconclusive)] += 1
    assert_few_false_winners(reached, MANY_EXPERIMENTS)


def _p_winner(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns each experiment's p-value of the leader against its hardest opponent.

    `values` has the shape (experiments, models, prompts).
    """
    leader = values.mean(axis=2).argmax(axis=1)
    differences = np.take_along_axis(values, leader[:, None, None], axis=1) - values
    prompts = values.shape[2]
    signs = np.array(list(product((-1.0, 1.0), repeat=prompts - 1))).T
    # The first sign is fixed, because patterns come in pairs with opposite sums.
    sums = np.abs(differences[:, :, :1] + differences[:, :, 1:] @ signs)
    p = (sums >= np.abs(differences.sum(axis=2, keepdims=True)) * (1 - 1e-9)).mean(axis=2)
    np.put_along_axis(p, leader[:, None], 0.0, axis=1)
    return p.max(axis=1)


def test_the_simulation_computes_the_same_p_values_as_the_verdict() -> None:
    values = np.random.default_rng(1).normal(0, 1, (20, 2, 9))
    theirs = [sign_flip_p((a - b).tolist()) for a, b in values]
    assert _p_winner(values).tolist() == pytest.approx(theirs, abs=1e-12)


def votes_of_taste(random: np.random.Generator, models: int, listeners: int, prompts: int) -> list[Vote]:
    """Returns votes of listeners with strong random tastes, which they follow on nearly every prompt."""
    cast = []
    for listener in range(listeners):
        taste = random.normal(0, 3, models)
        eager = random.uniform(0.1, 1)
        for first, second in combinations(range(models), 2):
            chance = 1 / (1 + np.exp(taste[second] - taste[first]))
            cast += [
                Vote(
                    f"listener {listener}",
                    prompt,
                    first,
                    second,
                    TIE if draw < 0.05 else FIRST if random.random() < chance else SECOND,
                )
                for prompt, draw in enumerate(random.random(prompts))
                if random.random() < eager
            ]
    return cast


@pytest.mark.parametrize("models", [2, 3, 4])
@pytest.mark.parametrize("listeners", [5, 8, 14])
def test_listeners_with_strong_tastes_seldom_give_a_winner_among_equal_models(models: int, listeners: int) -> None:
    random = np.random.default_rng(100 * models + listeners)
    trials = by_silence(*[[0.3] * 6] * models)
    reached: Counter[Level] = Counter()
    for _ in range(EXPERIMENTS):
        cast = votes_of_taste(random, models, listeners, prompts=6)
        reached[decide(MODELS[:models], 6, trials, votes=cast, judges=Judges.LISTENERS).confidence] += 1
    assert_few_false_winners(reached, EXPERIMENTS)


def test_the_plain_sign_test_would_give_many_false_winners() -> None:
    # This is why the votes are clustered by listener.
    random = np.random.default_rng(7)
    false_winners = 0
    for _ in range(EXPERIMENTS):
        answers = Counter(vote.answer for vote in votes_of_taste(random, 2, 8, prompts=20))
        decided = answers[FIRST] + answers[SECOND]
        false_winners += stats.binomtest(answers[FIRST], decided).pvalue <= ALPHA[Level.high]
    assert false_winners > 10 * EXPERIMENTS * ALPHA[Level.high]
