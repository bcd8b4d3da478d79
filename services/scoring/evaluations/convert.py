"""Converts evaluations of recordings to protos, and requests to plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message
from voicearena.scoring.v1 import evaluation_metrics_pb2 as pb
from voicearena.scoring.v1 import evaluation_service_pb2, scoring_pb2

from services.runtime.clock import timestamp
from services.scoring import convert
from services.scoring.evaluations.domain import Evaluation, EvaluationDetails, EvaluationPlan
from services.scoring.evaluations.watching import WatchUpdate
from services.scoring.metrics.conversation.turns import Turn, TurnTaking
from services.scoring.metrics.text.word_errors import Span
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.words import WordErrorMetrics

Watched = evaluation_service_pb2.WatchEvaluationResponse
_STATUS = scoring_pb2.Evaluation.Status


def plan(request: evaluation_service_pb2.CreateEvaluationRequest) -> EvaluationPlan:
    """Returns what a request asks for."""
    return EvaluationPlan(
        audio_name=request.audio_name,
        model_id=request.model_id,
        scenario_id=request.scenario_id,
        reference_text=request.reference_text,
        language=request.language,
        num_speakers=request.num_speakers if request.HasField("num_speakers") else None,
        steps=tuple(request.steps),
        conditions=tuple(request.conditions),
        names=tuple(request.names),
        request_id=request.request_id,
        webhook_url=request.webhook_url,
        channels=request.channels,
    )


def status_filter(value: int) -> str:
    """Returns the name of the status to list, empty for all. An unknown number becomes a name that is refused."""
    if not value:
        return ""
    names = _STATUS.DESCRIPTOR.values_by_number
    return names[value].name if value in names else str(value)


def export_format(value: int) -> str:
    """Returns the name of the file format. An unknown number becomes a name that is refused."""
    formats = evaluation_service_pb2.ExportEvaluationRequest.Format.DESCRIPTOR.values_by_number
    return formats[value].name if value in formats else str(value)


def evaluation(found: Evaluation) -> scoring_pb2.Evaluation:
    """Returns an evaluation as a message, without its metrics and steps."""
    signal = found.signal_metrics
    duration = found.duration_seconds if signal is None else signal.duration_seconds
    return scoring_pb2.Evaluation(
        id=found.id,
        developer_id=found.developer_id,
        status=_STATUS.Value(found.status.value),
        audio_name=found.audio_name,
        error_message=found.error_message,
        created_at=timestamp(found.created_at),
        completed_at=timestamp(found.completed_at),
        model_id=found.model_id,
        scenario_id=found.scenario_id,
        transcript_ref=found.reference_text,
        language=found.language,
        num_speakers=found.num_speakers,
        channels=found.channels if not found.of_job else "",
        duration_seconds=duration,
        trial_id=found.id if found.id.startswith("trl_") else "",
        audio_deleted_at=timestamp(found.audio_deleted_at),
    )


def listed(found: Evaluation) -> scoring_pb2.Evaluation:
    """Returns an evaluation as lists have it. Its reference text can be long, so it is left out."""
    message = evaluation(found)
    message.ClearField("transcript_ref")
    return message


def details(found: EvaluationDetails) -> scoring_pb2.Evaluation:
    """Returns a whole evaluation as a message."""
    message = evaluation(found.evaluation)
    steps = list(map(step_state, found.outcomes))
    if (signal := found.evaluation.signal_metrics) is not None:
        # The samples of a job are measured without decoding, so the step has no outcome of its own.
        steps.insert(1 if steps else 0, pb.StepState(name="signal", status=pb.StepState.completed))
        message.metrics.signal.CopyFrom(convert.signal_metrics(signal))
    message.steps.extend(steps)
    for outcome in found.outcomes:
        if outcome.status is not StepStatus.completed or outcome.result is None:
            continue
        if outcome.step == "diarization":
            place = message.condition_diarization[outcome.condition] if outcome.condition else message.diarization
            place.CopyFrom(diarization(outcome))
            continue
        metrics = message.condition_metrics[outcome.condition] if outcome.condition else message.metrics
        getattr(metrics, outcome.step).CopyFrom(result(outcome))
    if message.metrics.HasField("signal"):
        message.signal_metrics.CopyFrom(message.metrics.signal)
    return message


def result(outcome: StepOutcome) -> Message:
    """Returns the result of a step that is completed as the message of the step."""
    message: Message = _RESULTS[outcome.step](outcome)
    return message


def step_state(outcome: StepOutcome) -> pb.StepState:
    """Returns how a step stands."""
    ended = outcome.status not in (StepStatus.pending, StepStatus.started)
    return pb.StepState(
        name=outcome.step,
        status=pb.StepState.Status.Value(outcome.status.value),
        reason=outcome.reason,
        seconds=outcome.seconds if ended else None,
        condition=outcome.condition,
    )


def watched(seen: WatchUpdate) -> Watched:
    """Returns the message for a watcher."""
    if seen.details is not None:
        return Watched(kind=Watched.end if seen.last else Watched.state, evaluation=details(seen.details))
    if seen.outcome is not None:
        return Watched(kind=Watched.progress, step=step_state(seen.outcome))
    return Watched(kind=Watched.heartbeat)


def _plain(message: type[Message]) -> Callable[[StepOutcome], Message]:
    """Returns a converter of results whose fields have the names of the message's. Fields that are None are absent."""
    names = message.DESCRIPTOR.fields_by_name

    def converted(outcome: StepOutcome) -> Message:
        values = {field.name: getattr(outcome.result, field.name) for field in fields(outcome.result)}
        known = {name: value for name, value in values.items() if name in names and value is not None}
        return message(**{"backend": outcome.backend, **known})

    return converted


