"""Profiles, custom weights, other primary metrics, and trials that lack a needed measurement."""

from collections.abc import Mapping
from itertools import combinations

import pytest

from services.experiments.verdict import (
    LATENCY,
    LISTENING_METRICS,
    METRIC_NAMES,
    PRIMARY_METRICS,
    PROFILES,
    QUALITY,
    CompositeProfile,
    Level,
    TrialOutcome,
    custom_profile,
    decide,
)
from services.experiments.verdict.profiles import OPINION_PARTS, PARTS
from tests.unit.experiments.verdict_trials import A, B, by_silence, failed, latencies, trial


@pytest.mark.parametrize(
    ("metric", "value", "part"),
    [
        ("ttfb", 500.0, 0.75),
        ("ttfb", 2500.0, 0.0),
        ("generation_time", 1000.0, 0.8),
        ("ttfa", 500.0, 0.75),
        ("ttfa", 2001.0, 0.0),
        ("silence", 0.3, 0.7),
        ("naturalness", 1.0, 0.0),
        ("naturalness", 4.0, 0.75),
        ("naturalness", 5.0, 1.0),
        # Predictors can leave the scale.
        ("naturalness", 5.2, 1.0),
        ("naturalness", 0.9, 0.0),
        ("intelligibility", 0.0, 1.0),
        ("intelligibility", 0.25, 0.75),
        ("intelligibility", 1.8, 0.0),
        ("prosody", 0.6, 0.6),
        ("prosody", 1.1, 1.0),
        ("signal_quality", 3.0, 0.5),
    ],
)
def test_each_part_is_scaled_to_zero_to_one(metric: str, value: float, part: float) -> None:
    fields = {"ttfb_ms": "ttfb", "generation_time_ms": "generation", "silence_ratio": "silence", "ttfa_ms": "ttfa"}
    fields |= {"naturalness_mos": "mos", "word_error_rate": "wer", "prosody_score": "prosody"}
    fields["signal_quality_mos"] = "signal"
    measured = {fields[PARTS[metric].name]: value}
    trials = [trial(model, 0, **measured) for model in (0, 1)]  # type: ignore[arg-type]
    ranking = decide([A, B], 1, trials, composite=custom_profile({metric: 1.0})).rankings[0]
    assert ranking.components == {metric: pytest.approx(part)}
    assert ranking.composite_score == pytest.approx(part)


def test_the_parts_are_those_of_the_api_in_the_order_of_reports() -> None:
    assert METRIC_NAMES == (
        "ttfb",
        "generation_time",
        "ttfa",
        "silence",
        "duration_accuracy",
        "naturalness",
        "intelligibility",
        "prosody",
        "signal_quality",
    )
    assert LISTENING_METRICS == ("naturalness", "intelligibility", "prosody", "signal_quality")
    assert OPINION_PARTS == ("naturalness", "signal_quality")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_weights_of_a_profile_sum_to_one(profile: CompositeProfile) -> None:
    assert sum(profile.weights.values()) == pytest.approx(1, abs=1e-12)
    assert custom_profile(profile.weights).weights == profile.weights


def test_quality_worked_by_hand() -> None:
    trials = [
        trial(0, 0, ttfa=200, generation=1000, mos=4.2, wer=0.05, prosody=0.7, signal=3.4),
        trial(1, 0, ttfa=600, generation=2000, mos=3.0, wer=0.20, prosody=0.4, signal=2.6),
    ]
    verdict = decide([A, B], 1, trials, composite=QUALITY)
    first, second = verdict.rankings
    assert first.components == pytest.approx(
        {
            "generation_time": 0.8,
            "ttfa": 0.9,
            "naturalness": 0.8,
            "intelligibility": 0.95,
            "prosody": 0.7,
            "signal_quality": 0.6,
        }
    )
    # 0.08 * 0.8 + 0.12 * 0.9 + 0.20 * 0.8 + 0.35 * 0.95 + 0.05 * 0.7 + 0.20 * 0.6
    assert first.composite_score == pytest.approx(0.8195)
    # 0.08 * 0.6 + 0.12 * 0.7 + 0.20 * 0.5 + 0.35 * 0.8 + 0.05 * 0.4 + 0.20 * 0.4
    assert second.composite_score == pytest.approx(0.612)
    assert [first.summaries[name] for name in ("naturalness_mos", "word_error_rate", "prosody_score")] == [
        4.2,
        0.05,
        0.7,
    ]
    assert verdict.composite == QUALITY
    assert verdict.head_to_head[0].effect == pytest.approx(0.8195 - 0.612)


