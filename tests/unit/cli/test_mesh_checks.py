"""What the doctor makes of the mesh's own status."""

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

from gateway.cli.checks import Check, Outcome
from gateway.cli.errors import CliError
from gateway.cli.mesh_checks import Logs, health_checks, status_checks

HERE = Logs(Path("/data/logs"))
ELSEWHERE = Logs(None)
SERVING = [Check("services", Outcome.OK, "every service is serving")]


def sound(**figures: object) -> ProcessStatus:
    return ProcessStatus(serving=True, **figures)  # type: ignore[arg-type]


def ill(**faults: str) -> ProcessStatus:
    return ProcessStatus(faults=[Fault(name=name.replace("_", " "), reason=why) for name, why in faults.items()])


def found(*services: tuple[str, list[ProcessStatus]], logs: Logs = HERE, version: str = "") -> list[Check]:
    status = GetStatusResponse(
        services=[
            ServiceStatus(name=name, serving=any(each.serving for each in processes), processes=processes)
            for name, processes in services
        ]
    )
    return list(status_checks(status, version, logs))


def test_a_sound_mesh_has_one_finding() -> None:
    assert found(("auth", [sound()]), ("tts", [sound(), sound(), sound()])) == [
        Check("services", Outcome.OK, "every service is serving, with 2 more processes")
    ]


def test_what_several_services_lack_is_one_finding_with_what_to_do() -> None:
    refused = {"database": "connection refused"}
    assert found(("auth", [ill(**refused)]), ("tts", [sound()]), ("elo", [ill(**refused, catalogue="empty")])) == [
        Check(
            "database",
            Outcome.PROBLEM,
            "auth and elo can't use it: connection refused",
            "Start PostgreSQL, or point DATABASE_URL to one that runs. See /data/logs/postgres.log.",
        )
    ]


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (
            ill(bus="not connected to NATS"),
            Check(
                "bus",
                Outcome.PROBLEM,
                "scoring can't use it: not connected to NATS",
                "Start NATS, or point NATS_URL to one that runs. The log of nats says more.",
            ),
        ),
        (
            ill(audio_store="permission denied"),
            Check(
                "audio store",
                Outcome.PROBLEM,
                "scoring can't use it: permission denied",
                "Check that AUDIO_STORAGE_PATH can be written and has room.",
            ),
        ),
        (
            ill(process="it does not answer"),
            Check("scoring", Outcome.PROBLEM, "it does not answer", "Start it again. The log of scoring says more."),
        ),
        (
            ill(models="RuntimeError; the log of the service says more"),
            Check(
                "models",
                Outcome.PROBLEM,
                "fails in scoring: RuntimeError; the log of the service says more",
                "The log of scoring says more.",
            ),
        ),
        (
            ProcessStatus(),
            Check("scoring", Outcome.PROBLEM, "is starting or stopping", "Ask again in some seconds."),
        ),
    ],
)
def test_each_fault_is_named_with_what_to_do(process: ProcessStatus, expected: Check) -> None:
    assert found(("scoring", [process]), logs=ELSEWHERE) == [expected]


def test_one_of_several_processes_that_is_silent_is_told_as_that() -> None:
    (check,) = found(("tts", [sound(), ill(process="it does not answer"), sound()]))
    assert (check.name, check.outcome, check.detail) == ("tts", Outcome.PROBLEM, "1 of 3 processes: it does not answer")


def test_services_of_different_versions_are_named() -> None:
    checks = found(("auth", [sound(version="1.0")]), ("tts", [sound(version="1.0"), sound(version="0.9")]))
    assert checks[1] == Check(
        "versions",
        Outcome.PROBLEM,
        "auth and tts run 1.0; tts run 0.9",
        "Restart what is older, so that all run the same code.",
    )


def test_a_command_of_another_version_is_a_note() -> None:
    same = [sound(version="1.0")]
    assert found(("auth", same), version="1.0")[1] == Check("versions", Outcome.OK, "all run 1.0")
    assert found(("auth", same), version="2.0")[1] == Check(
        "versions", Outcome.NOTE, "the mesh runs 1.0, this command is of 2.0"
    )


