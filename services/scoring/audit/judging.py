"""Compares what was measured of changed clips with the expectations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import fmean

from services.scoring.audit.expectations import AUDITED, EXPECTATIONS, AuditedMetric, Expectation, Movement
from services.scoring.audit.perturbations import ORIGINAL
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus

Measured = Mapping[str, Sequence[RecordingEvaluation]]
"""The evaluations of all clips, by change. The clips have the same order everywhere."""
MISSING = "It was not measured."
NO_VALUE = "No clip has a value of it."
ROUNDING = 1e-9


class AuditStatus(Enum):
    """What an audit says about a metric. The values are those in the API."""

    not_run = "not_run"
    passed = "passed"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a metric moved as one expectation says."""

    perturbation: str
    against: str
    movement: Movement
    limit: float
    seen: float | None
    """The mean value for at_most and at_least, the mean size of the change for steady, and the mean change otherwise.
    None if the metric has no value."""
    ok: bool
    detail: str = ""
    """What is wrong if not `ok`, in a sentence."""


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What an audit says about one metric."""

    step: str
    name: str
    status: AuditStatus
    reason: str = ""
    """Why it failed or was not run. Empty if it passed."""
    backends: tuple[str, ...] = ()
    """What computed its values: the code or model of its step and of the steps that this builds on."""
    findings: tuple[Finding, ...] = ()


def judge(measured: Measured, builds_on: Mapping[str, Sequence[str]]) -> tuple[MetricResult, ...]:
    """Returns the result of every audited metric. `builds_on` has the steps that a step builds on, with itself."""
    return tuple(_result(metric, measured, builds_on[metric.step]) for metric in AUDITED)


def _result(metric: AuditedMetric, measured: Measured, steps: Sequence[str]) -> MetricResult:
    originals = [_outcome(metric, evaluation) for evaluation in measured[ORIGINAL]]
    if all(one.status is StepStatus.skipped for one in originals):
        # Something is not installed, or does not know the language.
        return MetricResult(metric.step, metric.name, AuditStatus.not_run, originals[0].reason)
    if all(one.status is StepStatus.completed and metric.value(one.result) is None for one in originals):
        return MetricResult(metric.step, metric.name, AuditStatus.not_run, NO_VALUE)
    findings = tuple(_finding(one, measured) for one in EXPECTATIONS if one.metric is metric)
    wrong = next((one.detail for one in findings if not one.ok), "")
    return MetricResult(
        metric.step,
        metric.name,
        AuditStatus.failed if wrong else AuditStatus.passed,
        wrong,
        _backends(measured[ORIGINAL], steps),
        findings,
    )


def _finding(expectation: Expectation, measured: Measured) -> Finding:
    changed = _values(expectation.metric, measured[expectation.perturbation])
    unchanged = _values(expectation.metric, measured[expectation.against])
    movement, limit = expectation.movement, expectation.limit
    if movement is Movement.absent:
        present = [value for value in changed if isinstance(value, float)]
        seen = fmean(present) if present else None
        says = f"It has a value ({seen:.2f}) where nobody speaks." if seen is not None else ""
    elif movement in (Movement.at_most, Movement.at_least):
        seen, says = _moved(movement, limit, [(0.0, after) for after in changed])
    else:
        seen, says = _moved(movement, limit, list(zip(unchanged, changed, strict=True)))
    about = f"{expectation.perturbation}: {says}" if says else ""
    return Finding(expectation.perturbation, expectation.against, movement, limit, seen, not says, about)


_Value = float | str | None
"""A value, why there is none, or None if the metric does not apply to the clip, as hard words to a text without any."""


def _moved(movement: Movement, limit: float, pairs: Sequence[tuple[_Value, _Value]]) -> tuple[float | None, str]:
    """Returns the mean change, and what is wrong with it. Empty if nothing is."""
    if missing := [one for pair in pairs for one in pair if isinstance(one, str)]:
        lost = sum(any(isinstance(one, str) for one in pair) for pair in pairs)
        return None, f"It has no value for {lost} of {len(pairs)} clips. {missing[0]}"
    changes = [after - before for before, after in pairs if isinstance(before, float) and isinstance(after, float)]
    if not changes:
        return None, NO_VALUE
    if movement is Movement.steady:
        seen = fmean(map(abs, changes))
        return seen, "" if seen <= limit + ROUNDING else f"It moved by {seen:.2f}, more than {limit:g}."
    seen = fmean(changes)
    match movement:
        case Movement.rises:
            wrong = f"It changed by {seen:+.2f} and should rise by {limit:g} or more."
            return seen, "" if seen >= limit - ROUNDING else wrong
        case Movement.falls:
            wrong = f"It changed by {seen:+.2f} and should fall by {limit:g} or more."
            return seen, "" if seen <= -limit + ROUNDING else wrong
        case Movement.at_least:
            return seen, "" if seen >= limit - ROUNDING else f"It is {seen:.2f} and should be {limit:g} or more."
    return seen, "" if seen <= limit + ROUNDING else f"It is {seen:.2f} and should be {limit:g} or less."


def _values(metric: AuditedMetric, evaluations: Iterable[RecordingEvaluation]) -> list[_Value]:
    """Returns the value of each clip."""
    found: list[_Value] = []
    for evaluation in evaluations:
        outcome = _outcome(metric, evaluation)
        if outcome.status is not StepStatus.completed:
            found.append(outcome.reason or MISSING)
        else:
            value = metric.value(outcome.result)
            found.append(None if value is None else float(value))
    return found


def _outcome(metric: AuditedMetric, evaluation: RecordingEvaluation) -> StepOutcome:
    missing = StepOutcome(metric.step, StepStatus.failed, reason=MISSING)
    return evaluation.outcomes.get(metric.step, missing)


def _backends(evaluations: Iterable[RecordingEvaluation], steps: Sequence[str]) -> tuple[str, ...]:
    found = [
        outcome.backend
        for step in steps
        for evaluation in evaluations
        if (outcome := evaluation.outcomes.get(step)) is not None and outcome.backend
    ]
    return tuple(dict.fromkeys(found))
