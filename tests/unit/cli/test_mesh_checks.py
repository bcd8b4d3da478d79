"""The doctor's findings from the status of the mesh."""

from __future__ import annotations

from pathlib import Path

import pytest
from voicearena.mesh.v1.mesh_pb2 import (
    Fault,
    ProcessStatus,
    ProviderStatus,
    ServiceStatus,
    StreamStatus,
    TrialsAtProvider,
)
from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse

from gateway.cli.checks import Check, CheckOutcome
from gateway.cli.errors import CliError
from gateway.cli.mesh_checks import Logs, health_checks, status_checks

HERE = Logs(Path("/data/logs"))
ELSEWHERE = Logs(None)
SERVING = [Check("services", CheckOutcome.OK, "every service is serving")]


def serving(**fields: object) -> ProcessStatus:
    return ProcessStatus(serving=True, **fields)  # type: ignore[arg-type]


def faulty(**faults: str) -> ProcessStatus:
    return ProcessStatus(faults=[Fault(name=name.replace("_", " "), reason=why) for name, why in faults.items()])


def found(*services: tuple[str, list[ProcessStatus]], logs: Logs = HERE, version: str = "") -> list[Check]:
    status = GetStatusResponse(
        services=[
            ServiceStatus(name=name, serving=any(each.serving for each in processes), processes=processes)
            for name, processes in services
        ]
    )
    return list(status_checks(status, version, logs))


def test_a_healthy_mesh_has_one_finding() -> None:
    assert found(("auth", [serving()]), ("tts", [serving(), serving(), serving()])) == [
        Check("services", CheckOutcome.OK, "every service is serving, with 2 more processes")
    ]


def test_a_fault_that_several_services_share_is_one_finding() -> None:
    refused = {"database": "connection refused"}
    assert found(
        ("auth", [faulty(**refused)]), ("tts", [serving()]), ("elo", [faulty(**refused, catalogue="empty")])
    ) == [
        Check(
            "database",
            CheckOutcome.PROBLEM,
            "auth and elo can't use it: connection refused",
            "Start PostgreSQL, or set DATABASE_URL to a running server. See /data/logs/postgres.log.",
        )
    ]


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (
            faulty(bus="not connected to NATS"),
            Check(
                "bus",
                CheckOutcome.PROBLEM,
                "scoring can't use it: not connected to NATS",
                "Start NATS, or set NATS_URL to a running server. See the log of nats.",
            ),
        ),
        (
            faulty(audio_store="permission denied"),
            Check(
                "audio store",
                CheckOutcome.PROBLEM,
                "scoring can't use it: permission denied",
                "Check that AUDIO_STORAGE_PATH is writable and has free space.",
            ),
        ),
        (
            faulty(process="it does not answer"),
            Check("scoring", CheckOutcome.PROBLEM, "it does not answer", "Start it again. See the log of scoring."),
        ),
        (
            faulty(models="RuntimeError; see the service's log"),
            Check(
                "models",
                CheckOutcome.PROBLEM,
                "fails in scoring: RuntimeError; see the service's log",
                "See the log of scoring.",
            ),
        ),
        (
            ProcessStatus(),
            Check(
                "scoring", CheckOutcome.PROBLEM, "is starting or stopping", "Run `arena doctor` again in a few seconds."
            ),
        ),
    ],
)
def test_each_fault_is_named_with_advice(process: ProcessStatus, expected: Check) -> None:
    assert found(("scoring", [process]), logs=ELSEWHERE) == [expected]


def test_one_silent_process_of_several_is_counted() -> None:
    (check,) = found(("tts", [serving(), faulty(process="it does not answer"), serving()]))
    assert (check.name, check.outcome, check.detail) == (
        "tts",
        CheckOutcome.PROBLEM,
        "1 of 3 processes: it does not answer",
    )


def test_services_of_different_versions_are_named() -> None:
    checks = found(("auth", [serving(version="1.0")]), ("tts", [serving(version="1.0"), serving(version="0.9")]))
    assert checks[1] == Check(
        "versions",
        CheckOutcome.PROBLEM,
        "auth and tts run 1.0; tts run 0.9",
        "Restart the older ones, so that all run the same version.",
    )


def test_a_command_of_another_version_is_a_note() -> None:
    same = [serving(version="1.0")]
    assert found(("auth", same), version="1.0")[1] == Check("versions", CheckOutcome.OK, "all run 1.0")
    assert found(("auth", same), version="2.0")[1] == Check(
        "versions", CheckOutcome.NOTE, "the mesh runs 1.0, and this command is version 2.0"
    )


