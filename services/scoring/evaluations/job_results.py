"""Builds the facts about evaluations that have ended: what was measured, and what models heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from voicearena.scoring.v1.events_pb2 import (
    EvaluationCompleted,
    EvaluationFailed,
    RecordingEvaluated,
    RecordingEvaluationFailed,
)
from voicearena.scoring.v1.scoring_pb2 import HeardSpeech, ListeningMetrics

from services.scoring import convert
from services.scoring.domain import Status
from services.scoring.evaluations.convert import word_errors
from services.scoring.evaluations.domain import Evaluation
from services.scoring.metrics.signal import BACKEND as SIGNAL_BACKEND
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.step import StepOutcome

SILENT = ("word_error_rate", "speech_failures")
"""The metrics that are 1 if no sample is audible: every word is wrong, and all of the text is missing in one place."""


class EndedJob(Protocol):
    """The parts of a job's evaluation that its requester gets."""

    @property
    def id(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def signal_metrics(self) -> SignalMetrics | None: ...

    @property
    def error_message(self) -> str: ...


def job_ended(
    requester: str, job: EndedJob, outcomes: Sequence[StepOutcome] = ()
) -> EvaluationCompleted | EvaluationFailed:
    """Returns the result of a job: the metrics of its evaluation, or why it failed.

    `outcomes` are those of the steps that listened. There are none if nothing listened.
    """
    if job.signal_metrics is None:
        return EvaluationFailed(requester=requester, job_id=job.id, attempt=job.attempt, message=job.error_message)
    completed = EvaluationCompleted(
        requester=requester,
        job_id=job.id,
        attempt=job.attempt,
        signal_metrics=convert.signal_metrics(job.signal_metrics),
    )
    if outcomes:
        by_step = {outcome.step: outcome for outcome in outcomes}
        listening, heard = listened(by_step, audible=job.signal_metrics.audible)
        completed.listening_metrics.CopyFrom(listening)
        completed.heard.CopyFrom(heard)
    return completed


def listened(outcomes: Mapping[str, StepOutcome], *, audible: bool) -> tuple[ListeningMetrics, HeardSpeech]:
    """Returns what models measured and heard, from the outcomes by step."""
    metrics = _metrics(outcomes)
    if not audible:
        metrics |= dict.fromkeys(SILENT, (1, SIGNAL_BACKEND))
    heard = _heard_speech(outcomes)
    heard.backends.update({name: backend for name, (_, backend) in metrics.items()})
    return ListeningMetrics(**{name: value for name, (value, _) in metrics.items()}), heard


def recording_evaluation_ended(
    evaluation: Evaluation, outcomes: Sequence[StepOutcome]
) -> RecordingEvaluated | RecordingEvaluationFailed:
    """Returns the fact that an evaluation is completed or has failed.

    It has the copy of the recording, the metrics and what was heard if the recording could take part in battles.
    """
    about: dict[str, Any] = {
        "evaluation_id": evaluation.id,
        "developer_id": evaluation.developer_id,
        "webhook_url": evaluation.webhook_url,
        "model_id": evaluation.model_id,
        "scenario_id": evaluation.scenario_id,
    }
    if evaluation.status is not Status.completed:
        return RecordingEvaluationFailed(**about, message=evaluation.error_message)
    evaluated = RecordingEvaluated(**about, duration_seconds=evaluation.duration_seconds or 0.0)
    if evaluation.copy_name:
        by_step = {outcome.step: outcome for outcome in outcomes if not outcome.condition}
        signal = by_step.get("signal")
        measured = signal.result if signal is not None else None
        evaluated.audio_name = evaluation.copy_name
        if measured is not None:
            evaluated.signal_metrics.CopyFrom(convert.signal_metrics(measured))
        listening, heard = listened(by_step, audible=measured is None or measured.audible)
        evaluated.listening_metrics.CopyFrom(listening)
        evaluated.heard.CopyFrom(heard)
    return evaluated


def _heard_speech(outcomes: Mapping[str, StepOutcome]) -> HeardSpeech:
    """Returns the transcript and the aligned words."""
    heard = HeardSpeech()
    if (transcription := _completed(outcomes, "transcription")) is not None:
        heard.transcript = transcription.result.text
        heard.backends["transcript"] = transcription.backend
    if (compared := _completed(outcomes, "word_errors")) is not None:
        heard.words.CopyFrom(word_errors(compared))
    return heard


def _metrics(outcomes: Mapping[str, StepOutcome]) -> dict[str, tuple[Any, str]]:
    """Returns each metric that was measured, with its backend."""
    found: dict[str, tuple[Any, str]] = {}
    if (naturalness := _completed(outcomes, "naturalness")) is not None:
        scores = naturalness.result
        name = "distillmos" if scores.utmos is None else "utmos"
        found["naturalness_mos"] = getattr(scores, name), _of_model(name, naturalness.backend)
    if (words := _completed(outcomes, "word_errors")) is not None:
        found["word_error_rate"] = words.result.errors.words.error_rate, words.backend
        found["hard_word_accuracy"] = words.result.hard_word_accuracy, words.backend
        found["speech_failures"] = len(words.result.failures), words.backend
    if (prosody := _completed(outcomes, "prosody")) is not None:
        found["prosody_score"] = prosody.result.prosody_score, prosody.backend
    if (quality := _completed(outcomes, "quality")) is not None:
        found["signal_quality_mos"] = quality.result.overall_mos, quality.backend
    if (meaning := _completed(outcomes, "meaning")) is not None:
        found["semascore"] = meaning.result.sema_score, meaning.backend
    return {name: (value, backend) for name, (value, backend) in found.items() if value is not None}


def _completed(outcomes: Mapping[str, StepOutcome], step: str) -> StepOutcome | None:
    outcome = outcomes.get(step)
    return outcome if outcome is not None and outcome.result is not None else None


def _of_model(name: str, backends: str) -> str:
    """Returns the backend of one of the models of a step, which names all of them."""
    return next((one for one in backends.split(" + ") if one.startswith(name)), backends)