@pytest.mark.parametrize(
    ("fits", "too_much", "expected"),
    [
        (
            {"outbox_age_seconds": 15.0},
            {"outbox_age_seconds": 16.0},
            Check(
                "outbox",
                Outcome.PROBLEM,
                "the oldest event of experiments has waited 16 s to be published",
                "It goes out once the bus takes it. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"streams": [StreamStatus(stream="VOICEARENA_TTS", consumer="shared", waiting=1000)]},
            {"streams": [StreamStatus(stream="VOICEARENA_TTS", consumer="shared", waiting=1001)]},
            Check(
                "events",
                Outcome.PROBLEM,
                "1,001 of VOICEARENA_TTS wait for experiments",
                "Run more processes of experiments. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"dead_letters": 0},
            {"dead_letters": 2},
            Check(
                "dead letters",
                Outcome.PROBLEM,
                "experiments has given up 2 events since it started",
                "Each is logged as `an event was given up`, with why. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"oldest_webhook_seconds": 60.0},
            {"oldest_webhook_seconds": 300.0},
            Check(
                "webhooks",
                Outcome.PROBLEM,
                "one has been due for 5 min",
                "A receiver may be slow to answer. See /data/logs/experiments.log.",
            ),
        ),
        (
            {"trials": [TrialsAtProvider(provider="acme", pending=70, longest_wait_seconds=300.0)]},
            {"trials": [TrialsAtProvider(provider="acme", pending=70, longest_wait_seconds=301.0)]},
            Check(
                "trials",
                Outcome.NOTE,
                "70 wait for acme, the first for 5 min",
                "max_concurrency in OPENAI_COMPATIBLE is how many requests it is given at a time.",
            ),
        ),
    ],
)
def test_work_that_does_not_move_is_named(
    fits: dict[str, object], too_much: dict[str, object], expected: Check
) -> None:
    assert found(("experiments", [sound(**fits)])) == SERVING
    assert found(("experiments", [sound(**too_much)])) == [*SERVING, expected]


def provider(**figures: object) -> ProcessStatus:
    return sound(providers=[ProviderStatus(id="smallestai", **figures)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("credentials_rejected", "Check its key: SMALLESTAI_API_KEY."),
        ("quota_exceeded", "Its account has nothing left: top it up, or use another key."),
        ("rate_limited", "Lower SMALLESTAI_CONCURRENCY to what the account's plan allows."),
        ("something_new", ""),
    ],
)
def test_a_provider_whose_last_request_failed_is_named(kind: str, advice: str) -> None:
    checks = found(("tts", [provider(failing=True, last_error_kind=kind, last_error_seconds=12.0)]))
    detail = f"its last request failed 12 s ago: {kind}"
    assert checks == [*SERVING, Check("provider smallestai", Outcome.PROBLEM, detail, advice)]


def test_of_several_processes_the_latest_failure_counts() -> None:
    old = provider(failing=True, last_error_kind="timed_out", last_error_seconds=500.0)
    late = provider(failing=True, last_error_kind="rate_limited", last_error_seconds=3.0)
    well = provider(failing=False, last_error_kind="bad_audio", last_error_seconds=1.0)
    assert found(("tts", [old, late, well]))[1].detail == "its last request failed 3 s ago: rate_limited"
    assert len(found(("tts", [well]))) == 1


def test_a_failure_of_long_ago_is_only_a_note() -> None:
    checks = found(("tts", [provider(failing=True, last_error_kind="timed_out", last_error_seconds=3601.0)]))
    assert (checks[1].outcome, checks[1].detail) == (Outcome.NOTE, "its last request failed 60 min ago: timed_out")


def test_voices_that_were_left_out_are_a_note_and_said_once() -> None:
    process = provider(voices_left_out="2 with a repeated id")
    (check,) = found(("tts", [process, process]))[1:]
    assert (check.name, check.outcome) == ("voices of smallestai", Outcome.NOTE)
    assert check.detail == "left out of its list: 2 with a repeated id"


def test_the_health_names_what_is_wrong_without_reasons() -> None:
    error = CliError("Not serving.", metadata={"tts": "bus", "auth": "bus", "elo": "starting or stopping"})
    assert [(check.name, check.detail) for check in health_checks(error, HERE)] == [
        ("elo", "is starting or stopping"),
        ("bus", "auth and tts can't use it"),
    ]


def test_what_the_gateway_itself_says_of_a_service_is_kept() -> None:
    error = CliError("auth is not reachable; try again shortly", metadata={"service": "auth"})
    assert list(health_checks(error, HERE)) == [
        Check("services", Outcome.PROBLEM, "auth is not reachable; try again shortly", "See /data/logs/auth.log.")
    ]
