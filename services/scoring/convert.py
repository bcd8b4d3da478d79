"""Converts between domain objects and protos."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from voicearena.scoring.v1 import evaluation_metrics_pb2, scoring_pb2
from voicearena.scoring.v1.events_pb2 import EvaluationRequested

from services.scoring.availability import Availability
from services.scoring.domain import LISTED_METRICS, Job
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.step_metrics import STEP_METRICS, StepMetric
from services.shared.metrics import METRICS, Metric

_OF_SAMPLES = SignalMetrics.__dataclass_fields__.keys()


def job(event: EvaluationRequested, requested_at: datetime) -> Job:
    """Returns the job that an event requests."""
    return Job(
        id=event.job_id,
        requester=event.requester,
        attempt=event.attempt,
        developer_id=event.developer_id,
        audio_name=event.audio_name,
        requested_at=requested_at,
        listen=event.listen,
        reference_text=event.reference_text,
        language=event.language,
    )


def signal_metrics(metrics: SignalMetrics) -> evaluation_metrics_pb2.SignalMetrics:
    """Returns the metrics as a message. Metrics that are None are absent in it."""
    return evaluation_metrics_pb2.SignalMetrics(
        **{name: value for name, value in asdict(metrics).items() if value is not None}
    )


def metrics(steps: Mapping[str, Availability]) -> list[scoring_pb2.Metric]:
    """Returns the descriptions of all metrics: those of trials, then the further ones of evaluations."""
    return [
        *(metric(one, steps["signal"]) for one in LISTED_METRICS),
        *(step_metric(one, steps[one.step]) for one in STEP_METRICS),
    ]


def metric(described: Metric, signal: Availability) -> scoring_pb2.Metric:
    """Returns the description of a metric of trials. Infinite limits are absent in it."""
    of_samples = described.name in _OF_SAMPLES
    return scoring_pb2.Metric(
        step="signal" if of_samples else "",
        backend=signal.backend if of_samples else "",
        # Trials are measured without decoding, so their metrics of the signal are always available.
        available=True,
        in_trials=described in METRICS,
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


def step_metric(described: StepMetric, step: Availability) -> scoring_pb2.Metric:
    """Returns the description of a metric of a step. Infinite limits are absent in it."""
    minimum, maximum = _limits(described.range)
    good_minimum, good_maximum = _limits(described.good or (-math.inf, math.inf))
    return scoring_pb2.Metric(
        name=described.name,
        unit=described.unit,
        direction=scoring_pb2.Metric.Direction.Value(described.direction.value),
        description=described.description,
        label=described.label,
        minimum=minimum,
        maximum=maximum,
        good_minimum=good_minimum,
        good_maximum=good_maximum,
        step=described.step,
        backend=step.backend,
        available=step.available,
        requirement=step.requirement,
    )


def _limits(range_: tuple[float, float]) -> tuple[float | None, float | None]:
    low, high = range_
    return low if math.isfinite(low) else None, high if math.isfinite(high) else None
