"""Measures the largest verdicts, from trials and votes to results, including exact p-values."""

import time
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from services.experiments.verdict import QUALITY, Judges, Model, TrialOutcome, Vote, decide
from services.shared.listening.domain import Preference
from services.shared.metrics import Measurements
from tests.bench.result import BenchResult

MODELS = [Model("engine", voice) for voice in ("steady", "calm", "even", "level")]
PROMPTS = 20
REPEATS = 5
LISTENERS = 200
ROUNDS = 5
TARGET_SECONDS = 1.0


def run() -> list[BenchResult]:
    """Computes each verdict a few times and returns the slowest."""
    random = np.random.default_rng(1)
    single, repeated = _trials(random, 1), _trials(random, REPEATS)
    votes = _votes(random)
    size = f"{len(MODELS)} models x {PROMPTS} prompts"
    return [
        _timed("verdict", f"{size}, exact p", single, ()),
        _timed("verdict of repeats", f"{size} x {REPEATS} repeats: {len(repeated)} trials", repeated, ()),
        _timed("verdict of votes", f"{size} and {LISTENERS} listeners: {len(votes):,} votes", repeated, votes),
    ]


def _timed(name: str, detail: str, trials: Sequence[TrialOutcome], votes: Sequence[Vote]) -> BenchResult:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        verdict = decide(
            MODELS,
            PROMPTS,
            trials,
            composite=QUALITY,
            votes=votes,
            judges=Judges.BOTH if votes else Judges.MEASUREMENTS,
        )
        seconds.append(time.perf_counter() - started)
        if verdict.p_winner is None or len(verdict.rankings) != len(MODELS):
            raise RuntimeError(f"there was no verdict: {verdict.reasons}")
    return BenchResult(
        name=name,
        value=max(seconds),
        unit="s",
        target=TARGET_SECONDS,
        higher_is_better=False,
        detail=f"{detail}, slowest of {ROUNDS}",
    )


def _trials(random: np.random.Generator, repeats: int) -> list[TrialOutcome]:
    return [
        TrialOutcome(
            model_index=model,
            prompt_index=prompt,
            repeat_index=repeat,
            completed=True,
            measurements=Measurements(
                duration_seconds=random.uniform(1, 5),
                ttfb_ms=random.uniform(100, 400),
                generation_time_ms=random.uniform(300, 2000),
                silence_ratio=random.uniform(0, 0.4),
                ttfa_ms=random.uniform(100, 500),
                naturalness_mos=random.uniform(2, 5),
                word_error_rate=random.uniform(0, 0.2),
                prosody_score=random.uniform(0, 1),
                signal_quality_mos=random.uniform(2, 4),
                hard_word_accuracy=random.uniform(0.8, 1),
                speech_failures=int(random.integers(0, 2)),
            ),
        )
        for model in range(len(MODELS))
        for prompt in range(PROMPTS)
        for repeat in range(repeats)
    ]


def _votes(random: np.random.Generator) -> list[Vote]:
    """Returns the answer of each listener to each pair: random tastes with random noise."""
    tastes = random.normal(0, 1, (LISTENERS, len(MODELS)))
    return [
        Vote(
            f"listener {listener}",
            prompt,
            first,
            second,
            Preference.FIRST
            if tastes[listener, first] + random.normal() > tastes[listener, second]
            else Preference.SECOND,
        )
        for listener in range(LISTENERS)
        for first, second in combinations(range(len(MODELS)), 2)
        for prompt in range(PROMPTS)
    ]


if __name__ == "__main__":
    for result in run():
        print(result)  # noqa: T201