@pytest.mark.parametrize(
    ("fits", "too_much", "expected"),
    [
        (
            {"outbox_age_seconds": 15.0},
            {"outbox_age_seconds": 16.0},
            Check(
                "outbox",
                CheckOutcome.PROBLEM,
                "the oldest event of experiments has waited 16 s to be published",
                "Events are published as soon as NATS accepts them. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"streams": [StreamStatus(stream="VOICEARENA_TTS", consumer="shared", waiting=1000)]},
            {"streams": [StreamStatus(stream="VOICEARENA_TTS", consumer="shared", waiting=1001)]},
            Check(
                "events",
                CheckOutcome.PROBLEM,
                "1,001 events of VOICEARENA_TTS wait for experiments",
                "Run more processes of experiments. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"dead_letters": 0},
            {"dead_letters": 2},
            Check(
                "dead letters",
                CheckOutcome.PROBLEM,
                "experiments has given up 2 events since it started",
                "The log has a line `an event was given up` with the reason of each. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"oldest_webhook_seconds": 60.0},
            {"oldest_webhook_seconds": 300.0},
            Check(
                "webhooks",
                CheckOutcome.PROBLEM,
                "a delivery has been due for 5 min",
                "A receiver may be slow to answer. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"trials": [TrialsAtProvider(provider="acme", pending=70, longest_wait_seconds=300.0)]},
            {"trials": [TrialsAtProvider(provider="acme", pending=70, longest_wait_seconds=301.0)]},
            Check(
                "trials",
                CheckOutcome.NOTE,
                "70 wait for acme, the oldest for 5 min",
                "max_concurrency in OPENAI_COMPATIBLE is the number of requests that it gets at a time.",
            ),
        ),
    ],
)
def test_work_that_waits_too_long_is_named(
    fits: dict[str, object], too_much: dict[str, object], expected: Check
) -> None:
    assert found(("experiments", [serving(**fits)])) == SERVING
    assert found(("experiments", [serving(**too_much)])) == [*SERVING, expected]


def provider(**fields: object) -> ProcessStatus:
    return serving(providers=[ProviderStatus(id="smallestai", **fields)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("credentials_rejected", "Check its API key: SMALLESTAI_API_KEY."),
        ("quota_exceeded", "The quota of its account is used up. Raise it, or use another API key."),
        ("rate_limited", "Lower SMALLESTAI_CONCURRENCY to what the account's plan allows."),
        ("something_new", ""),
    ],
)
def test_a_provider_whose_last_request_failed_is_named(kind: str, advice: str) -> None:
    checks = found(("tts", [provider(failing=True, last_error_kind=kind, last_error_seconds=12.0)]))
    detail = f"its last request failed 12 s ago: {kind}"
    assert checks == [*SERVING, Check("provider smallestai", CheckOutcome.PROBLEM, detail, advice)]


def test_the_latest_failure_of_several_processes_counts() -> None:
    old = provider(failing=True, last_error_kind="timed_out", last_error_seconds=500.0)
    late = provider(failing=True, last_error_kind="rate_limited", last_error_seconds=3.0)
    well = provider(failing=False, last_error_kind="bad_audio", last_error_seconds=1.0)
    assert found(("tts", [old, late, well]))[1].detail == "its last request failed 3 s ago: rate_limited"
    assert len(found(("tts", [well]))) == 1


def test_an_old_failure_is_a_note() -> None:
    checks = found(("tts", [provider(failing=True, last_error_kind="timed_out", last_error_seconds=3601.0)]))
    assert (checks[1].outcome, checks[1].detail) == (CheckOutcome.NOTE, "its last request failed 60 min ago: timed_out")


def test_voices_that_were_left_out_are_one_note() -> None:
    process = provider(voices_left_out="2 with a repeated id")
    (check,) = found(("tts", [process, process]))[1:]
    assert (check.name, check.outcome) == ("voices of smallestai", CheckOutcome.NOTE)
    assert check.detail == "left out of its list: 2 with a repeated id"


def test_findings_from_the_health_have_no_reasons() -> None:
    error = CliError("Not serving.", metadata={"tts": "bus", "auth": "bus", "elo": "starting or stopping"})
    assert [(check.name, check.detail) for check in health_checks(error, HERE)] == [
        ("elo", "is starting or stopping"),
        ("bus", "auth and tts can't use it"),
    ]


def test_an_error_of_the_gateway_about_a_service_keeps_its_message() -> None:
    error = CliError("auth is not reachable. Try again shortly.", metadata={"service": "auth"})
    assert list(health_checks(error, HERE)) == [
        Check("services", CheckOutcome.PROBLEM, "auth is not reachable. Try again shortly.", "See /data/logs/auth.log.")
    ]
