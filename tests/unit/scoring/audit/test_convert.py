"""How audits look in the API, and what the list of metrics says of them."""

from datetime import UTC, datetime

import pytest
from voicearena.scoring.v1 import metric_audit_pb2 as pb
from voicearena.scoring.v1 import scoring_pb2
from voicearena.scoring.v1.scoring_service_pb2 import AuditClip, RunMetricAuditRequest, RunMetricAuditResponse

from services.scoring import convert
from services.scoring.audit import convert as audit_convert
from services.scoring.audit.clips import GivenClip
from services.scoring.audit.domain import NEVER_RUN, NO_EXPECTATION, OUT_OF_DATE, MetricAudit
from services.scoring.audit.expectations import AUDITED, Movement
from services.scoring.audit.judging import AuditStatus, Finding, MetricResult
from services.scoring.audit.usecases import AuditUpdate
from services.scoring.availability import step_availability
from services.scoring.backends.choice import Backends

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DETAIL = "noise_20_db: It changed by +0.00 and should fall by 0.15 or more."
FELL = Finding("noise_20_db", "original", Movement.falls, 0.15, 0.0, False, DETAIL)
ABSENT = Finding("silence", "original", Movement.absent, 0.0, None, True)
LISTED = convert.metrics(step_availability(Backends()))
STATUS = scoring_pb2.Metric


def audit(**failed: str) -> MetricAudit:
    """Returns an audit in which all metrics passed but those that failed for a reason."""
    metrics = [
        MetricResult(
            metric.step,
            metric.name,
            AuditStatus.failed if metric.name in failed else AuditStatus.passed,
            failed.get(metric.name, ""),
            ("code/1",),
            (ABSENT, FELL),
        )
        for metric in AUDITED
    ]
    return MetricAudit(NOON, 4, ("espeak:en-us",), tuple(metrics), {metric.step: "code/1" for metric in AUDITED})


def said(found: MetricAudit | None, name: str, step: str = "", *, in_trials: bool = False) -> tuple[int, str]:
    """Returns what the list says of a metric."""
    described = scoring_pb2.Metric(name=name, step=step, in_trials=in_trials)
    (message,) = audit_convert.with_audit([described], found)
    return message.audit, message.audit_reason


def test_an_audit_is_a_message() -> None:
    message = audit_convert.audit(audit(overall_mos=DETAIL))
    assert (message.completed_at.ToDatetime(UTC), message.clips, message.voices) == (NOON, 4, ["espeak:en-us"])
    assert not message.passed
    assert audit_convert.audit(audit()).passed
    quality = next(one for one in message.metrics if one.name == "overall_mos")
    assert quality == pb.AuditedMetric(
        step="quality",
        name="overall_mos",
        audit=STATUS.failed,
        reason=DETAIL,
        backends=["code/1"],
        findings=[
            pb.AuditFinding(
                change="silence", description="silence", against="original", expected=pb.AuditFinding.absent, ok=True
            ),
            pb.AuditFinding(
                change="noise_20_db",
                description="noise at 20 dB",
                against="original",
                expected=pb.AuditFinding.falls,
                limit=0.15,
                seen=0.0,
                detail=DETAIL,
            ),
        ],
    )


def test_every_movement_and_status_has_a_name_in_the_api() -> None:
    assert {one.value for one in Movement} == set(pb.AuditFinding.Movement.keys()[1:])
    assert {one.value for one in AuditStatus} == set(scoring_pb2.Metric.Audit.keys()[1:])


def test_updates_are_messages_of_the_stream() -> None:
    assert audit_convert.update(AuditUpdate()) == RunMetricAuditResponse(kind=RunMetricAuditResponse.heartbeat)
    assert audit_convert.update(AuditUpdate(3, 64, "silence")) == RunMetricAuditResponse(
        kind=RunMetricAuditResponse.progress, evaluated=3, total=64, change="silence"
    )
    assert audit_convert.update(AuditUpdate(64, 64, audit=audit())) == RunMetricAuditResponse(
        kind=RunMetricAuditResponse.end, audit=audit_convert.audit(audit())
    )


def test_clips_of_a_request_are_taken_as_they_are() -> None:
    request = RunMetricAuditRequest(clips=[AuditClip(audio=b"RIFF", text="One.")])
    assert audit_convert.given_clips(request) == [GivenClip(b"RIFF", "One.")]


def test_without_an_audit_no_metric_was_audited() -> None:
    found = audit_convert.with_audit(LISTED, None)
    assert {one.audit for one in found} == {STATUS.not_run}
    reasons = {(one.step, one.name): one.audit_reason for one in found}
    assert reasons["quality", "overall_mos"] == NEVER_RUN
    assert reasons["decode", "channels"] == NO_EXPECTATION
    # The rest of the descriptions is as before, and the list itself is not changed.
    for one in found:
        one.ClearField("audit")
        one.ClearField("audit_reason")
    assert found == LISTED


def test_a_metric_that_failed_says_why() -> None:
    assert said(audit(), "overall_mos", "quality") == (STATUS.passed, "")
    assert said(audit(overall_mos=DETAIL), "overall_mos", "quality") == (STATUS.failed, DETAIL)
    # A metric of another step with the same name is another metric.
    assert said(audit(overall_mos=DETAIL), "overall_mos", "noise") == (STATUS.not_run, NO_EXPECTATION)


@pytest.mark.parametrize(
    ("name", "audited"),
    [
        ("word_error_rate", "word_error_rate"),
        ("hard_word_accuracy", "hard_word_accuracy"),
        ("speech_failures", "failures"),
        ("signal_quality_mos", "overall_mos"),
        ("prosody_score", "prosody_score"),
        ("naturalness_mos", "utmos"),
        ("naturalness_mos", "distillmos"),
        ("semascore", "sema_score"),
    ],
)
def test_a_metric_of_trials_fails_with_what_it_is_made_of(name: str, audited: str) -> None:
    assert said(audit(), name, in_trials=True) == (STATUS.passed, "")
    assert said(audit(**{audited: DETAIL}), name, in_trials=True) == (STATUS.failed, DETAIL)


def test_a_metric_that_an_older_audit_did_not_know_is_out_of_date() -> None:
    older = MetricAudit(NOON, 4, (), (), {})
    assert said(older, "overall_mos", "quality") == (STATUS.not_run, OUT_OF_DATE)
