"""A model whose speech is faulty clearly more often than that of another can't win, whatever its score."""

from collections import Counter

import numpy as np
import pytest

from services.experiments.verdict import Judges, Level, TrialOutcome, custom_profile, decide
from tests.unit.experiments.test_verdict_chance import assert_few_false_winners
from tests.unit.experiments.verdict_trials import A, B, C, D, failed, trial, votes


def by_failures(*counts: list[int], silences: tuple[float, ...] = (0.0, 0.8)) -> list[TrialOutcome]:
    """Returns trials with one row of failures per model. The first model has the best score."""
    return [
        trial(model, prompt, failures=failures, silence=silences[model])
        for model, row in enumerate(counts)
        for prompt, failures in enumerate(row)
    ]


def test_failures_on_every_prompt_rule_out_the_best_score_and_the_other_model_wins() -> None:
    verdict = decide([A, B], 10, by_failures([1] * 10, [0] * 10))
    assert [(one.model, one.rank) for one in verdict.rankings] == [(B, 1), (A, 2)]
    assert verdict.rankings[1].composite_score > verdict.rankings[0].composite_score
    # Ten of ten prompts: p = 2 / 2^10, doubled.
    assert (verdict.leader, verdict.winner, verdict.confidence) == (B, B, Level.high)
    assert verdict.reasons == (
        "espeak:a can't win, whatever its score: it has more repeated, skipped, cut-off or run-away speech than "
        "espeak:b on 10 prompts, and less on none.",
    )
    assert [one.ruled_out for one in verdict.rankings] == ["", verdict.reasons[0]]


@pytest.mark.parametrize(
    ("worse", "winner", "confidence"),
    [
        # Not clearly more often: A wins by its score.
        (0, A, Level.high),
        (3, A, Level.high),
        # Clearly more often, but not clear enough for B to win.
        (4, None, Level.inconclusive),
        (5, B, Level.low),
        (6, B, Level.low),
        (7, B, Level.medium),
        (8, B, Level.medium),
        (9, B, Level.high),
    ],
)
def test_the_number_of_faulty_prompts_decides_how_clear_the_difference_is(
    worse: int, winner: object, confidence: Level
) -> None:
    verdict = decide([A, B], 10, by_failures([1] * worse + [0] * (10 - worse), [0] * 10))
    assert (verdict.winner, verdict.confidence) == (winner, confidence)


def test_the_reasons_say_what_a_winner_by_faults_lacks() -> None:
    verdict = decide([A, B], 8, by_failures([1, 1, 1, 1, 1, 0, 0, 0], [0] * 8))
    assert verdict.reasons[1:] == (
        "espeak:a and espeak:b differ in failures or hard words on 5 prompts; medium confidence needs at least 6.",
        "If espeak:a and espeak:b were equally good, faults this one-sided or scores this different would occur by "
        "chance 12% of the time (p = 0.12); medium confidence needs p <= 0.05.",
    )


def test_what_the_recogniser_gets_wrong_for_every_model_rules_out_none() -> None:
    verdict = decide([A, B], 8, by_failures([2] * 8, [2] * 8))
    assert (verdict.winner, verdict.confidence, verdict.rankings[1].ruled_out) == (A, Level.high, "")
    # More than the other model on the same prompt counts.
    assert decide([A, B], 8, by_failures([3] * 8, [2] * 8)).winner == B


def test_silent_trials_are_faults_although_they_have_no_score() -> None:
    heard = [trial(model, prompt, wer=0.0, failures=0) for model in (0, 1) for prompt in range(10)]
    silent = [trial(0, prompt, failures=1) for prompt in range(6)]
    verdict = decide([A, B], 10, [*silent, *heard[6:]], composite=custom_profile({"intelligibility": 1.0}))
    assert {one.model: bool(one.ruled_out) for one in verdict.rankings} == {A: True, B: False}


def test_faults_in_both_directions_cancel_out() -> None:
    assert decide([A, B], 8, by_failures([1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1])).winner == A


def test_wrong_hard_words_rule_out_a_model() -> None:
    trials = [trial(0, p, hard=0.5, silence=0.0) for p in range(8)] + [
        trial(1, p, hard=1.0, silence=0.8) for p in range(8)
    ]
    verdict = decide([A, B], 8, trials)
    assert verdict.winner == B
    assert verdict.reasons[0] == (
        "espeak:a can't win, whatever its score: it has more wrong hard words (numbers, dates, names) than espeak:b "
        "on 8 prompts, and less on none."
    )


def test_prompts_without_hard_words_count_for_neither() -> None:
    # Only three prompts have hard words, which is too few.
    trials = [trial(0, p, hard=0.0 if p < 3 else None, silence=0.0) for p in range(8)]
    trials += [trial(1, p, hard=1.0 if p < 3 else None, silence=0.8) for p in range(8)]
    assert decide([A, B], 8, trials).winner == A


