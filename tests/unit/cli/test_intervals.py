"""The chart of intervals and the matrix of pairs."""

from __future__ import annotations

import pytest
from voicearena.experiments.v1.results_pb2 import Results

from gateway.cli.intervals import intervals_table, matrix_table, whisker
from gateway.cli.verdict import results_view, votes_table
from services.shared.reporting.score_axis import better_model
from services.shared.reporting.verdict_text import difference
from tests.unit.cli.stand_in import METRICS
from tests.unit.cli.test_rendering import drawn


@pytest.fixture
def results() -> Results:
    results = Results(primary_metric="composite_per_prompt", confidence=Results.inconclusive)
    scores = {"a": (0.80, 0.78, 0.82), "b": (0.70, 0.60, 0.80), "c": (0.65, None, None)}
    for place, (voice, (score, low, high)) in enumerate(scores.items(), 1):
        ranking = results.rankings.add(
            provider="x", voice_id=voice, rank=place, composite_score=score, trials_completed=6
        )
        if low is not None and high is not None:
            ranking.score_low, ranking.score_high = low, high
    results.rankings.add(provider="x", voice_id="mute", rank=4, trials_failed=6)
    significant = results.head_to_head.add(model_a="x:b", model_b="x:a", a_wins=1, b_wins=4, ties=1)
    significant.p_holm, significant.favours = 0.04, "x:a"
    not_significant = results.head_to_head.add(model_a="x:a", model_b="x:c", a_wins=3, b_wins=2, ties=1)
    not_significant.p_holm, not_significant.favours = 0.051, "x:a"
    return results


def test_a_whisker_reaches_from_low_to_high_with_its_middle_marked() -> None:
    assert whisker(0.0, 0.5, 1.0, 9).plain == "━━━━●━━━━"
    assert whisker(0.25, 0.5, 0.75, 9).plain == "··━━●━━··"
    assert whisker(-1.0, 2.0, 2.0, 5).plain == "━━━━●"


def test_all_models_with_a_score_share_one_axis(results: Results) -> None:
    assert drawn(intervals_table(results, 24)) == [
        "Model  0.59                0.83  95%",
        "───────────────────────────────────────────────",
        "x:a    ··················━━●━━·  0.780 to 0.820",
        "x:b    ·━━━━━━━━━━●━━━━━━━━━···  0.600 to 0.800",
        "x:c    ······●·················  –",
    ]


def test_the_matrix_is_read_by_line_and_marks_significant_differences(results: Results) -> None:
    assert drawn(matrix_table(results)) == [
        "#  Model   against 1  against 2  against 3  against 4",
        "─────────────────────────────────────────────────────",
        "1  x:a             ·    4-1-1 ↑      3-2-1          –",
        "2  x:b       1-4-1 ↓          ·          –          –",
        "3  x:c         2-3-1          –          ·          –",
        "4  x:mute          –          –          –          ·",
    ]


def test_without_a_significant_difference_no_model_is_better(results: Results) -> None:
    assert [better_model(pair) for pair in results.head_to_head] == ["x:a", None]


def test_a_difference_has_the_unit_of_its_metric() -> None:
    assert [difference(0.0712, "composite_per_prompt"), difference(-71.2, "ttfb_ms")] == ["+0.071", "-71 ms"]


def test_the_votes_of_each_compared_pair_are_shown(results: Results) -> None:
    results.votes.listeners, results.votes.votes, results.votes.both_bad = 5, 9, 1
    votes = results.head_to_head[1].votes
    votes.a, votes.b, votes.ties, votes.both_bad, votes.listeners, votes.p_value = 4, 2, 2, 1, 5, 0.375
    assert drawn(votes_table(results)) == [
        "Pair         For-against-tied  Both bad  Listeners      p  Holm p",
        "─────────────────────────────────────────────────────────────────",
        "x:a          4-2-2             1         5          0.375       –",
        "against x:c",
    ]
    assert 'Listeners  9 votes from 5 listeners, 1 of them "both are bad"' in drawn(
        results_view(results, METRICS, 100), 100
    )
