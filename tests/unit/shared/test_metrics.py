"""The table of metrics agrees with the protos, with the columns of trials, and with itself."""

import dataclasses
import math

import pytest
from google.protobuf.descriptor import FieldDescriptor
from voicearena.experiments.v1.experiment_pb2 import Trial
from voicearena.experiments.v1.results_pb2 import ModelRanking
from voicearena.scoring.v1.evaluation_metrics_pb2 import SignalMetrics
from voicearena.scoring.v1.scoring_pb2 import ListeningMetrics
from voicearena.tts.v1.tts_pb2 import SynthesisMeasurements

from services import metric_table
from services.experiments.tables import TRIALS
from services.shared.metrics import METRICS, RECORDING_METRICS, VERDICT_METRICS, Direction, Measurements, Metric, Source

TYPES = {
    float: FieldDescriptor.TYPE_DOUBLE,
    int: FieldDescriptor.TYPE_INT32,
    bool: FieldDescriptor.TYPE_BOOL,
    str: FieldDescriptor.TYPE_STRING,
}
MESSAGES = {
    Source.SYNTHESIS: SynthesisMeasurements,
    Source.SIGNAL: SignalMetrics,
    Source.LISTENING: ListeningMetrics,
}
EVERY = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


@EVERY
def test_each_metric_is_a_field_of_trial_and_of_the_message_of_its_source(metric: Metric) -> None:
    of_trial = Trial.DESCRIPTOR.fields_by_name[metric.name]
    measured = MESSAGES[metric.source].DESCRIPTOR.fields_by_name[metric.name]
    assert (of_trial.type, measured.type) == (TYPES[metric.kind], TYPES[metric.kind])
    assert of_trial.has_presence


@EVERY
def test_each_metric_is_a_column_of_trials(metric: Metric) -> None:
    assert TRIALS.c[metric.name].type.python_type is metric.kind


@pytest.mark.parametrize("metric", VERDICT_METRICS, ids=lambda metric: metric.name)
def test_rankings_have_the_summary_of_each_metric_of_the_verdict(metric: Metric) -> None:
    summary = ModelRanking.DESCRIPTOR.fields_by_name[f"{metric.summary}_{metric.name}"]
    assert (summary.type, summary.has_presence) == (FieldDescriptor.TYPE_DOUBLE, True)
    assert metric.kind in (float, int)


def test_metrics_in_digests_keep_their_positions() -> None:
    assert [metric.name for metric in VERDICT_METRICS[:8]] == [
        "duration_seconds",
        "ttfb_ms",
        "generation_time_ms",
        "silence_ratio",
        "ttfa_ms",
        "naturalness_mos",
        "word_error_rate",
        "prosody_score",
    ]


def test_each_summary_in_rankings_belongs_to_a_metric() -> None:
    fields = {name for name in ModelRanking.DESCRIPTOR.fields_by_name if name.startswith(("avg_", "median_"))}
    assert fields == {f"{metric.summary}_{metric.name}" for metric in VERDICT_METRICS}


@pytest.mark.parametrize("metric", [*METRICS, *RECORDING_METRICS], ids=lambda metric: metric.name)
def test_each_metric_is_described(metric: Metric) -> None:
    assert metric.label
    assert metric.description.endswith(".")
    assert metric.low < metric.high
    assert metric.unit in ("", "s") or metric.name.endswith(f"_{metric.unit.lower()}")


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric.part], ids=lambda metric: metric.name)
def test_a_better_value_is_worth_more(metric: Metric) -> None:
    assert metric in VERDICT_METRICS
    assert (metric.worth(metric.worst), metric.worth(metric.best)) == (0.0, 1.0)
    assert metric.low <= min(metric.worst, metric.best)
    assert max(metric.worst, metric.best) <= metric.high
    if metric.direction is not Direction.NEUTRAL:
        assert (metric.best > metric.worst) == (metric.direction is Direction.HIGHER)


def test_a_primary_metric_has_a_direction() -> None:
    assert all(
        metric in VERDICT_METRICS and metric.direction is not Direction.NEUTRAL for metric in METRICS if metric.primary
    )


def test_the_document_has_every_metric() -> None:
    assert metric_table.table_of_trials() in metric_table.TRIALS_DOCUMENT.read_text()


def test_columns_and_primary_metrics_are_numbered_from_one() -> None:
    for numbers in ([metric.column for metric in METRICS], [metric.primary for metric in METRICS]):
        given = sorted(filter(None, numbers))
        assert given == list(range(1, len(given) + 1))


def test_measurements_are_none_until_they_are_made() -> None:
    assert set(dataclasses.asdict(Measurements()).values()) == {None}
    assert [metric.name for metric in METRICS if metric.low == -math.inf] == ["loudness_lufs"]
