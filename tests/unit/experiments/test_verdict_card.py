"""The share card of a verdict."""

from datetime import UTC, datetime

import pytest
from voicearena.experiments.v1.experiment_pb2 import Experiment, ModelSpec
from voicearena.experiments.v1.results_pb2 import ModelRanking, Results, VoteSummary

from services.experiments.results.card import verdict_card
from tests.unit.shared.cards.shown import dots, texts

MODELS = [ModelSpec(provider="cartesia", voice_id="sonic"), ModelSpec(provider="flite", voice_id="slt")]


def experiment(**changes: object) -> Experiment:
    values: dict[str, object] = {
        **{"id": "exp_1", "name": "Support line", "eval_mode": Experiment.automated, "models": MODELS},
        **{"prompts": ["one", "two", "three"], "completed_trials": 6},
    }
    return Experiment(**{**values, **changes})  # type: ignore[arg-type]


def results(**changes: object) -> Results:
    values: dict[str, object] = {
        **{"winner": "cartesia:sonic", "confidence": Results.medium, "method_version": "verdict-6"},
        **{"rankings": [ranking("cartesia", "sonic", 1, 0.8), ranking("flite", "slt", 2, 0.6)]},
        **{"reasons": ["Only 3 prompts."]},
    }
    found = Results(**{**values, **changes})  # type: ignore[arg-type]
    found.computed_at.FromDatetime(datetime(2026, 11, 27, 9, 5, tzinfo=UTC))
    return found


def ranking(provider: str, voice: str, rank: int, score: float, **changes: object) -> ModelRanking:
    values: dict[str, object] = {
        **{"provider": provider, "voice_id": voice, "rank": rank, "composite_score": score},
        **{"score_low": score - 0.05, "score_high": score + 0.05},
    }
    return ModelRanking(**{**values, **changes})  # type: ignore[arg-type]


def test_a_card_has_the_winner_the_confidence_and_the_models() -> None:
    svg = verdict_card(experiment(), results())
    assert texts(svg) == [
        "Support line",
        "2 models · 3 prompts · 6 trials · judged by measurements",
        "Winner: cartesia:sonic",
        "Medium confidence",
        "Only 3 prompts.",
        *("Rank", "Model", "Score, 95% interval"),
        *("1", "cartesia:sonic", "0.80, 0.75–0.85"),
        *("2", "flite:slt", "0.60, 0.55–0.65"),
        *("Computed 2026-11-27 09:05 UTC", "method verdict-6"),
    ]
    assert dots(svg) == [(863.3, 408.0), (696.7, 454.0)]


@pytest.mark.parametrize(
    ("leader", "evidence"),
    [
        ("cartesia:sonic", "There is not enough evidence to name a winner"),
        (None, "There is not enough evidence to rank these models"),
    ],
)
def test_without_a_winner_the_card_says_what_the_evidence_does_not_show(leader: str | None, evidence: str) -> None:
    shown = texts(verdict_card(experiment(), results(winner=None, leader=leader, confidence=Results.inconclusive)))
    assert shown[2:4] == ["No winner", evidence]


def test_models_that_could_not_be_ranked_are_named() -> None:
    shown = texts(verdict_card(experiment(), results(winner=None, confidence=Results.inconclusive, rankings=[])))
    assert shown[5:7] == ["cartesia:sonic", "flite:slt"]


def test_a_model_that_cannot_win_is_marked_and_a_score_without_interval_stands_alone() -> None:
    rows = [
        ranking("cartesia", "sonic", 1, 0.8, score_low=None, score_high=None),
        ranking("flite", "slt", 2, 0.6, ruled_out="It skips words."),
    ]
    shown = texts(verdict_card(experiment(), results(rankings=rows)))
    assert shown[8:14] == ["1", "cartesia:sonic", "0.80", "2", "flite:slt, can't win", "0.60, 0.55–0.65"]


@pytest.mark.parametrize(
    ("mode", "judges", "head", "score"),
    [
        (Experiment.human, "people", "Votes won", "75%"),
        (Experiment.hybrid, "measurements and people", "Score, 95% interval", "0.80, 0.75–0.85"),
    ],
)
def test_a_card_says_who_judged(mode: Experiment.EvalMode.ValueType, judges: str, head: str, score: str) -> None:
    found = results(
        rankings=[ranking("cartesia", "sonic", 1, 0.8, preference_share=0.75)], votes=VoteSummary(votes=1500)
    )
    shown = texts(verdict_card(experiment(eval_mode=mode), found))
    assert shown[1] == f"2 models · 3 prompts · 6 trials · 1,500 votes · judged by {judges}"
    assert (shown[7], shown[10]) == (head, score)


def test_a_card_with_the_longest_names_has_a_bounded_size() -> None:
    hard = ("<script>" * 25)[:200]
    rows = [ranking(hard[:100], hard, 1, 0.5, ruled_out="x") for _ in range(4)]
    found = results(winner=f"{hard[:100]}:{hard}", rankings=rows, reasons=[hard * 50] * 50)
    svg = verdict_card(experiment(name=hard), found)
    assert len(svg) < 10_000
    assert "<script>" not in svg
