"""Conversions of evaluations of recordings to messages, and of requests to plans."""

from dataclasses import replace
from datetime import UTC

import pytest
from google.protobuf.json_format import MessageToDict
from voicearena.scoring.v1 import evaluation_metrics_pb2 as pb
from voicearena.scoring.v1 import evaluation_service_pb2, scoring_pb2

from services.scoring.domain import Status
from services.scoring.evaluations import convert
from services.scoring.evaluations.domain import EvaluationDetails, EvaluationPlan
from services.scoring.evaluations.exports import FORMATS
from services.scoring.evaluations.tables import outcome_from, outcome_values
from services.scoring.evaluations.watching import WatchUpdate
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps import STEPS
from tests.unit.scoring.evaluations.outcomes import COMPLETED, ID, NOON, RESULTS, RUNNING, SIGNAL, SKIPPED, completed

Watched = evaluation_service_pb2.WatchEvaluationResponse


def test_a_running_evaluation_has_neither_metrics_nor_an_end() -> None:
    message = convert.details(EvaluationDetails(RUNNING, [StepOutcome("decode", StepStatus.started)]))
    assert (message.id, message.status) == (ID, scoring_pb2.Evaluation.running)
    assert not any(
        message.HasField(name) for name in ("signal_metrics", "metrics", "diarization", "completed_at", "num_speakers")
    )
    assert message.created_at.ToDatetime(tzinfo=UTC) == NOON
    (step,) = message.steps
    assert (step.name, step.status, step.HasField("seconds")) == ("decode", pb.StepState.started, False)


def test_a_failed_evaluation_says_why() -> None:
    failed = replace(RUNNING, status=Status.failed, error_message="No.", completed_at=NOON)
    message = convert.evaluation(failed)
    assert (message.status, message.error_message) == (scoring_pb2.Evaluation.failed, "No.")
    assert message.completed_at.ToDatetime(tzinfo=UTC) == NOON


def test_the_evaluation_of_a_trial_has_the_metrics_of_its_samples() -> None:
    trial = replace(RUNNING, id="trl_" + "a" * 32, status=Status.completed, signal_metrics=SIGNAL)
    message = convert.details(EvaluationDetails(trial))
    assert message.trial_id == trial.id
    assert message.signal_metrics == message.metrics.signal
    assert (message.signal_metrics.peak, message.duration_seconds) == (SIGNAL.peak, SIGNAL.duration_seconds)


def test_every_result_is_a_message_with_its_backend() -> None:
    message = convert.details(COMPLETED)
    found = {field.name: value for field, value in message.metrics.ListFields()} | {"diarization": message.diarization}
    assert set(found) == set(RESULTS)
    # The signal metrics name their backend themselves.
    assert {step: value.backend for step, value in found.items()} == {
        **{step: f"{step}/1" for step in RESULTS},
        "signal": "voicearena-signal/1",
    }
    assert message.signal_metrics == message.metrics.signal
    assert message.condition_metrics["telephone"].pitch.median_hz == 110.0
    skipped = next(step for step in message.steps if step.name == "meaning")
    assert (skipped.status, skipped.reason) == (pb.StepState.skipped, SKIPPED.reason)


def test_there_is_a_converter_for_each_step() -> None:
    fields = set(pb.EvaluationMetrics.DESCRIPTOR.fields_by_name)
    assert fields | {"diarization"} == {step.name for step in STEPS}
    assert set(convert._RESULTS) == fields | {"diarization"}


def test_values_that_were_not_measured_are_absent() -> None:
    metrics = convert.details(COMPLETED).metrics
    assert (metrics.loudness.integrated_lufs, metrics.loudness.HasField("active_level_dbov")) == (-23.0, False)
    assert (metrics.noise.HasField("snr_db"), metrics.noise.bandwidth_hz, metrics.noise.telephone) == (
        *(False, 8000.0, False),
    )
    assert metrics.noise.HasField("telephone")


def test_word_errors_have_rates_and_an_alignment_with_the_words() -> None:
    errors = convert.details(COMPLETED).metrics.word_errors
    assert (errors.word_error_rate, errors.match_error_rate) == (2 / 3, 2 / 4)
    assert (errors.raw_word_error_rate, errors.hits, errors.substitutions) == (3 / 4, 2, 1)
    assert (errors.deletions, errors.insertions, errors.hard_word_accuracy) == (0, 1, 0.0)
    assert [
        (pb.WordErrors.Operation.Name(span.operation), list(span.reference), list(span.transcript))
        for span in errors.alignment
    ] == [
        ("equal", ["call"], ["call"]),
        ("substitute", ["47"], ["48"]),
        ("equal", ["now"], ["now"]),
        ("insert", [], ["again"]),
    ]
    (hard_word,) = errors.hard_words
    assert (hard_word.kind, hard_word.text, hard_word.heard, hard_word.exact) == ("number", "47", "48", False)
    (failure,) = errors.failures
    assert (failure.kind, list(failure.words), failure.end_seconds, failure.copies) == ("repeated", ["now"], 2.5, 2)


