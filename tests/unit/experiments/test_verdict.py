"""Verdicts compared with cases worked by hand."""

import pytest

from services.experiments.verdict import Level, Model, TrialOutcome, decide
from tests.unit.experiments.verdict_trials import A, B, C, D, by_silence, failed, latencies, trial


def test_one_prompt_worked_by_hand() -> None:
    verdict = decide(
        [A, B],
        1,
        [
            trial(0, 0, ttfb=100, generation=500, silence=0.1, duration=2.0, ttfa=140),
            trial(1, 0, ttfb=500, generation=1000, silence=0.2, duration=3.0),
        ],
    )
    first, second = verdict.rankings
    # The median duration is 2.5 s, both are 0.5 s away: 1 - 0.2.
    assert (first.model, second.model) == (A, B)
    assert first.components == pytest.approx(
        {"ttfb": 0.95, "generation_time": 0.9, "silence": 0.9, "duration_accuracy": 0.8}
    )
    assert list(first.components) == list(verdict.composite.weights)
    # 0.30 * 0.95 + 0.25 * 0.9 + 0.25 * 0.9 + 0.20 * 0.8
    assert first.composite_score == pytest.approx(0.895)
    # 0.30 * 0.75 + 0.25 * 0.8 + 0.25 * 0.8 + 0.20 * 0.8
    assert second.composite_score == pytest.approx(0.785)
    assert first.summaries == {
        "duration_seconds": 2.0,
        "ttfb_ms": 100,
        "generation_time_ms": 500,
        "silence_ratio": 0.1,
        "ttfa_ms": 140,
    }
    assert "ttfa_ms" not in second.summaries
    assert (first.rank, second.rank) == (1, 1)
    # The gap of 0.11 alone allows high confidence, but one prompt is not enough evidence.
    assert (verdict.gap_level, verdict.evidence_level) == (Level.high, Level.inconclusive)
    assert verdict.confidence is Level.inconclusive
    assert (verdict.leader, verdict.winner) == (A, None)
    assert verdict.p_winner == 1.0
    assert verdict.minimum_detectable_effect is None
    assert verdict.reasons == (
        "espeak:a and espeak:b differ on 1 prompt; low confidence needs at least 4.",
        "If espeak:a and espeak:b were equally good, a difference this large would occur by chance 100% of the time "
        "(p = 1); low confidence needs p <= 0.20.",
    )
    (pair,) = verdict.head_to_head
    assert (pair.model_a, pair.model_b, pair.a_wins, pair.b_wins, pair.ties, pair.pairs) == (A, B, 1, 0, 0, 1)
    assert pair.effect == pytest.approx(0.11)
    assert (pair.effect_low, pair.effect_high, pair.p_value, pair.p_holm) == (None, None, 1.0, 1.0)


def test_eight_clear_wins_on_eight_prompts_give_high_confidence() -> None:
    # Per prompt 0.945 - 0.02 / 4 = 0.94 against 0.945 - 0.6 / 4 = 0.795 and, in the last four, 0.945 - 0.7 / 4 = 0.77.
    verdict = decide([A, B], 8, by_silence([0.02] * 8, [0.6] * 4 + [0.7] * 4))
    assert (verdict.gap_level, verdict.evidence_level, verdict.confidence) == (Level.high, Level.high, Level.high)
    assert verdict.winner == verdict.leader == A
    assert verdict.reasons == ()
    assert verdict.p_winner == 2 / 2**8
    (pair,) = verdict.head_to_head
    # Differences 0.145 and 0.17 four times each: of 36 Walsh averages 10 are 0.145, 16 are 0.1575 and 10 are 0.17.
    assert pair.effect == pytest.approx(0.1575)
    assert pair.effect_low == pytest.approx(0.145)
    assert pair.effect_high == pytest.approx(0.17)
    assert pair.p_holm == pair.p_value == 2 / 2**8
    assert [ranking.rank for ranking in verdict.rankings] == [1, 2]
    # The standard deviation is 0.0125 * sqrt(8 / 7); 8 pairs detect 1.19 of them.
    assert verdict.minimum_detectable_effect == pytest.approx(1.19 * 0.0125 * (8 / 7) ** 0.5)
    assert (verdict.primary_metric, verdict.method_version) == ("composite_per_prompt", "verdict/4")
    assert (verdict.composite.name, verdict.composite.version) == ("latency", 1)


