"""The events that experiments publishes: facts about experiments, and requests to other services for their trials."""

from voicearena.experiments.v1.events_pb2 import (
    ExperimentCancelled,
    ExperimentCompleted,
    ExperimentFailed,
    FactConfirmed,
)

from services.experiments.domain import Experiment
from services.shared.clips.facts import Requests

REQUESTS = Requests("experiments")


def experiment_completed(experiment: Experiment, winner: str | None) -> ExperimentCompleted:
    """Returns the fact that an experiment has a verdict. `winner` is a model's name, None without a winner."""
    return ExperimentCompleted(experiment_id=experiment.id, developer_id=experiment.developer_id, winner=winner)


def experiment_failed(experiment: Experiment) -> ExperimentFailed:
    """Returns the fact that an experiment failed, with its error message."""
    return ExperimentFailed(
        experiment_id=experiment.id, developer_id=experiment.developer_id, message=experiment.error_message
    )


def experiment_cancelled(experiment: Experiment) -> ExperimentCancelled:
    """Returns the fact that an experiment was cancelled, or deleted before it ended."""
    return ExperimentCancelled(experiment_id=experiment.id, developer_id=experiment.developer_id)


def fact_confirmed(event_id: str) -> FactConfirmed:
    """Returns the confirmation for another service that its fact was processed."""
    return FactConfirmed(event_id=event_id)
