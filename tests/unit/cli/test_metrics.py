"""`arena metrics`: the list, and the audit with its progress, its table and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from voicearena.scoring.v1.metric_audit_pb2 import AuditedMetric, AuditFinding, MetricAudit
from voicearena.scoring.v1.scoring_pb2 import Metric
from voicearena.scoring.v1.scoring_service_pb2 import AuditClip, RunMetricAuditRequest, RunMetricAuditResponse

from tests.unit.cli import stand_in
from tests.unit.cli.stand_in import StandIn, run_arena

QUALITY = AuditedMetric(
    step="quality",
    name="overall_mos",
    audit=Metric.passed,
    backends=["dnsmos/1"],
    findings=[
        AuditFinding(
            change="silence", description="silence", against="original", expected=AuditFinding.absent, ok=True
        ),
        AuditFinding(
            change="noise_20_db",
            description="noise at 20 dB",
            against="original",
            expected=AuditFinding.falls,
            limit=0.15,
            seen=-0.5,
            ok=True,
        ),
        AuditFinding(
            change="noise_10_db",
            description="noise at 10 dB",
            against="noise_20_db",
            expected=AuditFinding.falls,
            limit=0.15,
            seen=-0.25,
            ok=True,
        ),
    ],
)
BROKEN = AuditedMetric(
    step="word_errors",
    name="word_error_rate",
    audit=Metric.failed,
    reason="rate_48_khz: It moved by 0.50, more than 0.1.",
    findings=[
        AuditFinding(
            change="rate_48_khz",
            description="48 kHz",
            against="original",
            expected=AuditFinding.steady,
            limit=0.1,
            seen=0.5,
            detail="rate_48_khz: It moved by 0.50, more than 0.1.",
        )
    ],
)
MISSING = AuditedMetric(step="naturalness", name="utmos", audit=Metric.not_run, reason="torch is not installed.")


def ends(*metrics: AuditedMetric, voices: tuple[str, ...] = ("espeak:en-us",)) -> list[RunMetricAuditResponse]:
    """Returns the messages of an audit with these results."""
    passed = any(one.audit == Metric.passed for one in metrics) and all(one.audit != Metric.failed for one in metrics)
    progress = [
        RunMetricAuditResponse(kind=RunMetricAuditResponse.progress, evaluated=done, total=20, change="48 kHz")
        for done in range(21)
    ]
    audit = MetricAudit(clips=4, voices=voices, passed=passed, metrics=metrics)
    heartbeat = RunMetricAuditResponse(kind=RunMetricAuditResponse.heartbeat)
    return [*progress, heartbeat, RunMetricAuditResponse(kind=RunMetricAuditResponse.end, audit=audit)]


async def test_an_audit_shows_each_expectation_and_what_was_seen(
    mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    mesh.audit_messages = ends(QUALITY, MISSING)
    outcome = await run_arena("metrics", "audit")
    assert outcome.exit_code == 0
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert lines[0].startswith("4 clips, spoken by espeak:en-us, ")
    assert "overall_mos silence no value – ✓" in lines
    assert "noise at 10 dB falls by 0.15 or more from noise at 20 dB -0.25 ✓" in lines
    assert "naturalness.utmos: torch is not installed." in lines
    assert "passed quality.overall_mos" in lines
    assert outcome.err.splitlines() == [f"{done} of 20 clips evaluated" for done in range(0, 21, 2)]
    assert mesh.requests == [RunMetricAuditRequest()]


async def test_a_metric_that_fails_makes_the_exit_code_1(mesh: StandIn, key: str) -> None:
    mesh.audit_messages = ends(QUALITY, BROKEN)
    outcome = await run_arena("metrics", "audit")
    assert outcome.exit_code == 1
    assert "failed  word_errors.word_error_rate  rate_48_khz: It moved by 0.50, more than" in outcome.out
    assert "moves by 0.1 or less" in outcome.out
    assert "arena: 1 of 2 metrics failed the audit: word_error_rate." in outcome.err
    assert "They may not decide an experiment." in outcome.err


async def test_an_audit_of_nothing_is_no_success(mesh: StandIn, key: str) -> None:
    mesh.audit_messages = ends(MISSING)
    outcome = await run_arena("metrics", "audit")
    assert (outcome.exit_code, "No metric was audited." in outcome.err) == (1, True)


async def test_the_result_as_json_is_that_of_the_api(mesh: StandIn, key: str) -> None:
    mesh.audit_messages = ends(QUALITY, BROKEN)
    for arguments in (("metrics", "audit", "--json"), ("metrics", "--json", "audit"), ("--json", "metrics", "audit")):
        outcome = await run_arena(*arguments)
        assert outcome.exit_code == 1
        document = json.loads(outcome.out)
        assert (document["passed"], document["clips"]) == (False, 4)
        assert [one["audit"] for one in document["metrics"]] == ["passed", "failed"]


async def test_own_clips_are_sent_with_their_texts(mesh: StandIn, key: str, tmp_path: Path) -> None:
    for name, text in (("b", "Zwei.\n"), ("a", "Eins.")):
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "notes.txt").write_text("not a clip")
    mesh.audit_messages = ends(BROKEN, voices=())
    outcome = await run_arena("metrics", "audit", "--clips", str(tmp_path), "--language", "de")
    assert mesh.requests == [
        RunMetricAuditRequest(
            clips=[AuditClip(audio=b"a", text="Eins."), AuditClip(audio=b"b", text="Zwei.")], language="de"
        )
    ]
    assert outcome.out.startswith("4 clips, ")
    assert "may not decide" not in outcome.err


async def test_a_folder_that_has_no_clips_or_no_texts_is_refused(mesh: StandIn, key: str, tmp_path: Path) -> None:
    async def said(folder: Path) -> str:
        outcome = await run_arena("metrics", "audit", "--clips", str(folder))
        assert outcome.exit_code == 2
        return outcome.err

    assert "is not a folder" in await said(tmp_path / "none")
    assert "has no clips" in await said(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert "a.txt can't be read" in await said(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff")
    assert "a.txt is not text in UTF-8" in await said(tmp_path)
    assert not mesh.requests


async def test_a_stream_that_ends_early_is_an_error(mesh: StandIn, key: str) -> None:
    mesh.audit_messages = ends(QUALITY)[:3]
    outcome = await run_arena("metrics", "audit")
    assert (outcome.exit_code, "ended early" in outcome.err) == (6, True)


async def test_the_metrics_are_listed_with_their_audit(
    mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [
        Metric(name="ttfb_ms", unit="ms", in_trials=True, available=True, audit=Metric.not_run),
        Metric(name="overall_mos", step="quality", unit="MOS", backend="dnsmos", available=True, audit=Metric.passed),
        Metric(
            name="word_error_rate",
            step="word_errors",
            backend="code",
            available=True,
            audit=Metric.failed,
            audit_reason="It did not move.",
        ),
        Metric(name="utmos", step="naturalness", requirement="torch is not installed.", audit=Metric.not_run),
    ]
    monkeypatch.setattr(stand_in, "METRICS", listed)
    monkeypatch.setenv("COLUMNS", "140")
    outcome = await run_arena("metrics")
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert lines[0] == "Metric Of Unit Measured by Audit"
    assert lines[2:] == [
        "ttfb_ms trial ms not run",
        "overall_mos quality MOS dnsmos passed",
        "word_error_rate word_errors code failed: It did not move.",
        "utmos naturalness not available: torch is not installed. not run",
    ]
    document = json.loads((await run_arena("metrics", "--json")).out)
    assert [one["audit"] for one in document["metrics"]] == ["not_run", "passed", "failed", "not_run"]