@pytest.mark.parametrize(
    ("prompts", "level"),
    [(3, "inconclusive"), (4, "low"), (5, "low"), (6, "medium"), (7, "medium"), (8, "high"), (20, "high")],
)
def test_winning_every_prompt_reaches_the_level_of_the_number_of_prompts(prompts: int, level: str) -> None:
    verdict = decide([A, B], prompts, by_silence([0.0] * prompts, [0.8] * prompts))
    assert verdict.evidence_level is Level[level]
    assert verdict.p_winner == 2 / 2**prompts


@pytest.mark.parametrize(
    ("other", "level"),
    [(0.41, "high"), (0.40, "medium"), (0.21, "medium"), (0.20, "low"), (0.09, "low"), (0.08, "inconclusive")],
)
def test_the_gap_must_be_above_its_threshold(other: float, level: str) -> None:
    # Silence 0 against `other` is a gap of other / 4, so 0.40, 0.20 and 0.08 lie exactly on a threshold.
    assert decide([A, B], 8, by_silence([0.0] * 8, [other] * 8)).gap_level is Level[level]


def test_a_small_gap_limits_the_confidence_of_strong_evidence() -> None:
    # A gap of 0.06; 5% of 0.885 is 0.04425, so the effect itself counts in full.
    verdict = decide([A, B], 8, by_silence([0.0] * 8, [0.24] * 8))
    assert (verdict.gap_level, verdict.evidence_level) == (Level.medium, Level.high)
    assert (verdict.confidence, verdict.winner) == (Level.medium, A)
    assert verdict.reasons == (
        "The composite score of espeak:a is 0.060 higher than that of espeak:b; high confidence needs more than 0.10.",
    )


def test_an_effect_below_the_practical_margin_lowers_the_evidence_by_one_level() -> None:
    # A gap of 0.04 on 0.905 is 4.4%.
    verdict = decide([A, B], 8, by_silence([0.0] * 8, [0.16] * 8))
    assert (verdict.gap_level, verdict.evidence_level, verdict.confidence) == (Level.low, Level.medium, Level.low)
    assert verdict.reasons[-1] == (
        "espeak:a is better than espeak:b by 0.040, which is less than 5% of espeak:b's mean of 0.905. "
        "A difference this small lowers the evidence by one level."
    )


def test_an_effect_of_exactly_the_practical_margin_keeps_its_level() -> None:
    # 0.945 against 0.9, 5% of which is 0.045.
    assert decide([A, B], 8, by_silence([0.0] * 8, [0.18] * 8)).evidence_level is Level.high


def test_ties_are_pairs_but_not_evidence() -> None:
    # Seven prompts differ and three are equal: n is 7, p is 2/2^7.
    verdict = decide([A, B], 10, by_silence([0.0] * 10, [0.9] * 7 + [0.0] * 3))
    (pair,) = verdict.head_to_head
    assert (pair.pairs, verdict.p_winner, verdict.evidence_level) == (10, 2 / 2**7, Level.medium)
    assert verdict.reasons[0] == "espeak:a and espeak:b differ on 7 prompts; high confidence needs at least 8."


def test_models_that_never_differ_are_inconclusive() -> None:
    verdict = decide([B, A], 8, by_silence([0.3] * 8, [0.3] * 8))
    assert (verdict.gap_level, verdict.evidence_level) == (Level.inconclusive, Level.inconclusive)
    # Among equal models the first by name leads.
    assert (verdict.leader, verdict.winner, verdict.p_winner) == (A, None, 1.0)
    assert [ranking.rank for ranking in verdict.rankings] == [1, 1]
    assert verdict.reasons[-1] == (
        "Not enough evidence: on the prompts that both completed, espeak:a is not better than espeak:b."
    )
    assert not any("no difference" in reason.lower() for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        (500.0, 550.0, (0, 0, 1)),
        (500.0, 550.1, (1, 0, 0)),
        (550.1, 500.0, (0, 1, 0)),
        (1000.3, 1050.3, (0, 0, 1)),
        (500.0, 500.0, (0, 0, 1)),
    ],
)
def test_latencies_within_fifty_milliseconds_tie(a: float, b: float, outcome: tuple[int, int, int]) -> None:
    (pair,) = decide([A, B], 1, latencies([a], [b])).head_to_head
    assert (pair.a_wins, pair.b_wins, pair.ties) == outcome