def test_spans_are_messages() -> None:
    metrics = convert.details(COMPLETED).metrics
    assert [(span.start_seconds, span.end_seconds) for span in metrics.speech_activity.spans] == [
        (0.5, 1.5),
        (2.0, 2.5),
    ]
    assert [(span.start_seconds, span.end_seconds) for span in metrics.rhythm.pauses] == [(1.5, 2.0)]
    assert (metrics.rhythm.speaking_rate, metrics.rhythm.longest_pause_seconds) == (2.5, 0.5)


def test_speakers_take_turns() -> None:
    diarization = convert.details(COMPLETED).diarization
    assert [(turn.speaker, turn.start_seconds, turn.end_seconds) for turn in diarization.turns] == [
        ("channel_1", 0.5, 1.5),
        ("channel_2", 2.0, 2.5),
    ]
    assert diarization.num_speakers == 2
    assert dict(diarization.talk_shares) == {"channel_1": 2 / 3, "channel_2": 1 / 3}
    assert diarization.response_gap_p50_seconds == 0.5


def test_speakers_of_a_further_version_are_beside_those_of_the_recording() -> None:
    found = convert.details(COMPLETED)
    assert set(found.condition_diarization) == {"telephone"}
    assert found.condition_diarization["telephone"] == found.diarization


@pytest.mark.parametrize("outcome", [*completed("telephone"), SKIPPED], ids=lambda outcome: str(outcome.step))
def test_an_outcome_is_stored_and_read_without_loss(outcome: StepOutcome) -> None:
    assert outcome_from(outcome_values(outcome)) == outcome


def test_a_watcher_gets_the_state_a_step_a_heartbeat_and_the_end() -> None:
    assert convert.watched(WatchUpdate()) == Watched(kind=Watched.heartbeat)
    state, end = convert.watched(WatchUpdate(COMPLETED)), convert.watched(WatchUpdate(COMPLETED, last=True))
    assert (state.kind, end.kind) == (Watched.state, Watched.end)
    assert state.evaluation == end.evaluation == convert.details(COMPLETED)
    progress = convert.watched(WatchUpdate(outcome=replace(SKIPPED, condition="telephone")))
    assert MessageToDict(progress) == {
        "kind": "progress",
        "step": {
            "name": "meaning",
            "status": "skipped",
            "reason": SKIPPED.reason,
            "seconds": 0.0,
            "condition": "telephone",
        },
    }


def test_a_request_is_a_plan() -> None:
    request = evaluation_service_pb2.CreateEvaluationRequest(
        audio_name="a.wav",
        model_id="mdl_1",
        scenario_id="scn_1",
        reference_text="Hello.",
        language="de",
        num_speakers=0,
        steps=["signal"],
        conditions=["telephone"],
        names=["Ada"],
        request_id="once",
        webhook_url="https://example.com",
    )
    assert convert.plan(request) == EvaluationPlan(
        audio_name="a.wav",
        model_id="mdl_1",
        scenario_id="scn_1",
        reference_text="Hello.",
        language="de",
        num_speakers=0,
        steps=("signal",),
        conditions=("telephone",),
        names=("Ada",),
        request_id="once",
        webhook_url="https://example.com",
    )
    assert convert.plan(evaluation_service_pb2.CreateEvaluationRequest()).num_speakers is None


def test_names_are_those_of_the_protos() -> None:
    assert {status.value for status in StepStatus} | {"status_unspecified"} == set(pb.StepState.Status.keys())
    formats = evaluation_service_pb2.ExportEvaluationRequest.Format
    assert {*FORMATS, "format_unspecified"} == set(formats.keys())
    assert (convert.status_filter(0), convert.status_filter(2), convert.status_filter(99)) == ("", "completed", "99")
    assert (convert.export_format(2), convert.export_format(99)) == ("csv", "99")


def test_the_evaluation_of_a_trial_has_the_step_that_measures_its_samples() -> None:
    samples_only = replace(COMPLETED.evaluation, id="trl_" + "a" * 32, signal_metrics=SIGNAL, steps=())
    message = convert.details(EvaluationDetails(samples_only))
    assert [(step.name, step.HasField("seconds")) for step in message.steps] == [("signal", False)]
    assert message.metrics.signal == message.signal_metrics
    outcomes = [one for one in completed() if one.step in ("decode", "quality")]
    listened = convert.details(EvaluationDetails(replace(samples_only, steps=("decode", "quality")), outcomes))
    assert [step.name for step in listened.steps] == ["decode", "signal", "quality"]
    assert listened.metrics.quality.overall_mos == 3.25
