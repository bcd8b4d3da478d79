"""Builds the facts about evaluations of recordings."""

from typing import Any

from voicearena.scoring.v1.events_pb2 import (
    RecordingEvaluated,
    RecordingEvaluationDeleted,
    RecordingEvaluationFailed,
)

from services.scoring.domain import Status
from services.scoring.evaluations.domain import Evaluation


def recording_evaluation_ended(evaluation: Evaluation) -> RecordingEvaluated | RecordingEvaluationFailed:
    """Returns the fact that an evaluation is completed or has failed."""
    about: dict[str, Any] = {
        "evaluation_id": evaluation.id,
        "developer_id": evaluation.developer_id,
        "webhook_url": evaluation.webhook_url,
        "model_id": evaluation.model_id,
        "scenario_id": evaluation.scenario_id,
    }
    if evaluation.status is Status.completed:
        return RecordingEvaluated(**about, duration_seconds=evaluation.duration_seconds or 0.0)
    return RecordingEvaluationFailed(**about, message=evaluation.error_message)


def recording_evaluation_deleted(evaluation: Evaluation) -> RecordingEvaluationDeleted:
    """Returns the fact that an evaluation was deleted by its developer."""
    return RecordingEvaluationDeleted(evaluation_id=evaluation.id, developer_id=evaluation.developer_id)