def test_head_to_head_latency_is_time_to_first_byte_plus_generation_time() -> None:
    trials = [trial(0, 0, ttfb=100, generation=900), trial(1, 0, ttfb=500, generation=600)]
    (pair,) = decide([A, B], 1, trials).head_to_head
    assert (pair.a_wins, pair.b_wins) == (1, 0)


def test_pairs_are_in_the_order_of_the_experiment() -> None:
    verdict = decide([C, A, B], 1, by_silence([0.5], [0.1], [0.3]))
    assert [(pair.model_a, pair.model_b) for pair in verdict.head_to_head] == [(C, A), (C, B), (A, B)]
    assert [ranking.model for ranking in verdict.rankings] == [A, B, C]


def test_the_winner_is_tested_against_its_hardest_opponent() -> None:
    # A beats C on all eight prompts, and B on seven: a loss of 0.05 among wins of 0.15. Patterns of 7 x 0.15 and 0.05
    # at or above 1.0: all plus, all but the small: 2 and 2 mirrored of 256.
    verdict = decide([A, B, C], 8, by_silence([0.2] * 8, [0.8] * 7 + [0.0], [0.9] * 8))
    by_pair = {(pair.model_a, pair.model_b): pair for pair in verdict.head_to_head}
    assert by_pair[A, B].p_value == verdict.p_winner == 4 / 2**8
    assert by_pair[A, C].p_value == 2 / 2**8
    # p = 0.015625 is not at most 0.01.
    assert verdict.evidence_level is Level.medium


def test_p_is_adjusted_over_all_pairs_of_models() -> None:
    verdict = decide([A, B, C], 8, by_silence([0.2] * 8, [0.8] * 7 + [0.0], [0.9] * 8))
    # AB 4/256; AC 2/256; B beats C by 0.025 seven times and 0.225 once: 2/256. Holm: 3 * 2, then max(6, 2 * 2), then 6.
    assert [pair.p_holm for pair in verdict.head_to_head] == [6 / 256, 6 / 256, 6 / 256]


def test_neighbours_share_a_rank_unless_the_evidence_separates_them() -> None:
    # A and B trade prompts, C is behind both on every one.
    verdict = decide([C, B, A], 8, by_silence([0.9] * 8, [0.0, 0.22] * 4, [0.2, 0.0] * 4))
    assert [(ranking.model, ranking.rank) for ranking in verdict.rankings] == [(A, 1), (B, 1), (C, 3)]


def test_fewer_than_two_models_with_a_completed_trial_are_not_ranked() -> None:
    verdict = decide([A, B], 2, [trial(0, 0), trial(0, 1), failed(1, 0), failed(1, 1)])
    assert verdict.rankings == ()
    assert (verdict.leader, verdict.winner, verdict.p_winner) == (None, None, None)
    assert (verdict.confidence, verdict.gap_level) == (Level.inconclusive, Level.inconclusive)
    assert verdict.reasons == ("Fewer than two models have a completed trial, so there is nothing to compare.",)
    (pair,) = verdict.head_to_head
    assert (pair.pairs, pair.effect, pair.p_value, pair.p_holm) == (0, None, None, None)


def test_a_model_that_completed_nothing_is_last_and_limits_confidence_to_low() -> None:
    trials = [*by_silence([0.0] * 8, [0.8] * 8), *(failed(2, prompt) for prompt in range(8))]
    verdict = decide([A, B, C], 8, trials)
    last = verdict.rankings[-1]
    assert (last.model, last.rank, last.composite_score, last.reliability) == (C, 3, 0.0, 0.0)
    assert (last.trials_completed, last.trials_failed, last.summaries, last.components) == (0, 8, {}, {})
    assert (verdict.confidence, verdict.winner, verdict.p_winner) == (Level.low, A, 2 / 2**8)
    assert verdict.reasons == (
        "espeak:c completed 0 of 8 prompts; if more than 10% are missing, confidence is at most low.",
    )


@pytest.mark.parametrize(("failures", "level"), [(1, "high"), (2, "high"), (3, "low")])
def test_more_than_one_failed_prompt_in_ten_limits_confidence_to_low(failures: int, level: str) -> None:
    trials = [one for one in by_silence([0.0] * 20, [0.8] * 20) if (one.model_index, one.prompt_index) >= (0, failures)]
    trials += [failed(0, prompt) for prompt in range(failures)]
    verdict = decide([A, B], 20, trials)
    assert verdict.evidence_level is Level[level]
    assert verdict.rankings[0].reliability == pytest.approx(1 - failures / 20)
    assert verdict.head_to_head[0].pairs == 20 - failures


