"""Converts metric audits to protos, and requests to clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voicearena.scoring.v1 import metric_audit_pb2 as pb
from voicearena.scoring.v1 import scoring_pb2
from voicearena.scoring.v1.scoring_service_pb2 import RunMetricAuditRequest, RunMetricAuditResponse

from services.runtime.clock import timestamp
from services.scoring.audit.clips import GivenClip
from services.scoring.audit.domain import NEVER_RUN, NO_EXPECTATION, OUT_OF_DATE, MetricAudit
from services.scoring.audit.expectations import audited_metrics
from services.scoring.audit.judging import AuditStatus, Finding, MetricResult
from services.scoring.audit.perturbations import PERTURBATIONS
from services.scoring.audit.usecases import AuditUpdate


def given_clips(request: RunMetricAuditRequest) -> list[GivenClip]:
    """Returns the clips of a request."""
    return [GivenClip(clip.audio, clip.text) for clip in request.clips]


def update(found: AuditUpdate) -> RunMetricAuditResponse:
    """Returns a message of the stream."""
    if found.audit is not None:
        return RunMetricAuditResponse(kind=RunMetricAuditResponse.end, audit=audit(found.audit))
    if not found.total:
        return RunMetricAuditResponse(kind=RunMetricAuditResponse.heartbeat)
    return RunMetricAuditResponse(
        kind=RunMetricAuditResponse.progress, evaluated=found.evaluated, total=found.total, change=found.change
    )


def audit(found: MetricAudit) -> pb.MetricAudit:
    """Returns an audit as a message."""
    return pb.MetricAudit(
        completed_at=timestamp(found.completed_at),
        clips=found.clips,
        voices=found.voices,
        passed=found.passed,
        metrics=map(_metric, found.metrics),
    )


def with_audit(metrics: Sequence[scoring_pb2.Metric], audit: MetricAudit | None) -> list[scoring_pb2.Metric]:
    """Returns the descriptions with what the latest audit says about each metric."""
    found = {} if audit is None else {(one.step, one.name): one for one in audit.metrics}
    return [_audited(one, found, never_run=audit is None) for one in metrics]


def _audited(
    described: scoring_pb2.Metric, found: Mapping[tuple[str, str], MetricResult], *, never_run: bool
) -> scoring_pb2.Metric:
    message = scoring_pb2.Metric()
    message.CopyFrom(described)
    keys = [(one.step, one.name) for one in audited_metrics(described.name, described.step, described.in_trials)]
    results = [found[key] for key in keys if key in found]
    if not keys:
        status, reason = AuditStatus.not_run, NO_EXPECTATION
    elif not results:
        status, reason = AuditStatus.not_run, NEVER_RUN if never_run else OUT_OF_DATE
    else:
        # A trial's score of naturalness comes from one of several models. One that fails fails it.
        worst = min(
            results, key=lambda one: (AuditStatus.failed, AuditStatus.passed, AuditStatus.not_run).index(one.status)
        )
        status, reason = worst.status, worst.reason
    message.audit = scoring_pb2.Metric.Audit.Value(status.value)
    message.audit_reason = reason
    return message


def _metric(found: MetricResult) -> pb.AuditedMetric:
    return pb.AuditedMetric(
        step=found.step,
        name=found.name,
        audit=scoring_pb2.Metric.Audit.Value(found.status.value),
        reason=found.reason,
        backends=found.backends,
        findings=map(_finding, found.findings),
    )


def _finding(found: Finding) -> pb.AuditFinding:
    known = PERTURBATIONS.get(found.perturbation)
    return pb.AuditFinding(
        change=found.perturbation,
        # An audit of another version can have changes that this one does not know.
        description=known.description if known else found.perturbation,
        against=found.against,
        expected=pb.AuditFinding.Movement.Value(found.movement.value),
        limit=found.limit,
        seen=found.seen,
        ok=found.ok,
        detail=found.detail,
    )
