"""What holds for every verdict, and how often equal models are told apart by mistake."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.verdict import Level, Trial, Verdict, decide
from tests.unit.experiments.verdict_trials import A, B, C, D, failed, trial

MODELS = [A, B, C, D]
ALPHA = {Level.high: 0.01, Level.medium: 0.05, Level.low: 0.20}


@st.composite
def experiments(draw: st.DrawFn) -> tuple[int, int, list[Trial]]:
    """Models, prompts and the trials of an experiment, some of them failed."""
    models, prompts = draw(st.integers(2, 4)), draw(st.integers(1, 10))
    seed, failures = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.1, 0.5]))
    random = np.random.default_rng(seed)
    return (
        models,
        prompts,
        [
            failed(model, prompt)
            if random.random() < failures
            else trial(
                model,
                prompt,
                ttfb=float(random.choice([100, 200, 2400])) + model,
                generation=float(random.integers(100, 6000)),
                silence=float(random.choice([0.1, 0.25, 0.9])),
                duration=float(random.integers(1, 5)),
                ttfa=float(random.integers(100, 900)),
            )
            for model in range(models)
            for prompt in range(prompts)
        ],
    )


@given(experiments(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_trials_does_not_matter(experiment: tuple[int, int, list[Trial]], random: Random) -> None:
    models, prompts, trials = experiment
    shuffled = list(trials)
    random.shuffle(shuffled)
    assert decide(MODELS[:models], prompts, shuffled) == decide(MODELS[:models], prompts, trials)


@given(experiments(), st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_the_order_of_models_only_changes_the_order_of_pairs(
    experiment: tuple[int, int, list[Trial]], order: list[int]
) -> None:
    models, prompts, trials = experiment
    order = [index for index in order if index < models]
    moved = [replace(one, model_index=order.index(one.model_index)) for one in trials]
    before = decide(MODELS[:models], prompts, trials)
    after = decide([MODELS[index] for index in order], prompts, moved)
    same = {"head_to_head": (), "inputs_digest": ""}
    assert replace(after, **same) == replace(before, **same)
    assert {pair: _seen_from_first(after, pair) for pair in _pairs(before)} == {
        pair: _seen_from_first(before, pair) for pair in _pairs(before)
    }


def _pairs(verdict: Verdict) -> list[frozenset[str]]:
    return [frozenset((pair.model_a.name, pair.model_b.name)) for pair in verdict.head_to_head]


def _seen_from_first(verdict: Verdict, names: frozenset[str]) -> tuple[object, ...]:
    """A comparison as the first model by name sees it."""
    (pair,) = (one for one in verdict.head_to_head if {one.model_a.name, one.model_b.name} == names)
    if pair.model_a.name < pair.model_b.name:
        return pair.a_wins, pair.b_wins, pair.ties, pair.effect, pair.effect_low, pair.effect_high, pair.p_holm
    mirrored = [None if value is None else -value for value in (pair.effect, pair.effect_high, pair.effect_low)]
    return pair.b_wins, pair.a_wins, pair.ties, *mirrored, pair.p_holm


@given(experiments())
@settings(max_examples=60, deadline=None)
def test_every_verdict_is_consistent(experiment: tuple[int, int, list[Trial]]) -> None:
    models, prompts, trials = experiment
    verdict = decide(MODELS[:models], prompts, trials)
    assert verdict.confidence == min(verdict.gap_level, verdict.evidence_level)
    assert (verdict.winner is None) == (verdict.confidence is Level.inconclusive)
    assert bool(verdict.reasons) == (verdict.confidence is not Level.high)
    scores = [ranking.composite_score for ranking in verdict.rankings]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert [ranking.rank for ranking in verdict.rankings] == sorted(ranking.rank for ranking in verdict.rankings)
    for pair in verdict.head_to_head:
        assert pair.a_wins + pair.b_wins + pair.ties == pair.pairs
        if pair.effect_low is not None and pair.effect_high is not None:
            assert pair.effect is not None
            assert pair.effect_low <= pair.effect <= pair.effect_high
        if pair.p_value is not None:
            assert pair.p_holm is not None
            assert pair.p_value <= pair.p_holm <= 1


@pytest.mark.parametrize("models", [2, 3, 4])
@pytest.mark.parametrize("prompts", [4, 6, 8, 20])
def test_equal_models_are_told_apart_no_oftener_than_each_level_allows(models: int, prompts: int) -> None:
    experiments = 200
    random = np.random.default_rng(1000 * models + prompts)
    reached: Counter[Level] = Counter()
    for _ in range(experiments):
        # Prompts differ from each other, as they do; models differ by noise alone, and by much, so that neither the gap
        # nor the practical margin hides a false winner.
        hard = random.uniform(200, 600, prompts)
        values = hard + random.exponential(700, (models, prompts))
        trials = [
            trial(model, prompt, ttfb=float(values[model, prompt]))
            for model in range(models)
            for prompt in range(prompts)
        ]
        reached[decide(MODELS[:models], prompts, trials).confidence] += 1
    for level, alpha in ALPHA.items():
        false_winners = sum(count for at, count in reached.items() if at >= level)
        noise = 3 * (experiments * alpha * (1 - alpha)) ** 0.5
        assert false_winners <= experiments * alpha + noise
