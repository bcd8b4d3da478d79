"""How the metrics vote on a battle."""

import math
from dataclasses import replace

import pytest

from services.elo.ratings import Outcome, SideMetrics, metric_vote

FULL = SideMetrics(semascore=0.9, word_error_rate=0.1, prosody_score=0.6, mos=4.0, ttfa_ms=500)


def test_a_score_is_the_weighted_mean_of_five_metrics() -> None:
    other = SideMetrics(semascore=0.5, word_error_rate=0.4, prosody_score=0.5, mos=3.0, ttfa_ms=1000)
    vote = metric_vote(FULL, other)
    assert vote is not None
    assert vote.score_a == pytest.approx(0.30 * 0.9 + 0.25 * 0.9 + 0.20 * 0.6 + 0.15 * 0.75 + 0.10 * 0.75)
    assert vote.score_b == pytest.approx(0.30 * 0.5 + 0.25 * 0.6 + 0.20 * 0.5 + 0.15 * 0.50 + 0.10 * 0.50)
    assert vote.outcome is Outcome.A
    assert vote.missing == ()
    assert sum(vote.weights.values()) == pytest.approx(1)


def test_swapping_sides_swaps_the_outcome() -> None:
    worse = replace(FULL, semascore=0.5)
    first, second = metric_vote(FULL, worse), metric_vote(worse, FULL)
    assert first is not None
    assert second is not None
    assert (first.outcome, second.outcome) == (Outcome.A, Outcome.B)
    assert (first.score_a, first.score_b) == (second.score_b, second.score_a)


@pytest.mark.parametrize(
    ("difference", "outcome"),
    [(0.0, Outcome.TIE), (0.0199, Outcome.TIE), (0.02, Outcome.A), (-0.0199, Outcome.TIE), (-0.02, Outcome.B)],
)
def test_scores_that_differ_by_less_than_the_margin_are_a_tie(difference: float, outcome: Outcome) -> None:
    base = 0.5
    vote = metric_vote(
        SideMetrics(semascore=base + difference), SideMetrics(semascore=base), weights={"semascore": 1.0}
    )
    assert vote is not None
    assert vote.outcome is outcome


def test_without_a_margin_only_equal_scores_are_a_tie() -> None:
    a, b = SideMetrics(mos=3.0), SideMetrics(mos=3.0001)
    decided, equal = metric_vote(a, b, tie_margin=0), metric_vote(a, a, tie_margin=0)
    assert decided is not None
    assert equal is not None
    assert (decided.outcome, equal.outcome) == (Outcome.B, Outcome.TIE)


def test_the_weight_of_a_metric_that_one_side_lacks_is_spread_over_the_others() -> None:
    vote = metric_vote(FULL, replace(FULL, ttfa_ms=None, mos=None))
    assert vote is not None
    assert vote.missing == ("quality", "latency")
    assert vote.weights == pytest.approx({"semascore": 0.40, "word_accuracy": 1 / 3, "prosody": 4 / 15})
    # Judged by the same metrics, both sides are equal.
    assert vote.score_a == vote.score_b
    assert vote.outcome is Outcome.TIE


def test_a_measurement_that_is_not_a_number_is_missing() -> None:
    vote = metric_vote(FULL, replace(FULL, semascore=math.nan))
    assert vote is not None
    assert vote.missing == ("semascore",)


def test_without_a_common_metric_there_is_no_vote() -> None:
    assert metric_vote(SideMetrics(), SideMetrics()) is None
    assert metric_vote(SideMetrics(mos=3), SideMetrics(semascore=0.5)) is None
    assert metric_vote(FULL, FULL, weights={"latency": 0.0}) is None


@pytest.mark.parametrize(
    ("side", "name", "worth"),
    [
        (SideMetrics(word_error_rate=3.0), "word_accuracy", 0.0),
        (SideMetrics(mos=5.4), "quality", 1.0),
        (SideMetrics(mos=0.9), "quality", 0.0),
        (SideMetrics(ttfa_ms=2500), "latency", 0.0),
        (SideMetrics(ttfa_ms=0), "latency", 1.0),
        (SideMetrics(semascore=-0.2), "semascore", 0.0),
    ],
)
def test_values_beyond_the_range_count_as_its_end(side: SideMetrics, name: str, worth: float) -> None:
    assert side.worths() == {name: worth}


@pytest.mark.parametrize("weights", [{"loudness": 1.0}, {"prosody": -0.1}, {"prosody": math.nan}])
def test_wrong_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="belong to semascore, word_accuracy, prosody, quality, latency"):
        metric_vote(FULL, FULL, weights=weights)
