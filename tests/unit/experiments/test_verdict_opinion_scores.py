"""Predicted opinion scores don't decide alone: one model of them never does, and two count only if they agree."""

import pytest

from services.experiments.verdict import Level, TrialOutcome, custom_profile, decide
from tests.unit.experiments.verdict_trials import A, B, trial

ONE = custom_profile({"signal_quality": 0.5, "intelligibility": 0.5})
TWO = custom_profile({"signal_quality": 0.25, "naturalness": 0.25, "intelligibility": 0.5})


def heard(
    signals: tuple[float, float], rates: tuple[float, float], moses: tuple[float, float] = (3.0, 3.0)
) -> list[TrialOutcome]:
    """Returns eight prompts by two models, which differ in the same way on each."""
    return [
        trial(model, prompt, signal=signals[model], wer=rates[model], mos=moses[model])
        for model in (0, 1)
        for prompt in range(8)
    ]


def test_a_lead_by_one_model_of_opinion_scores_alone_has_low_confidence() -> None:
    verdict = decide([A, B], 8, heard((4.0, 3.0), (0.1, 0.1)), composite=ONE)
    assert (verdict.winner, verdict.confidence, verdict.gap_level) == (A, Level.low, Level.high)
    assert verdict.reasons == (
        "Without signal quality, which one model predicts, espeak:a is not ahead of espeak:b. One model of opinion "
        "scores can't decide alone, so confidence is at most low.",
    )


def test_a_lead_that_stays_without_the_opinion_scores_keeps_its_confidence() -> None:
    verdict = decide([A, B], 8, heard((4.0, 3.0), (0.1, 0.2)), composite=ONE)
    assert (verdict.winner, verdict.confidence, verdict.reasons) == (A, Level.high, ())


@pytest.mark.parametrize(("rate", "confidence"), [(0.12, Level.low), (0.121, Level.high)])
def test_a_lead_that_stays_is_one_above_the_smallest_gap(rate: float, confidence: Level) -> None:
    # Without the opinion scores, intelligibility is all: 0.1 against 0.12 is a lead of 0.02.
    assert decide([A, B], 8, heard((4.0, 3.0), (0.1, rate)), composite=ONE).confidence is confidence


def test_opinion_scores_as_the_only_weight_give_low_confidence_at_most() -> None:
    only = custom_profile({"signal_quality": 1.0})
    assert decide([A, B], 8, heard((4.0, 3.0), (0.0, 0.5)), composite=only).confidence is Level.low


def test_two_models_of_opinion_scores_that_agree_decide() -> None:
    verdict = decide([A, B], 8, heard((4.0, 3.0), (0.1, 0.1), (4.0, 3.0)), composite=TWO)
    assert (verdict.winner, verdict.confidence, verdict.reasons) == (A, Level.high, ())


def test_two_models_of_opinion_scores_that_disagree_decide_nothing() -> None:
    verdict = decide([A, B], 8, heard((5.0, 2.0), (0.1, 0.1), (3.0, 3.5)), composite=TWO)
    assert (verdict.leader, verdict.winner, verdict.confidence) == (A, None, Level.inconclusive)
    assert verdict.reasons[0] == (
        "The models of opinion scores disagree: signal quality favours espeak:a, and naturalness favours espeak:b. "
        "So they decide nothing between the two."
    )


def test_two_models_of_opinion_scores_that_disagree_leave_the_rest_to_decide() -> None:
    verdict = decide([A, B], 8, heard((5.0, 2.0), (0.1, 0.3), (3.0, 3.5)), composite=TWO)
    assert (verdict.winner, verdict.confidence, verdict.reasons) == (A, Level.high, ())
    # Without the opinion scores the lead is 0.06.
    verdict = decide([A, B], 8, heard((5.0, 2.0), (0.1, 0.16), (3.0, 3.5)), composite=TWO)
    assert (verdict.winner, verdict.confidence) == (A, Level.medium)
    assert verdict.reasons[-1] == (
        "The composite score without opinion scores of espeak:a is 0.060 higher than that of espeak:b; high confidence "
        "needs more than 0.10."
    )


def test_a_leader_whom_only_disagreeing_opinion_scores_put_ahead_has_no_evidence() -> None:
    verdict = decide([A, B], 8, heard((5.0, 2.0), (0.2, 0.1), (3.0, 3.1)), composite=TWO)
    assert (verdict.leader, verdict.winner) == (A, None)


def test_opinion_scores_do_not_matter_to_evidence_from_another_metric() -> None:
    # The evidence is of word errors. The lead by score must hold without the opinion scores, too.
    trials = heard((5.0, 2.0), (0.1, 0.3), (3.0, 3.5))
    assert decide([A, B], 8, trials, composite=TWO, primary_metric="word_error_rate").confidence is Level.high