def test_the_profile_decides_who_leads() -> None:
    # A is fast and sounds bad. B is slow and sounds good.
    trials = [
        trial(0, 0, ttfb=100, generation=300, ttfa=100, mos=2.0, wer=0.3, prosody=0.2, signal=2.0),
        trial(1, 0, ttfb=900, generation=2500, ttfa=900, mos=4.6, wer=0.0, prosody=0.8, signal=4.0),
    ]
    assert decide([A, B], 1, trials, composite=LATENCY).leader == A
    assert decide([A, B], 1, trials, composite=QUALITY).leader == B


def test_the_parts_that_remain_keep_their_proportions() -> None:
    small = QUALITY.without_parts(["naturalness"])
    assert small is not None
    assert (small.name, small.version) == ("quality", 2)
    assert dict(small.weights) == {
        "generation_time": 0.1,
        "ttfa": 0.15,
        "intelligibility": 0.4375,
        "prosody": 0.0625,
        "signal_quality": 0.25,
    }
    assert QUALITY.with_parts(METRIC_NAMES) is QUALITY
    assert QUALITY.with_parts(["silence"]) is None


@pytest.mark.parametrize("missing", list(combinations(QUALITY.weights, 2)))
def test_the_weights_that_remain_sum_to_one(missing: tuple[str, str]) -> None:
    remaining = QUALITY.without_parts(missing)
    assert remaining is not None
    # A developer can name them, too.
    assert custom_profile(remaining.weights).weights == remaining.weights


def test_weights_keep_their_order_after_storage() -> None:
    # JSONB sorts keys by length.
    stored = CompositeProfile("latency", 1, dict(sorted(LATENCY.weights.items(), key=lambda item: len(item[0]))))
    assert list(stored.weights) == ["ttfb", "generation_time", "silence", "duration_accuracy"]
    assert stored == LATENCY


def test_a_weight_of_zero_is_left_out() -> None:
    assert custom_profile({"prosody": 0.0, "ttfa": 1.0}) == CompositeProfile("custom", 1, {"ttfa": 1.0})


