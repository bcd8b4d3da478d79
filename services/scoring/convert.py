"""Converts between domain objects and protos."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from voicearena.scoring.v1 import evaluation_metrics_pb2, scoring_pb2
from voicearena.scoring.v1.events_pb2 import EvaluationRequested

from services.scoring.availability import Availability
from services.scoring.domain import LISTED_METRICS, LISTENED_METRICS, Job
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


def metrics(
    steps: Mapping[str, Availability], of_metrics: Mapping[tuple[str, str], Availability] | None = None
) -> list[scoring_pb2.Metric]:
    """Returns the descriptions of all metrics: those of trials, then the further ones of evaluations.

    `of_metrics` has the metrics that can be missing although their step can run.

    A metric that trials and a step have under the same name is described once, as a metric of its step.
    """
    listened = [one for one in METRICS if one.name in LISTENED_METRICS]
    shared = {(LISTENED_METRICS[one.name], one.name): one for one in listened}
    own = {(one.step, one.name) for one in STEP_METRICS}
    return [
        *(metric(one, steps["signal"]) for one in LISTED_METRICS),
        *(listened_metric(one, step, steps[step]) for (step, _), one in shared.items() if (step, one.name) not in own),
        *(
            step_metric(one, _availability(one, steps, of_metrics), shared.get((one.step, one.name)))
            for one in STEP_METRICS
        ),
    ]


def _availability(
    described: StepMetric,
    steps: Mapping[str, Availability],
    of_metrics: Mapping[tuple[str, str], Availability] | None,
) -> Availability:
    step = steps[described.step]
    return (of_metrics or {}).get((described.step, described.name), step) if step.available else step


def metric(described: Metric, signal: Availability) -> scoring_pb2.Metric:
    """Returns the description of a metric of trials that nothing listens for."""
    of_samples = described.name in _OF_SAMPLES
    message = _of_trials(described)
    if of_samples:
        message.step, message.backend = "signal", signal.backend
    # Trials are measured without decoding, so their metrics of the signal are always available.
    message.available = True
    return message


def listened_metric(described: Metric, step_name: str, step: Availability) -> scoring_pb2.Metric:
    """Returns the description of a metric of trials from a step that listens."""
    message = _of_trials(described)
    message.step = step_name
    _set_availability(message, step)
    return message


def _of_trials(described: Metric) -> scoring_pb2.Metric:
    """Returns the description of a metric without its availability. Infinite limits are absent in it."""
    return scoring_pb2.Metric(
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


def step_metric(described: StepMetric, step: Availability, of_trials: Metric | None = None) -> scoring_pb2.Metric:
    """Returns the description of a metric of a step. Infinite limits are absent in it.

    `of_trials` is the same metric as trials have it, None if they don't.
    """
    minimum, maximum = _limits(described.range)
    good_minimum, good_maximum = _limits(described.good or (-math.inf, math.inf))
    message = scoring_pb2.Metric(
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
    )
    if of_trials is not None:
        message.in_trials = True
        message.summary = of_trials.summary_field
        message.column = of_trials.column
    _set_availability(message, step)
    return message


def _set_availability(message: scoring_pb2.Metric, step: Availability) -> None:
    message.backend, message.available, message.requirement = step.backend, step.available, step.requirement
    message.languages.extend(sorted(step.languages or ()))


def _limits(range_: tuple[float, float]) -> tuple[float | None, float | None]:
    low, high = range_
    return low if math.isfinite(low) else None, high if math.isfinite(high) else None
