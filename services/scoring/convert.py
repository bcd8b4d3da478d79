"""Converts between domain objects and protos."""

import math
from dataclasses import asdict
from datetime import datetime

from voicearena.scoring.v1 import evaluation_metrics_pb2, scoring_pb2
from voicearena.scoring.v1.events_pb2 import EvaluationRequested

from services.runtime.clock import timestamp
from services.scoring.domain import Evaluation, Job
from services.scoring.metrics.signal import SignalMetrics
from services.shared.metrics import Metric


def job(event: EvaluationRequested, requested_at: datetime) -> Job:
    """Returns the job that an event requests."""
    return Job(
        id=event.job_id,
        requester=event.requester,
        attempt=event.attempt,
        developer_id=event.developer_id,
        audio_name=event.audio_name,
        requested_at=requested_at,
    )


def signal_metrics(metrics: SignalMetrics) -> evaluation_metrics_pb2.SignalMetrics:
    """Returns the metrics as a message. Metrics that are None are absent in it."""
    return evaluation_metrics_pb2.SignalMetrics(
        **{name: value for name, value in asdict(metrics).items() if value is not None}
    )


def evaluation(found: Evaluation) -> scoring_pb2.Evaluation:
    """Returns an evaluation as its owner sees it."""
    return scoring_pb2.Evaluation(
        id=found.id,
        developer_id=found.developer_id,
        status=scoring_pb2.Evaluation.Status.Value(found.status.value),
        audio_name=found.audio_name,
        signal_metrics=signal_metrics(found.signal_metrics) if found.signal_metrics else None,
        error_message=found.error_message,
        created_at=timestamp(found.created_at),
        completed_at=timestamp(found.completed_at),
    )


def metric(described: Metric) -> scoring_pb2.Metric:
    """Returns the description of a metric. Infinite limits are absent in it."""
    return scoring_pb2.Metric(
        name=described.name,
        unit=described.unit,
        direction=scoring_pb2.Metric.Direction.Value(described.direction.value),
        description=described.description,
        label=described.label,
        minimum=described.low if math.isfinite(described.low) else None,
        maximum=described.high if math.isfinite(described.high) else None,
        summary=described.summary_field,
        column=described.column,
    )