def _spans(spans: Iterable[tuple[float, float]]) -> list[pb.TimeSpan]:
    return [pb.TimeSpan(start_seconds=start, end_seconds=end) for start, end in spans]


def _with_spans(message: type[Message], name: str) -> Callable[[StepOutcome], Message]:
    """Returns a converter like `_plain`. The field `name` has pairs of times."""
    names = set(message.DESCRIPTOR.fields_by_name) - {name}

    def converted(outcome: StepOutcome) -> Message:
        result = outcome.result
        values = {field.name: getattr(result, field.name) for field in fields(result) if field.name in names}
        return message(**{"backend": outcome.backend, name: _spans(getattr(result, name)), **values})

    return converted


def _alignment(outcome: StepOutcome) -> pb.WordAlignment:
    result = outcome.result
    words = [
        pb.WordAlignment.Word(text=word.text, start_seconds=word.start, end_seconds=word.end) for word in result.words
    ]
    return pb.WordAlignment(words=words, estimated=result.estimated, backend=outcome.backend)


def word_errors(outcome: StepOutcome) -> pb.WordErrors:
    """Returns how a transcript differs from the reference text."""
    result: WordErrorMetrics = outcome.result
    counts = result.errors.words
    return pb.WordErrors(
        word_error_rate=counts.error_rate or 0.0,
        match_error_rate=counts.match_error_rate or 0.0,
        character_error_rate=result.errors.character_error_rate or 0.0,
        raw_word_error_rate=result.raw.word_error_rate or 0.0,
        hits=counts.hits,
        substitutions=counts.substitutions,
        deletions=counts.deletions,
        insertions=counts.insertions,
        alignment=[_aligned(span, result) for span in result.errors.alignment],
        hard_words=[
            pb.WordErrors.HardWord(kind=word.kind.value, text=word.text, heard=word.heard, exact=word.exact)
            for word in result.hard_words
        ],
        hard_word_accuracy=result.hard_word_accuracy,
        failures=[
            pb.WordErrors.Failure(
                kind=failure.kind.value,
                words=failure.words,
                start_seconds=failure.start,
                end_seconds=failure.end,
                copies=failure.copies,
            )
            for failure in result.failures
        ],
        backend=outcome.backend,
    )


def _aligned(span: Span, result: WordErrorMetrics) -> pb.WordErrors.Span:
    return pb.WordErrors.Span(
        operation=pb.WordErrors.Operation.Value(span.operation.value),
        reference=result.reference_words[span.reference_start : span.reference_end],
        transcript=result.transcript_words[span.transcript_start : span.transcript_end],
    )


def _emotion(outcome: StepOutcome) -> pb.Emotion:
    result = outcome.result
    return pb.Emotion(emotion=result.emotion, events=result.events, transcript=result.text, backend=outcome.backend)


def diarization(outcome: StepOutcome) -> pb.Diarization:
    """Returns who speaks when."""
    result: TurnTaking = outcome.result
    return pb.Diarization(
        turns=map(_turn, result.turns),
        num_speakers=len(result.talk_shares),
        talk_shares=result.talk_shares,
        speech_seconds=result.speech_seconds,
        overlap_seconds=result.overlap_seconds,
        response_gap_p50_seconds=result.response_gap_p50,
        response_gap_p95_seconds=result.response_gap_p95,
        interruptions=[
            pb.Diarization.Interruption(
                by=one.by,
                over=one.over,
                at_seconds=one.at,
                took_floor=one.took_floor,
                yielded=one.yielded,
                yield_seconds=one.yield_seconds,
            )
            for one in result.interruptions
        ],
        backchannels=map(_turn, result.backchannels),
        backend=outcome.backend,
    )


def _turn(turn: Turn) -> pb.Diarization.Turn:
    return pb.Diarization.Turn(speaker=turn.speaker, start_seconds=turn.start, end_seconds=turn.end)


_RESULTS: Mapping[str, Callable[[StepOutcome], Any]] = {
    "decode": _plain(pb.AudioFormat),
    "signal": _plain(pb.SignalMetrics),
    "loudness": _plain(pb.LoudnessMetrics),
    "noise": _plain(pb.NoiseMetrics),
    "speech_activity": _with_spans(pb.SpeechActivity, "spans"),
    "transcription": _plain(pb.Transcription),
    "alignment": _alignment,
    "word_errors": word_errors,
    "meaning": _plain(pb.Meaning),
    "bert_score": _plain(pb.BertScore),
    "pitch": _plain(pb.Pitch),
    "rhythm": _with_spans(pb.Rhythm, "pauses"),
    "prosody": _plain(pb.Prosody),
    "naturalness": _plain(pb.Naturalness),
    "quality": _plain(pb.Quality),
    "diarization": diarization,
    "emotion": _emotion,
}
"""The converter of each step's result."""
