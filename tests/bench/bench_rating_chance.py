"""Measures by simulation how often intervals of differences contain the truth, and how often equal models are split."""

from dataclasses import dataclass

import numpy as np

from services.elo.ratings import VoteKind, publish
from services.elo.ratings.method import MIN_ESTABLISHED_DF
from tests.bench.result import BenchResult
from tests.simulated_votes import Arena, covered_pairs

SETTINGS = (
    # Young boards, and boards with few voters or few scenarios.
    (Arena(models=8, scenarios=24, voters=100, votes=1000), 120),
    (Arena(models=8, scenarios=12, voters=50, votes=1000), 120),
    (Arena(models=12, scenarios=48, voters=20, votes=3000), 120),
    (Arena(models=8, scenarios=24, voters=20, votes=300), 120),
    # Established boards.
    (Arena(models=12, scenarios=24, voters=100, votes=3000), 120),
    (Arena(models=12, scenarios=48, voters=200, votes=3000), 120),
    (Arena(models=12, scenarios=48, voters=200, votes=3000, scenario_spread=0, voter_spread=0), 120),
    (Arena(models=20, scenarios=24, voters=500, votes=20_000), 80),
    (Arena(models=20, scenarios=200, voters=500, votes=20_000), 80),
)
EQUAL_MODELS = (
    (Arena(models=8, scenarios=24, voters=100, votes=1000), 200),
    (Arena(models=12, scenarios=48, voters=200, votes=3000), 200),
    # More boards, because this is the setting with the most false differences.
    (Arena(models=20, scenarios=24, voters=500, votes=20_000), 600),
)
MIN_COVERAGE = 93.5
MAX_ESTABLISHED_COVERAGE = 97.0
MIN_PRECISE_DF = 24.0
MAX_PRECISE_DEVIATION = 1.5
MAX_FALSE_CLAIMS = 5.0


@dataclass(frozen=True)
class Coverage:
    """How often intervals contained the truth in one setting, in percent, and their median degrees of freedom."""

    percent: float
    df: float


def run() -> list[BenchResult]:
    """Simulates each setting with the same seeds every time."""
    coverages = [_coverage(arena, arenas) for arena, arenas in SETTINGS]
    established = [one.percent for one in coverages if one.df >= MIN_ESTABLISHED_DF]
    precise = [abs(one.percent - 95) for one in coverages if one.df >= MIN_PRECISE_DF]
    arenas = sum(arenas for _, arenas in SETTINGS)
    return [
        BenchResult(
            name="coverage, lowest",
            value=min(one.percent for one in coverages),
            unit="%",
            target=MIN_COVERAGE,
            higher_is_better=True,
            detail=f"95% intervals of differences, {len(coverages)} settings, {arenas} simulated arenas",
        ),
        BenchResult(
            name="coverage, highest",
            value=max(established),
            unit="%",
            target=MAX_ESTABLISHED_COVERAGE,
            higher_is_better=False,
            detail=f"the {len(established)} settings with at least {MIN_ESTABLISHED_DF:.0f} degrees of freedom",
        ),
        BenchResult(
            name="coverage, from 95%",
            value=max(precise),
            unit="points",
            target=MAX_PRECISE_DEVIATION,
            higher_is_better=False,
            detail=f"largest, the {len(precise)} settings with at least {MIN_PRECISE_DF:.0f} degrees of freedom",
        ),
        *(_false_claims(arena, arenas) for arena, arenas in EQUAL_MODELS),
    ]


def _coverage(arena: Arena, arenas: int) -> Coverage:
    covered, df = [], []
    for seed in range(arenas):
        random = np.random.default_rng(seed)
        strengths = arena.strengths(random)
        board = publish({VoteKind.HUMAN: arena.vote(strengths, random)}, arena.models)
        covered.append(covered_pairs(board, arena.true_elo(strengths)).mean())
        df.append(np.median(board.pairs.df))
    return Coverage(100 * float(np.mean(covered)), float(np.median(df)))


def _false_claims(arena: Arena, arenas: int) -> BenchResult:
    wrong = 0
    for seed in range(arenas):
        random = np.random.default_rng(10_000 + seed)
        board = publish({VoteKind.HUMAN: arena.vote(np.zeros(arena.models), random)}, arena.models)
        wrong += bool(board.pairs.split.any())
    return BenchResult(
        name="false differences",
        value=100 * wrong / arenas,
        unit="% of boards",
        target=MAX_FALSE_CLAIMS,
        higher_is_better=False,
        detail=f"{arenas} boards of {arena.models} equal models, {arena.scenarios} scenarios, {arena.voters} voters, "
        f"{arena.votes:,} votes",
    )


if __name__ == "__main__":
    for result in run():
        print(result)  # noqa: T201
