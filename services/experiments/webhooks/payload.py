"""What a webhook says."""

import json

from services.experiments.domain import Experiment, ExperimentStatus

# A promise to receivers. What has no limit of its own, an experiment's prompts say, is not in it.
LARGEST_BODY = 20_000


def event_type(experiment: Experiment) -> str:
    """Returns the type of the message that tells of an experiment's end."""
    return f"experiment.{experiment.status}"


def body(experiment: Experiment, winner: str | None, public_url: str) -> bytes:
    """Returns the message that tells of an experiment's end, as JSON; ValueError if it has not ended."""
    if experiment.ended_at is None:
        raise ValueError(f"{experiment.id} has not ended")
    completed = experiment.status is ExperimentStatus.COMPLETED
    message = {
        "type": event_type(experiment),
        "timestamp": experiment.ended_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "experiment_id": experiment.id,
            "name": experiment.name,
            "status": str(experiment.status),
            "winner": winner,
            "total_trials": experiment.total_trials,
            "completed_trials": experiment.completed_trials,
            "failed_trials": experiment.failed_trials,
            "error_message": experiment.error_message,
            "results_url": f"{public_url}/api/v1/experiments/{experiment.id}/results" if completed else None,
        },
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
