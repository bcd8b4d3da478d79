"""Events out: how experiments end, and the work that they ask of other services. One function for each."""

from collections.abc import Iterator, Sequence

from voicearena.experiments.v1.events_pb2 import (
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentFailed,
    FactConfirmed,
)
from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.experiments.domain import Experiment, Trial, TrialStatus

REQUESTER = "experiments"
# As many as one event may name.
MOST_DELETED = 500


def experiment_completed(experiment: Experiment, winner: str | None) -> ExperimentCompleted:
    """Returns the fact that an experiment has a verdict; `winner` is the model's name, None if no model won."""
    return ExperimentCompleted(experiment_id=experiment.id, developer_id=experiment.developer_id, winner=winner)


def experiment_failed(experiment: Experiment) -> ExperimentFailed:
    """Returns the fact that no verdict could be reached, with the experiment's error message."""
    return ExperimentFailed(
        experiment_id=experiment.id, developer_id=experiment.developer_id, message=experiment.error_message
    )


def experiment_cancelled(experiment: Experiment) -> ExperimentCancelled:
    """Returns the fact that an experiment was cancelled, or deleted before it had ended."""
    return ExperimentCancelled(experiment_id=experiment.id, developer_id=experiment.developer_id)


def fact_confirmed(event_id: str) -> FactConfirmed:
    """Returns the confirmation to another service that its fact was taken in."""
    return FactConfirmed(event_id=event_id)


def synthesis_requested(trial: Trial, attempt: int, developer_id: str) -> SynthesisRequested:
    """Asks tts for a trial's speech."""
    request = SynthesisRequested(
        requester=REQUESTER,
        job_id=trial.id,
        attempt=attempt,
        developer_id=developer_id,
        text=trial.prompt_text,
        provider=trial.provider,
        voice_id=trial.voice_id,
        model_id=trial.model_id,
        run_id=trial.experiment_id,
    )
    for name in ("speed", "language", "seed"):
        value = getattr(trial, name)
        if value is not None:
            setattr(request.parameters, name, value)
    return request


def evaluation_requested(
    experiment_id: str, trial_id: str, attempt: int, developer_id: str, audio_name: str
) -> EvaluationRequested:
    """Asks scoring to measure a trial's audio."""
    return EvaluationRequested(
        requester=REQUESTER,
        job_id=trial_id,
        attempt=attempt,
        developer_id=developer_id,
        audio_name=audio_name,
        run_id=experiment_id,
    )


def request_again(trial: Trial, attempt: int, developer_id: str) -> SynthesisRequested | EvaluationRequested:
    """Asks once more for the step that a trial in flight is at."""
    if trial.status is TrialStatus.SYNTHESIZING:
        return synthesis_requested(trial, attempt, developer_id)
    return evaluation_requested(trial.experiment_id, trial.id, attempt, developer_id, trial.audio_name or "")


def synthesis_cancellation_requested(experiment_id: str) -> SynthesisCancellationRequested:
    """Asks tts to stop speaking for an experiment."""
    return SynthesisCancellationRequested(requester=REQUESTER, run_id=experiment_id)


def speech_deletion_requested(trial_ids: Sequence[str]) -> SpeechDeletionRequested:
    """Asks tts to delete the audio of trials, at most MOST_DELETED."""
    return SpeechDeletionRequested(requester=REQUESTER, job_ids=trial_ids)


def evaluation_deletion_requested(trial_ids: Sequence[str]) -> EvaluationDeletionRequested:
    """Asks scoring to delete what it measured of trials, at most MOST_DELETED."""
    return EvaluationDeletionRequested(requester=REQUESTER, job_ids=trial_ids)


def in_parts(trial_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields ids in parts that an event may name."""
    return (trial_ids[start : start + MOST_DELETED] for start in range(0, len(trial_ids), MOST_DELETED))
