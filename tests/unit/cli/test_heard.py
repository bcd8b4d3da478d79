"""What models heard: in rankings and in lists of trials, with a mark at each error."""

from __future__ import annotations

import pytest
from rich.console import Group
from voicearena.experiments.v1.experiment_pb2 import Trial
from voicearena.experiments.v1.results_pb2 import Results
from voicearena.scoring.v1.evaluation_metrics_pb2 import WordErrors
from voicearena.scoring.v1.scoring_pb2 import Metric

from gateway.cli.rendering import heard_table, table_metrics
from gateway.cli.verdict import results_view
from gateway.cli.words import heard_view
from tests.unit.cli.test_rendering import drawn

Operation = WordErrors.Operation
METRICS = [
    Metric(name="ttfb_ms", unit="ms", label="TTFB", summary="avg_ttfb_ms", column=1),
    Metric(name="speech_failures", label="Failures", summary="avg_speech_failures", column=7, step="word_errors"),
    Metric(name="word_error_rate", label="Word errors", summary="avg_word_error_rate", column=5, step="word_errors"),
    Metric(
        name="signal_quality_mos",
        unit="MOS",
        label="Quality",
        summary="avg_signal_quality_mos",
        column=8,
        step="quality",
    ),
    Metric(name="naturalness_mos", unit="MOS", label="Natural", summary="avg_naturalness_mos", column=9, step="x"),
]
FAULTY = WordErrors(
    hits=2,
    substitutions=1,
    deletions=1,
    word_error_rate=0.5,
    alignment=[
        WordErrors.Span(operation=Operation.equal, reference=["pay"], transcript=["pay"]),
        WordErrors.Span(operation=Operation.substitute, reference=["4815"], transcript=["<4850>"]),
        WordErrors.Span(operation=Operation.delete, reference=["now"]),
    ],
    hard_words=[WordErrors.HardWord(kind="amount", text="$4815", heard="4850")],
    failures=[WordErrors.Failure(kind="cut_off", words=["now"], start_seconds=1, end_seconds=2)],
)


@pytest.fixture
def trials() -> list[Trial]:
    common = {"provider": "x", "prompt_text": "Pay $4815 now."}
    return [
        Trial(
            **common, voice_id="a", word_error_rate=0.0, speech_failures=0, transcript="pay", words=WordErrors(hits=3)
        ),
        Trial(**common, voice_id="b", word_error_rate=0.5, speech_failures=1, transcript="pay 4850", words=FAULTY),
        Trial(**common, voice_id="c", signal_quality_mos=3.126, transcript="only heard"),
        Trial(**common, voice_id="d"),
    ]


@pytest.fixture
def results() -> Results:
    results = Results(leader="x:a", primary_metric="composite_per_prompt", reasons=["x:b can't win."])
    results.composite.name, results.composite.version = "quality", 2
    results.composite.weights.add(metric="intelligibility", weight=1.0)
    for voice, rate in (("a", 0.0), ("b", 0.5)):
        ranking = results.rankings.add(provider="x", voice_id=voice, rank=1, avg_word_error_rate=rate)
        ranking.avg_speech_failures = rate / 2
    results.rankings[1].ruled_out = "x:b can't win."
    return results


def test_tables_of_times_leave_out_what_was_heard() -> None:
    assert [metric.label for metric in table_metrics(METRICS, 200)] == ["TTFB"]


def test_trials_show_what_was_measured_by_listening(trials: list[Trial]) -> None:
    table = heard_table(trials, METRICS)
    assert table is not None
    assert drawn(table) == [
        "Nr  Model  Word errors  Failures  Quality",
        "─────────────────────────────────────────",
        " 1  x:a           0.0%         0        –",
        " 2  x:b          50.0%         1        –",
        " 3  x:c              –         –     3.13",
    ]
    assert heard_table([Trial(provider="x", voice_id="d", ttfb_ms=1)], METRICS) is None


def test_words_of_trials_are_marked_by_letters(trials: list[Trial]) -> None:
    assert drawn(Group(*heard_view(trials, 90)), 90) == [
        "  1 x:a  ✓ every word as in the prompt",
        "",
        "  2 x:b",
        "Words: 2 right, 1 replaced (S), 1 missing (D), 0 additional (I); word errors 50.0%",
        "reference  pay 4815   now",
        "heard      pay <4850> ***",
        "               S      D",
        "",
        "Hard words",
        "  ✗ amount $4815: heard 4850",
        "",
        "Failures of the speech",
        '  ✗ cut off "now", 1.0 to 2.0 s',
        "",
        "  3 x:c  heard: only heard",
    ]


def test_a_model_that_can_not_win_has_a_cross(results: Results) -> None:
    lines = drawn(results_view(results, METRICS, 80))
    start = next(index for index, line in enumerate(lines) if line.startswith("What a listener hears"))
    assert lines[start + 1 : start + 5] == [
        "#  Model  Word errors  Failures",
        "───────────────────────────────",
        "1  x:a           0.0%         0",
        "✗  x:b          50.0%      0.25",
    ]


def test_without_listening_there_is_no_such_table(results: Results) -> None:
    for ranking in results.rankings:
        ranking.ClearField("avg_word_error_rate")
        ranking.ClearField("avg_speech_failures")
    assert "What a listener hears" not in "\n".join(drawn(results_view(results, METRICS, 80)))
