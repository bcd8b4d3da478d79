"""Conversions of evaluations and metrics to messages."""

import math
from dataclasses import fields

from voicearena.scoring.v1 import evaluation_metrics_pb2, scoring_pb2

from services.scoring import convert
from services.scoring.availability import Availability
from services.scoring.domain import LISTED_METRICS, LISTENED_METRICS, Status
from services.scoring.metrics.signal import SignalMetrics, measure
from services.scoring.step_metrics import STEP_METRICS, StepMetric
from services.shared.metrics import Direction
from tests.fakes.recordings import recording, tone

SIGNAL = Availability(True, "voicearena-signal/1")


def test_every_measured_value_is_in_the_message() -> None:
    measured = measure(recording(tone(1)))
    message = convert.signal_metrics(measured)
    for field in fields(SignalMetrics):
        assert getattr(message, field.name) == getattr(measured, field.name)


def test_the_message_has_exactly_the_measured_fields() -> None:
    names = [field.name for field in evaluation_metrics_pb2.SignalMetrics.DESCRIPTOR.fields]
    assert sorted(names) == sorted(field.name for field in fields(SignalMetrics))


def test_an_unmeasured_loudness_is_absent() -> None:
    message = convert.signal_metrics(measure(recording(tone(0.1))))
    assert not message.HasField("loudness_lufs")


def test_listed_metrics_have_their_unit_range_and_summary() -> None:
    listed = {metric.name: convert.metric(metric, SIGNAL) for metric in LISTED_METRICS}
    loudness = listed["loudness_lufs"]
    assert (loudness.unit, loudness.direction, loudness.label) == ("LUFS", scoring_pb2.Metric.neutral, "Loudness")
    assert not loudness.HasField("minimum")
    silence = listed["silence_ratio"]
    assert (silence.minimum, silence.maximum, silence.summary, silence.column) == (0.0, 1.0, "avg_silence_ratio", 3)
    first_sound = listed["ttfa_ms"]
    assert (first_sound.summary, first_sound.column, first_sound.HasField("maximum")) == ("median_ttfa_ms", 0, False)


def test_listed_metrics_say_what_measures_them() -> None:
    listed = {metric.name: convert.metric(metric, SIGNAL) for metric in LISTED_METRICS}
    assert [(one.step, one.backend, one.available, one.in_trials) for one in (listed["peak"], listed["ttfb_ms"])] == [
        ("signal", "voicearena-signal/1", True, True),
        ("", "", True, True),
    ]
    assert not listed["rms"].in_trials


def test_a_metric_of_a_step_has_its_good_range_and_what_it_takes() -> None:
    described = StepMetric("noise", "snr_db", "SNR", "dB", Direction.HIGHER, (-math.inf, math.inf), ".", (25, math.inf))
    message = convert.step_metric(described, Availability(False, "", "Install it."))
    assert (message.step, message.name, message.good_minimum) == ("noise", "snr_db", 25)
    assert not any(message.HasField(name) for name in ("minimum", "maximum", "good_maximum"))
    assert (message.available, message.backend, message.requirement) == (False, "", "Install it.")


def test_metrics_from_listening_say_what_takes_them_and_in_which_languages() -> None:
    steps = dict.fromkeys((one.step for one in STEP_METRICS), Availability(True, "code"))
    steps["signal"] = SIGNAL
    steps["word_errors"] = Availability(True, "words", languages=frozenset({"en", "de"}))
    steps["naturalness"] = Availability(False, "", "Install it.")
    listed = convert.metrics(steps)
    of_trials = {one.name: one for one in listed if one.in_trials}
    assert {name: of_trials[name].step for name in LISTENED_METRICS} == LISTENED_METRICS
    rate, naturalness = of_trials["word_error_rate"], of_trials["naturalness_mos"]
    assert (rate.backend, list(rate.languages), rate.summary, rate.column) == (
        "words",
        ["de", "en"],
        "avg_word_error_rate",
        5,
    )
    assert (naturalness.available, naturalness.requirement, list(naturalness.languages)) == (False, "Install it.", [])
    # Each is listed once.
    names = [(one.step, one.name) for one in listed]
    assert len(names) == len(set(names))


def test_directions_and_statuses_have_the_names_of_the_proto() -> None:
    assert {direction.value for direction in Direction} | {"direction_unspecified"} == set(
        scoring_pb2.Metric.Direction.keys()
    )
    assert {status.value for status in Status} | {"status_unspecified"} == set(scoring_pb2.Evaluation.Status.keys())
