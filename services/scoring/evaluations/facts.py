"""Builds the fact that an evaluation of a recording was deleted. `job_results` builds those about its end."""

from voicearena.scoring.v1.events_pb2 import RecordingEvaluationDeleted

from services.scoring.evaluations.domain import Evaluation


def recording_evaluation_deleted(evaluation: Evaluation) -> RecordingEvaluationDeleted:
    """Returns the fact that an evaluation was deleted by its developer."""
    return RecordingEvaluationDeleted(evaluation_id=evaluation.id, developer_id=evaluation.developer_id)
