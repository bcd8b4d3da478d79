"""Builds the facts by which scoring reports the end of evaluations."""

from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed

from services.scoring import convert
from services.scoring.domain import Evaluation, Job


def evaluation_ended(job: Job, evaluation: Evaluation) -> EvaluationCompleted | EvaluationFailed:
    """Returns the result of a job: the metrics of its evaluation, or why it failed."""
    if evaluation.signal_metrics is not None:
        return EvaluationCompleted(
            requester=job.requester,
            job_id=evaluation.id,
            attempt=evaluation.attempt,
            signal_metrics=convert.signal_metrics(evaluation.signal_metrics),
        )
    return EvaluationFailed(
        requester=job.requester,
        job_id=evaluation.id,
        attempt=evaluation.attempt,
        message=evaluation.error_message,
    )