def test_rounded_thirds_are_accepted() -> None:
    assert custom_profile({"ttfa": 0.333333, "ttfb": 0.333333, "silence": 0.333334}).name == "custom"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ttfb": 0.5, "silence": 0.4}, "sum to 1, got 0.9"),
        ({}, "sum to 1, got 0"),
        ({"ttfb": 1.5, "silence": -0.5}, "the weight of ttfb must be 0 to 1, got 1.5"),
        ({"silence": -0.5, "ttfb": 1.5}, "the weight of silence must be 0 to 1, got -0.5"),
        ({"ttfb": float("nan")}, "the weight of ttfb must be 0 to 1, got nan"),
        ({"charm": 1.0}, "unknown metric charm"),
    ],
)
def test_invalid_weights_are_refused(weights: Mapping[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        custom_profile(weights)


def test_a_trial_without_a_needed_measurement_counts_for_reliability_only() -> None:
    # One of B's ten trials lacks naturalness. It counts for reliability, and nine prompts can be compared.
    trials = [trial(0, prompt, ttfa=100, mos=4.8, wer=0.0, prosody=0.9, signal=4.0) for prompt in range(10)]
    trials += [trial(1, prompt, ttfa=100, mos=2.0, wer=0.1, prosody=0.4, signal=2.0) for prompt in range(9)]
    trials.append(trial(1, 9, ttfa=100, wer=0.1, prosody=0.4, signal=2.0))
    verdict = decide([A, B], 10, trials, composite=QUALITY)
    last = verdict.rankings[-1]
    assert (last.trials_completed, last.trials_unmeasured, last.reliability) == (10, 1, 1.0)
    assert verdict.head_to_head[0].pairs == 9
    # One missing prompt in ten is allowed.
    assert (verdict.confidence, verdict.reasons) == (Level.high, ())


def test_too_many_trials_without_a_needed_measurement_limit_confidence_to_low() -> None:
    trials = [trial(0, prompt, ttfa=100, mos=4.8, wer=0.0, prosody=0.9, signal=4.0) for prompt in range(10)]
    trials += [trial(1, prompt, ttfa=100, mos=2.0, wer=0.1, prosody=0.4, signal=2.0) for prompt in range(8)]
    trials += [trial(1, 8, wer=0.1, prosody=0.4, signal=2.0), failed(1, 9)]
    verdict = decide([A, B], 10, trials, composite=QUALITY)
    assert (verdict.confidence, verdict.winner) == (Level.low, A)
    assert verdict.reasons == (
        "espeak:b completed 9 of 10 prompts, and 8 of them have every measurement that the verdict needs; if more than "
        "10% are missing, confidence is at most low.",
        "Missing measurements (naturalness_mos, ttfa_ms) exclude 1 of 9 completed trials of espeak:b from the "
        "comparison.",
    )


def test_without_naturalness_there_is_no_ranking_by_quality() -> None:
    verdict = decide([A, B], 8, by_silence([0.0] * 8, [0.9] * 8), composite=QUALITY)
    assert (verdict.rankings, verdict.leader, verdict.winner) == ((), None, None)
    assert verdict.confidence is Level.inconclusive
    assert verdict.reasons[0] == (
        "Fewer than two models have a trial with every measurement that the verdict needs, so there is nothing to "
        "compare."
    )
    assert verdict.reasons[1] == (
        "Missing measurements (naturalness_mos, prosody_score, signal_quality_mos, ttfa_ms, word_error_rate) exclude 8 "
        "of 8 completed trials of espeak:a from the comparison."
    )


def test_a_repeat_without_a_needed_measurement_does_not_affect_the_others() -> None:
    trials = [
        trial(0, 0, mos=4.0, repeat=0),
        trial(0, 0, repeat=1),
        trial(0, 0, mos=2.0, repeat=2),
        trial(1, 0, mos=1.0),
    ]
    first = decide([A, B], 1, trials, composite=custom_profile({"naturalness": 1.0})).rankings[0]
    # The median of 4 and 2 is 3: (3 - 1) / 4.
    assert (first.composite_score, first.summaries["naturalness_mos"], first.trials_unmeasured) == (0.5, 3.0, 1)


def test_a_score_has_an_exact_interval_from_six_prompts() -> None:
    ratios = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    first = decide([A, B], 6, by_silence(ratios, [0.9] * 6)).rankings[0]
    # A composite is 0.945 - ratio / 4. With six prompts the interval ends at the extremes.
    assert first.score_low == pytest.approx(0.945 - 0.15)
    assert first.score_high == pytest.approx(0.945 - 0.025)
    assert decide([A, B], 5, by_silence(ratios[:5], [0.9] * 5)).rankings[0].score_low is None


def test_a_shorter_time_is_better() -> None:
    # A takes 300 ms and B 1300 ms.
    verdict = decide([A, B], 8, latencies([300.0] * 8, [1300.0] * 8), primary_metric="generation_time_ms")
    (pair,) = verdict.head_to_head
    assert (pair.effect, pair.effect_low, pair.effect_high) == (-1000.0, -1000.0, -1000.0)
    assert pair.favours == A
    assert (verdict.evidence_level, verdict.p_winner) == (Level.high, 2 / 2**8)
    assert (verdict.primary_metric, verdict.minimum_detectable_effect) == ("generation_time_ms", 0.0)


@pytest.mark.parametrize("metric", ["ttfb_ms", "ttfa_ms", "generation_time_ms"])
def test_the_leader_by_score_needs_evidence_in_the_primary_metric(metric: str) -> None:
    # A leads by silence alone and is slower in every time.
    trials = [trial(0, p, silence=0.0, ttfb=300, ttfa=320, generation=700) for p in range(8)]
    trials += [trial(1, p, silence=0.9, ttfb=200, ttfa=210, generation=600) for p in range(8)]
    verdict = decide([A, B], 8, trials, primary_metric=metric)
    assert (verdict.leader, verdict.winner, verdict.evidence_level) == (A, None, Level.inconclusive)
    assert verdict.head_to_head[0].favours == B
    assert verdict.reasons == (
        f"Not enough evidence: on the prompts that both completed, espeak:a is not better than espeak:b in {metric}.",
    )


def test_a_lead_of_a_few_milliseconds_lowers_the_evidence_by_one_level() -> None:
    trials = [trial(0, p, silence=0.0, ttfb=980) for p in range(8)] + [
        trial(1, p, silence=0.9, ttfb=1000) for p in range(8)
    ]
    verdict = decide([A, B], 8, trials, primary_metric="ttfb_ms")
    assert (verdict.evidence_level, verdict.winner) == (Level.medium, A)
    assert verdict.reasons == (
        "espeak:a is faster than espeak:b by 20 ms, which is less than 5% of espeak:b's mean of 1000 ms. "
        "A difference this small lowers the evidence by one level.",
    )


def test_a_trial_without_the_primary_metric_is_not_compared() -> None:
    trials = [trial(0, 0, ttfa=100), trial(1, 0, ttfa=200), trial(0, 1), trial(1, 1, ttfa=300)]
    verdict = decide([A, B], 2, trials, primary_metric="ttfa_ms")
    assert verdict.head_to_head[0].pairs == 1
    assert {one.model: one.trials_unmeasured for one in verdict.rankings} == {A: 1, B: 0}


def test_word_errors_can_be_the_evidence() -> None:
    trials = [trial(0, p, wer=0.0, silence=0.0) for p in range(8)]
    trials += [trial(1, p, wer=0.2, silence=0.9) for p in range(8)]
    verdict = decide([A, B], 8, trials, primary_metric="word_error_rate")
    (pair,) = verdict.head_to_head
    assert (pair.effect, pair.favours, verdict.winner, verdict.confidence) == (-0.2, A, A, Level.high)
    # Models without word errors on a prompt tie on it.
    trials = [trial(0, p, wer=0.0, silence=0.0) for p in range(8)]
    trials += [trial(1, p, wer=0.2 if p < 5 else 0.0, silence=0.9) for p in range(8)]
    verdict = decide([A, B], 8, trials, primary_metric="word_error_rate")
    assert (verdict.evidence_level, verdict.p_winner) == (Level.low, 2 / 2**5)


def test_equally_fast_models_favour_neither() -> None:
    (pair,) = decide([A, B], 6, latencies([300.0] * 6, [300.0] * 6), primary_metric="ttfb_ms").head_to_head
    assert (pair.effect, pair.favours, pair.p_value) == (0.0, None, 1.0)


def test_the_primary_metrics_are_those_of_the_api() -> None:
    assert list(PRIMARY_METRICS) == [
        "composite_per_prompt",
        "ttfb_ms",
        "ttfa_ms",
        "generation_time_ms",
        "word_error_rate",
    ]
    with pytest.raises(ValueError, match="unknown primary metric charm"):
        decide([A, B], 1, [], primary_metric="charm")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (trial(0, 0, mos=float("nan")), "naturalness_mos = nan"),
        (trial(0, 0, wer=-0.1), "word_error_rate = -0.1"),
        (trial(0, 0, prosody=float("inf")), "prosody_score = inf"),
        (trial(0, 0, ttfa=-1.0), "ttfa_ms = -1.0"),
    ],
)
def test_impossible_measurements_are_refused(wrong: TrialOutcome, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decide([A, B], 1, [wrong])