def test_only_prompts_that_both_completed_are_compared() -> None:
    # Only A completed the hard prompt. On all of its prompts, A would look worse than B.
    trials = [trial(0, 0, silence=0.1), trial(0, 1, silence=0.9), trial(1, 0, silence=0.2), failed(1, 1)]
    verdict = decide([A, B], 2, trials)
    (pair,) = verdict.head_to_head
    assert pair.pairs == 1
    assert pair.effect == pytest.approx(0.025)
    assert verdict.leader == B
    assert (
        "Not enough evidence: on the prompts that both completed, espeak:b is not better than espeak:a."
        in verdict.reasons
    )


def test_models_without_a_prompt_in_common_give_no_evidence() -> None:
    trials = [trial(0, 0, silence=0.0), failed(0, 1), failed(1, 0), trial(1, 1, silence=0.9)]
    verdict = decide([A, B], 2, trials)
    assert (verdict.leader, verdict.winner, verdict.p_winner) == (A, None, None)
    assert "No prompt has usable trials of both espeak:a and espeak:b." in verdict.reasons


def test_repeats_are_reduced_to_their_median_first() -> None:
    repeats = [trial(0, 0, ttfb=value, repeat=repeat) for repeat, value in enumerate((100.0, 900.0, 200.0))]
    verdict = decide([A, B], 1, [*repeats, failed(0, 0, repeat=3), trial(1, 0, ttfb=400.0)])
    first = verdict.rankings[0]
    assert (first.model, first.summaries["ttfb_ms"]) == (A, 200.0)
    assert (first.trials_completed, first.trials_failed, first.reliability) == (3, 1, 0.75)
    assert verdict.head_to_head[0].pairs == 1


def test_duration_accuracy_is_the_distance_to_the_median_over_models() -> None:
    trials = [trial(0, 0, duration=2.0), trial(1, 0, duration=3.0), trial(2, 0, duration=9.0)]
    parts = {one.model: one.components["duration_accuracy"] for one in decide([A, B, C], 1, trials).rankings}
    # The median is 3 s: 1 - 1/3, 1, and 1 - min(6/3, 1).
    assert parts == {A: pytest.approx(2 / 3), B: 1.0, C: 0.0}


def test_a_latency_above_the_worst_value_scores_zero() -> None:
    trials = [trial(0, 0, ttfb=2500, generation=9000), trial(1, 0, ttfb=2000, generation=5000)]
    for ranking in decide([A, B], 1, trials).rankings:
        assert (ranking.components["ttfb"], ranking.components["generation_time"]) == (0.0, 0.0)


def test_four_models_have_six_pairs() -> None:
    verdict = decide([A, B, C, D], 1, by_silence([0.1], [0.2], [0.3], [0.4]))
    assert len(verdict.head_to_head) == 6


@pytest.mark.parametrize(
    ("models", "prompts", "trials", "message"),
    [
        ([A], 1, [], "two or more different models"),
        ([A, A], 1, [], "two or more different models"),
        ([A, B], 0, [], "must have 1 to 20 prompts, got 0"),
        ([A, B], 21, [], "must have 1 to 20 prompts, got 21"),
        ([A, B], 1, [trial(2, 0)], r"trial \(2, 0, 0\) does not belong to this experiment"),
        ([A, B], 1, [trial(0, 1)], r"trial \(0, 1, 0\) does not belong to this experiment"),
        ([A, B], 1, [trial(0, 0), failed(0, 0)], r"trial \(0, 0, 0\) occurs twice"),
        ([A, B], 1, [TrialOutcome(0, 0, completed=True)], "has duration_seconds = None"),
        ([A, B], 1, [trial(0, 0, ttfb=float("nan"))], "has ttfb_ms = nan"),
        ([A, B], 1, [trial(0, 0, generation=-1)], "has generation_time_ms = -1"),
        ([A, B], 1, [trial(0, 0, duration=0)], "has no audio"),
        ([A, B], 1, [trial(0, 0, silence=1.5)], "has silence_ratio = 1.5"),
    ],
)
def test_wrongly_recorded_trials_are_refused(
    models: list[Model], prompts: int, trials: list[TrialOutcome], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        decide(models, prompts, trials)
