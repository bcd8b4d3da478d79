"""Properties of every verdict."""

import re
from dataclasses import dataclass, replace
from itertools import combinations, product
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.experiments.verdict import (
    LATENCY,
    PRIMARY_METRICS,
    QUALITY,
    CompositeProfile,
    Judges,
    Level,
    TrialOutcome,
    Verdict,
    Vote,
    custom_profile,
    decide,
)
from services.shared.listening.domain import Preference
from tests.unit.experiments.verdict_trials import A, B, C, D, failed, trial

MODELS = [A, B, C, D]


@dataclass(frozen=True)
class Drawn:
    """An experiment with all inputs of its verdict."""

    models: int
    prompts: int
    trials: list[TrialOutcome]
    votes: list[Vote]
    judges: Judges
    composite: CompositeProfile
    primary_metric: str

    def verdict(self, **changed: object) -> Verdict:
        drawn = replace(self, **changed)  # type: ignore[arg-type]
        return decide(
            MODELS[: drawn.models],
            drawn.prompts,
            drawn.trials,
            composite=drawn.composite,
            primary_metric=drawn.primary_metric,
            votes=drawn.votes,
            judges=drawn.judges,
        )


@st.composite
def experiments(draw: st.DrawFn) -> Drawn:
    """Draws experiments of every kind. Some trials failed or lack a measurement; a few listeners have voted."""
    models, prompts = draw(st.integers(2, 4)), draw(st.integers(1, 10))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    failures, lacking = draw(st.sampled_from([0.0, 0.1, 0.5])), draw(st.sampled_from([0.0, 0.1, 1.0]))
    judges = draw(st.sampled_from(Judges))
    trials = [
        failed(model, prompt) if random.random() < failures else _trial(random, model, prompt, lacking)
        for model in range(models)
        for prompt in range(prompts)
    ]
    preferences = list(Preference)
    pairs = list(product(combinations(range(models), 2), range(prompts), range(draw(st.integers(0, 9)))))
    return Drawn(
        models=models,
        prompts=prompts,
        trials=trials,
        votes=[
            Vote(f"listener {listener}", prompt, first, second, preferences[random.choice(4, p=[0.5, 0.2, 0.2, 0.1])])
            for (first, second), prompt, listener in pairs
            if random.random() < 0.7
        ]
        if judges.asks_listeners
        else [],
        judges=judges,
        composite=draw(st.sampled_from([LATENCY, QUALITY, custom_profile({"ttfa": 0.5, "prosody": 0.5})])),
        primary_metric=draw(st.sampled_from(list(PRIMARY_METRICS))),
    )


def _trial(random: np.random.Generator, model: int, prompt: int, lacking: float) -> TrialOutcome:
    return trial(
        model,
        prompt,
        ttfb=float(random.choice([100, 200, 2400])) + model,
        generation=float(random.integers(100, 6000)),
        silence=float(random.choice([0.1, 0.25, 0.9])),
        duration=float(random.integers(1, 5)),
        ttfa=float(random.integers(100, 900)),
        mos=None if random.random() < lacking else float(random.uniform(1, 5)),
        wer=float(random.choice([0.0, 0.1, 1.5])),
        prosody=float(random.random()),
    )