def test_failures_and_hard_words_count_together_and_opposite_ones_cancel_out() -> None:
    trials = [trial(1, p, failures=0, hard=1.0, silence=0.8) for p in range(8)]
    mixed = [trial(0, p, failures=int(p < 3), hard=0.0 if p >= 3 else 1.0, silence=0.0) for p in range(8)]
    verdict = decide([A, B], 8, mixed + trials)
    assert verdict.winner == B
    assert "it has more repeated, skipped, cut-off or run-away speech or more wrong hard words" in verdict.reasons[0]
    opposite = [trial(0, p, failures=1, hard=1.0, silence=0.0) for p in range(8)]
    other = [trial(1, p, failures=0, hard=0.0, silence=0.8) for p in range(8)]
    assert decide([A, B], 8, opposite + other).winner == A


def test_repeats_count_as_one_prompt() -> None:
    # On each of three prompts A fails in two of three repeats. Three prompts are too few, and nine trials don't count.
    trials = [
        trial(model, prompt, repeat=repeat, failures=int(model == 0 and prompt < 3 and repeat < 2), silence=silence)
        for model, silence in enumerate((0.0, 0.8))
        for prompt in range(8)
        for repeat in range(3)
    ]
    assert decide([A, B], 8, trials).winner == A
    # One of three repeats is no failure of the prompt.
    trials = [
        trial(model, prompt, repeat=repeat, failures=int(model == 0 and repeat == 0), silence=silence)
        for model, silence in enumerate((0.0, 0.8))
        for prompt in range(8)
        for repeat in range(3)
    ]
    assert decide([A, B], 8, trials).winner == A


def test_the_best_of_the_other_models_wins_by_its_score() -> None:
    trials = by_failures([1] * 10, [0] * 10, [0] * 10, silences=(0.0, 0.2, 0.9))
    verdict = decide([A, B, C], 10, trials)
    assert [(one.model, one.rank) for one in verdict.rankings] == [(B, 1), (C, 2), (A, 3)]
    assert (verdict.winner, verdict.confidence) == (B, Level.high)
    # It needs evidence against the others, too.
    close = by_failures([1] * 10, [0] * 10, [0] * 10, silences=(0.0, 0.2, 0.21))
    assert decide([A, B, C], 10, close).winner is None


def test_a_model_that_is_ruled_out_and_has_the_worse_score_changes_nothing() -> None:
    trials = by_failures([0] * 8, [1] * 8)
    verdict = decide([A, B], 8, trials)
    assert (verdict.winner, verdict.confidence) == (A, Level.high)
    plain = decide([A, B], 8, by_failures([0] * 8, [0] * 8))
    assert (verdict.gap_level, verdict.evidence_level) == (plain.gap_level, plain.evidence_level)
    assert verdict.reasons[0].startswith("espeak:b can't win")


def test_models_that_rule_out_one_another_leave_no_winner() -> None:
    # Each of four has more failures than the next one on 15 of 20 prompts, and fewer on 5.
    orders = ([3, 2, 1, 0], [0, 3, 2, 1], [1, 0, 3, 2], [2, 1, 0, 3])
    rows = [[order[model] for order in orders for _ in range(5)] for model in range(4)]
    verdict = decide([A, B, C, D], 20, by_failures(*rows, silences=(0.0, 0.8, 0.8, 0.8)))
    assert all(one.ruled_out for one in verdict.rankings)
    assert (verdict.leader, verdict.winner, verdict.evidence_level) == (A, None, Level.inconclusive)
    assert verdict.reasons[-1] == "Every model is ruled out by another one, so none can win."


def test_a_model_without_trials_is_no_reason() -> None:
    trials = by_failures([1] * 8, [0] * 8) + [failed(2, prompt) for prompt in range(8)]
    verdict = decide([A, B, C], 8, trials)
    assert [one.model for one in verdict.rankings] == [B, A, C]
    # A model failed all prompts.
    assert verdict.confidence is Level.low


def test_people_heard_the_failures_so_their_votes_decide_alone() -> None:
    trials = by_failures([1] * 8, [0] * 8)
    cast = votes(0, 1, *["aaaaaaaa"] * 9)
    verdict = decide([A, B], 8, trials, votes=cast, judges=Judges.LISTENERS)
    assert (verdict.winner, [one.ruled_out for one in verdict.rankings]) == (A, ["", ""])
    both = decide([A, B], 8, trials, votes=cast, judges=Judges.BOTH)
    assert (both.leader, both.winner) == (B, None)


@pytest.mark.parametrize(("models", "rate"), [(2, 0.5), (3, 0.3), (4, 0.5)])
def test_equal_models_with_faults_seldom_get_a_winner(models: int, rate: float) -> None:
    random = np.random.default_rng(int(100 * rate) + models)
    reached: Counter[Level] = Counter()
    experiments = 200
    for _ in range(experiments):
        waits = random.uniform(200, 600, 10) + random.exponential(700, (models, 10))
        faults = random.random((models, 10)) < rate
        trials = [
            trial(model, prompt, ttfb=float(waits[model, prompt]), failures=int(faults[model, prompt]))
            for model in range(models)
            for prompt in range(10)
        ]
        reached[decide([A, B, C, D][:models], 10, trials).confidence] += 1
    assert_few_false_winners(reached, experiments)
