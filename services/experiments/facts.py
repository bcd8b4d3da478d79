"""Events out: how experiments end, one function for each, and the work that their trials ask of other services."""

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
