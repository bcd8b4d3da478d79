"""How often intervals contain the truth, and how often equal models are called different, over simulated arenas.

`make bench` measures the same on more settings and more arenas.
"""

import numpy as np
import pytest

from services.elo.ratings import VoteKind, publish
from tests.simulated_votes import Arena, covered_pairs

ARENAS = 60


@pytest.mark.parametrize(
    ("arena", "least", "most"),
    [
        # Under 15 degrees of freedom intervals may be too wide, and never too narrow.
        pytest.param(Arena(models=8, scenarios=24, voters=100, votes=1000), 0.935, 1.0, id="a young board"),
        pytest.param(Arena(models=12, scenarios=48, voters=200, votes=3000), 0.935, 0.97, id="an established board"),
    ],
)
def test_intervals_of_differences_contain_the_truth_95_times_of_100(arena: Arena, least: float, most: float) -> None:
    covered = []
    for seed in range(ARENAS):
        random = np.random.default_rng(seed)
        strengths = arena.strengths(random)
        board = publish({VoteKind.HUMAN: arena.vote(strengths, random)}, arena.models)
        covered.append(covered_pairs(board, arena.true_elo(strengths)).mean())
    noise = 2 * float(np.std(covered)) / ARENAS**0.5
    assert least - noise <= np.mean(covered) <= most + noise


def test_a_board_of_equal_models_seldom_has_a_sure_difference() -> None:
    arena = Arena(models=8, scenarios=24, voters=100, votes=1000)
    wrong = 0
    for seed in range(ARENAS):
        random = np.random.default_rng(1000 + seed)
        board = publish({VoteKind.HUMAN: arena.vote(np.zeros(arena.models), random)}, arena.models)
        wrong += bool(board.pairs.split.any())
    # 5% plus two standard errors of the count.
    assert wrong <= ARENAS * 0.05 + 2 * (ARENAS * 0.05 * 0.95) ** 0.5


def test_intervals_that_ignore_voters_and_scenarios_would_be_too_narrow() -> None:
    arena = Arena(models=12, scenarios=24, voters=100, votes=3000)
    random = np.random.default_rng(1)
    board = publish({VoteKind.HUMAN: arena.vote(arena.strengths(random), random)}, arena.models)
    plain, total = board.covariances.plain.diagonal()[:12], board.covariances.total.diagonal()[:12]
    assert np.median(total / plain) > 1.5