@given(experiments(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_trials_and_votes_does_not_change_the_verdict(experiment: Drawn, random: Random) -> None:
    trials, votes = list(experiment.trials), list(experiment.votes)
    random.shuffle(trials)
    random.shuffle(votes)
    assert experiment.verdict(trials=trials, votes=votes) == experiment.verdict()


@given(experiments(), st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_the_order_of_models_changes_only_the_order_of_pairs(experiment: Drawn, order: list[int]) -> None:
    order = [index for index in order if index < experiment.models]
    before = experiment.verdict()
    after = decide(
        [MODELS[index] for index in order],
        experiment.prompts,
        [replace(one, model_index=order.index(one.model_index)) for one in experiment.trials],
        composite=experiment.composite,
        primary_metric=experiment.primary_metric,
        votes=[_moved(vote, order) for vote in experiment.votes],
        judges=experiment.judges,
    )
    same = {"head_to_head": (), "inputs_digest": ""}
    # Without a ranking, reasons name the models in the order of the experiment.
    reasons = {"reasons": ()} if not before.rankings else {}
    assert replace(after, **same, **reasons) == replace(before, **same, **reasons)
    assert sorted(after.reasons) == sorted(before.reasons)
    assert {pair: _seen_from_first(after, pair) for pair in _pairs(before)} == {
        pair: _seen_from_first(before, pair) for pair in _pairs(before)
    }


def _moved(vote: Vote, order: list[int]) -> Vote:
    first, second = order.index(vote.first), order.index(vote.second)
    if first < second:
        return replace(vote, first=first, second=second)
    other = {Preference.FIRST: Preference.SECOND, Preference.SECOND: Preference.FIRST}
    return replace(vote, first=second, second=first, answer=other.get(vote.answer, vote.answer))


def _pairs(verdict: Verdict) -> list[frozenset[str]]:
    return [frozenset((pair.model_a.name, pair.model_b.name)) for pair in verdict.head_to_head]


def _seen_from_first(verdict: Verdict, names: frozenset[str]) -> tuple[object, ...]:
    """Returns the comparison of two models with the first by name as model a."""
    (pair,) = (one for one in verdict.head_to_head if {one.model_a.name, one.model_b.name} == names)
    if pair.model_a.name < pair.model_b.name:
        seen = (pair.a_wins, pair.b_wins, pair.ties, pair.effect, pair.effect_low, pair.effect_high)
        votes = pair.votes
    else:
        mirrored = [None if value is None else -value for value in (pair.effect, pair.effect_high, pair.effect_low)]
        seen = (pair.b_wins, pair.a_wins, pair.ties, *mirrored)
        votes = pair.votes and replace(pair.votes, a=pair.votes.b, b=pair.votes.a)
    return *seen, pair.favours, pair.p_holm, votes


@given(experiments())
@settings(max_examples=100, deadline=None)
def test_every_verdict_is_consistent(experiment: Drawn) -> None:
    verdict = experiment.verdict()
    assert verdict.confidence == min(verdict.gap_level, verdict.evidence_level)
    assert (verdict.winner is None) == (verdict.confidence is Level.inconclusive)
    assert verdict.winner in (None, verdict.leader)
    assert bool(verdict.reasons) == (verdict.confidence is not Level.high)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
    by_votes = experiment.judges is Judges.LISTENERS and experiment.votes
    best_first = [one.preference_share or 0.0 if by_votes else one.composite_score for one in verdict.rankings]
    assert [round(value, 9) for value in best_first] == sorted((round(value, 9) for value in best_first), reverse=True)
    assert all(0 <= ranking.composite_score <= 1 for ranking in verdict.rankings)
    assert [ranking.rank for ranking in verdict.rankings] == sorted(ranking.rank for ranking in verdict.rankings)
    assert (verdict.votes is not None) == experiment.judges.asks_listeners
    for pair in verdict.head_to_head:
        assert pair.a_wins + pair.b_wins + pair.ties == pair.pairs
        assert (pair.votes is not None) == experiment.judges.asks_listeners
        if pair.effect_low is not None and pair.effect_high is not None:
            assert pair.effect is not None
            assert pair.effect_low <= pair.effect <= pair.effect_high
        if pair.p_value is not None:
            assert pair.p_holm is not None
            assert pair.p_value <= pair.p_holm <= 1


@given(experiments())
@settings(max_examples=60, deadline=None)
def test_two_judges_together_are_never_more_confident_than_either(experiment: Drawn) -> None:
    both = experiment.verdict(judges=Judges.BOTH)
    measured = experiment.verdict(judges=Judges.MEASUREMENTS, votes=[])
    by_votes = experiment.verdict(judges=Judges.LISTENERS)
    assert both.confidence <= measured.confidence
    assert both.evidence_level <= by_votes.evidence_level
    assert both.votes == by_votes.votes
    assert [one.composite_score for one in both.rankings] == [one.composite_score for one in measured.rankings]
    if both.winner is not None:
        assert both.winner == measured.leader == by_votes.leader


@given(experiments(), st.data())
@settings(max_examples=60, deadline=None)
def test_the_digest_changes_with_every_input(experiment: Drawn, data: st.DataObject) -> None:
    before = experiment.verdict().inputs_digest
    index = data.draw(st.integers(0, len(experiment.trials) - 1))
    trials = list(experiment.trials)
    measured = trials[index].measurements
    silence = 0.5 if measured.silence_ratio is None else float(np.nextafter(measured.silence_ratio, 0))
    trials[index] = replace(trials[index], measurements=replace(measured, silence_ratio=silence))
    changes: list[dict[str, object]] = [
        {"trials": trials},
        {"prompts": experiment.prompts + 1},
        {"composite": replace(experiment.composite, version=experiment.composite.version + 1)},
        {"primary_metric": next(name for name in PRIMARY_METRICS if name != experiment.primary_metric)},
    ]
    if experiment.votes:
        changes.append({"votes": experiment.votes[1:]})
    digests = [experiment.verdict(**change).inputs_digest for change in changes]
    assert len({before, *digests}) == len(changes) + 1
    assert re.fullmatch("sha256:[0-9a-f]{64}", before)
