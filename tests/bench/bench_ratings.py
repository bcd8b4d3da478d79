"""Measures a published board of a million votes against the plain fit of evalica, which has no intervals."""

import os

# Must be set before numpy is imported. Otherwise its linear algebra uses every core.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

import evalica  # noqa: E402
import numpy as np  # noqa: E402

from services.elo.ratings import VoteKind, publish  # noqa: E402
from tests.bench.result import BenchResult  # noqa: E402
from tests.simulated_votes import Arena  # noqa: E402

ARENA = Arena(models=50, scenarios=200, voters=20_000, votes=1_000_000)
ROUNDS = 7
TARGET = 0.35
WINNERS = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)


def run() -> BenchResult:
    """Computes the board and the plain fit in turns, and compares the fastest of each in CPU time of one core."""
    random = np.random.default_rng(1)
    votes = ARENA.vote(ARENA.strengths(random), random)
    xs, ys = votes.a.tolist(), votes.b.tolist()
    winners = [WINNERS[outcome] for outcome in votes.outcome.tolist()]
    board_seconds, plain_seconds = [], []
    for _ in range(ROUNDS):
        board_seconds.append(_cpu_seconds(lambda: publish({VoteKind.HUMAN: votes}, ARENA.models).half_width))
        plain_seconds.append(_cpu_seconds(lambda: evalica.bradley_terry(xs, ys, winners).scores))
    board, plain = min(board_seconds), min(plain_seconds)
    return BenchResult(
        name="published board",
        value=board / plain,
        unit="x evalica",
        target=TARGET,
        higher_is_better=False,
        detail=f"{ARENA.votes:,} votes, {ARENA.models} models, clustered intervals: {board * 1000:.0f} ms; "
        f"evalica.bradley_terry from lists, no intervals: {plain * 1000:.0f} ms; best of {ROUNDS}",
    )


def _cpu_seconds(compute: Callable[[], object]) -> float:
    started = time.process_time()
    compute()
    return time.process_time() - started


if __name__ == "__main__":
    print(run())  # noqa: T201
