"""Measures a published board of a million votes against the plain fit of evalica, which has no intervals."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import evalica
import numpy as np

from services.elo.ratings import VoteKind, publish
from tests.bench.result import BenchResult
from tests.simulated_votes import Arena

ARENA = Arena(models=50, scenarios=200, voters=20_000, votes=1_000_000)
ROUNDS = 7
TARGET = 0.35
WINNERS = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
# Must be set before numpy is imported, so the measurement has a process of its own.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def run() -> BenchResult:
    """Compares the fastest of several boards and plain fits, in CPU time of one core."""
    measured = subprocess.run(
        [sys.executable, "-m", __name__], env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True
    )
    board, plain = json.loads(measured.stdout)
    return BenchResult(
        name="published board",
        value=board / plain,
        unit="x evalica",
        target=TARGET,
        higher_is_better=False,
        detail=f"{ARENA.votes:,} votes, {ARENA.models} models, clustered intervals: {board * 1000:.0f} ms; "
        f"evalica.bradley_terry from lists, no intervals: {plain * 1000:.0f} ms; best of {ROUNDS}",
    )


def measure() -> tuple[float, float]:
    """Computes boards and plain fits in turns. Returns the shortest CPU time of each in seconds."""
    random = np.random.default_rng(1)
    votes = ARENA.vote(ARENA.strengths(random), random)
    xs, ys = votes.a.tolist(), votes.b.tolist()
    winners = [WINNERS[outcome] for outcome in votes.outcome.tolist()]
    board_seconds, plain_seconds = [], []
    for _ in range(ROUNDS):
        board_seconds.append(_cpu_seconds(lambda: publish({VoteKind.HUMAN: votes}, ARENA.models).half_width))
        plain_seconds.append(_cpu_seconds(lambda: evalica.bradley_terry(xs, ys, winners).scores))
    return min(board_seconds), min(plain_seconds)


def _cpu_seconds(compute: Callable[[], object]) -> float:
    started = time.process_time()
    compute()
    return time.process_time() - started


if __name__ == "__main__":
    print(json.dumps(measure()))  # noqa: T201
