"""The doctor's findings."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.cli.address import GatewayAddress
from gateway.cli.checks import Check, CheckOutcome, check_line, duration
from gateway.cli.doctor import (
    clock_check,
    disk_check,
    get_health,
    provider_checks,
    python_check,
    run_checks,
    service_checks,
)
from gateway.cli.errors import HINT_KEY, HINT_START
from gateway.cli.mesh_checks import Logs
from gateway.cli.session import CliSession
from tests.unit.cli.stand_in import KEY, StandIn, run_arena

DATE = "Sat, 31 Jan 2026 12:00:00 GMT"
DATE_SECONDS = 1769860800.0


class HealthHandler(BaseHTTPRequestHandler):
    """Answers every GET with the server's `body`."""

    body = b'{"status":"ok"}'

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", DATE)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


@pytest.fixture
def http_server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), HealthHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_old_python_is_a_problem() -> None:
    assert python_check((3, 11, 2)) == Check("python", CheckOutcome.OK, "3.11.2")
    assert python_check((3, 10, 9)) == Check(
        "python", CheckOutcome.PROBLEM, "3.10.9 is too old", "Install Python 3.11 or newer."
    )


def test_too_little_free_space_is_a_problem() -> None:
    assert disk_check(Path(".arena"), 2**30) == Check("disk", CheckOutcome.OK, "1.0 GiB free for .arena")
    assert disk_check(Path(".arena"), 2**29).outcome == CheckOutcome.PROBLEM


@pytest.mark.parametrize(
    ("skew", "outcome", "detail"),
    [
        (30.0, CheckOutcome.OK, "agrees with the gateway's clock"),
        (-30.0, CheckOutcome.OK, "agrees with the gateway's clock"),
        (31.0, CheckOutcome.PROBLEM, "31 s ahead of the gateway's clock"),
        (-3600.0, CheckOutcome.PROBLEM, "3600 s behind the gateway's clock"),
    ],
)
def test_a_wrong_clock_is_a_problem(skew: float, outcome: CheckOutcome, detail: str) -> None:
    check = clock_check(skew)
    assert (check.outcome, check.detail) == (outcome, detail)


def test_the_gateway_is_recognised_by_its_health_and_its_clock_is_read_from_the_date_header(
    http_server: HTTPServer,
) -> None:
    address = GatewayAddress("http", "127.0.0.1", http_server.server_port)
    health = get_health(address, now=lambda: DATE_SECONDS + 5)
    assert (health.status, health.is_voice_arena, health.clock_skew_seconds) == (200, True, 5.0)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status":"fine"}'])
def test_another_http_server_on_the_port_is_recognised(
    http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: bytes
) -> None:
    monkeypatch.setattr(HealthHandler, "body", body)
    url = f"http://127.0.0.1:{http_server.server_port}"
    _, check = run_checks(CliSession(url=url), tmp_path / "none")
    assert (check.name, check.outcome, check.detail) == (
        "gateway",
        CheckOutcome.PROBLEM,
        f"the server at {url} is not Voice Arena (HTTP 200)",
    )


async def test_a_server_that_does_not_speak_http_is_recognised(mesh: StandIn, tmp_path: Path) -> None:
    _, check = await asyncio.to_thread(lambda: list(run_checks(CliSession(), tmp_path / "none")))
    assert check.detail == f"the server at {CliSession().address} does not speak HTTP"


def test_if_nothing_answers_the_remaining_checks_are_skipped(tmp_path: Path) -> None:
    checks = list(run_checks(CliSession(url="http://127.0.0.1:1"), tmp_path))
    assert [check.name for check in checks] == ["python", "disk", "gateway"]
    assert checks[-1] == Check(
        "gateway", CheckOutcome.PROBLEM, "nothing answers at http://127.0.0.1:1: Connection refused", HINT_START
    )


async def test_the_exit_code_is_1_if_there_is_a_problem(no_key: Path) -> None:
    outcome = await run_arena("doctor", "--url", "http://127.0.0.1:1", "--data-dir", str(no_key))
    assert outcome.exit_code == 1
    assert outcome.out.splitlines()[-2:] == [
        "✗ gateway: nothing answers at http://127.0.0.1:1: Connection refused",
        f"    {HINT_START}",
    ]


async def test_a_provider_that_is_not_available_is_a_note(mesh: StandIn) -> None:
    with CliSession().client() as client:
        checks = await asyncio.to_thread(lambda: list(provider_checks(client)))
    assert checks == [
        Check("provider espeak", CheckOutcome.OK, "available"),
        Check("provider cartesia", CheckOutcome.NOTE, "not available: set CARTESIA_API_KEY"),
    ]


async def checks_of(session: CliSession) -> list[Check]:
    with session.client() as client:
        return await asyncio.to_thread(lambda: list(service_checks(session, client, Logs(None))))


async def test_a_healthy_mesh_gets_every_check(mesh: StandIn) -> None:
    assert [(check.name, check.outcome) for check in await checks_of(CliSession(key=KEY))] == [
        ("services", CheckOutcome.OK),
        ("versions", CheckOutcome.NOTE),
        ("key", CheckOutcome.OK),
        ("provider espeak", CheckOutcome.OK),
        ("provider cartesia", CheckOutcome.NOTE),
        ("voices", CheckOutcome.OK),
        ("catalogue", CheckOutcome.OK),
    ]


async def test_checks_that_need_a_silent_service_are_skipped(mesh: StandIn) -> None:
    for service in mesh.status.services:
        if service.name in ("tts", "elo"):
            service.serving = False
            del service.processes[:]
            service.processes.add().faults.add(name="process", reason="it does not answer")
    assert [check.name for check in await checks_of(CliSession(key=KEY))] == ["tts", "elo", "versions", "key"]


async def test_without_a_valid_key_the_checks_that_need_one_are_skipped(mesh: StandIn) -> None:
    services = Check("services", CheckOutcome.OK, "every service is serving")
    assert await checks_of(CliSession(key="kc_wrong")) == [
        services,
        Check("key", CheckOutcome.PROBLEM, "The API key is not valid.", HINT_KEY),
    ]
    assert await checks_of(CliSession()) == [
        services,
        Check("key", CheckOutcome.PROBLEM, f"no API key is stored for {CliSession().address}", HINT_KEY),
    ]


async def test_while_keys_cannot_be_verified_the_health_has_the_reason(mesh: StandIn) -> None:
    mesh.down = {"auth": "database", "elo": "catalogue, database", "tts": "does not answer"}
    mesh.keys_unavailable = True
    assert await checks_of(CliSession(key=KEY)) == [
        Check(
            "database",
            CheckOutcome.PROBLEM,
            "auth and elo can't use it",
            "Start PostgreSQL, or set DATABASE_URL to a running server. See the log of postgres.",
        ),
        Check("tts", CheckOutcome.PROBLEM, "does not answer", "Start it again. See the log of tts."),
        Check(
            "rest",
            CheckOutcome.PROBLEM,
            "could not be checked: Keys can't be verified.",
            "Fix the problems above, then run `arena doctor` again.",
        ),
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (172800.0, "2 days")]
)
def test_durations_are_written_in_words(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_a_finding_is_one_line_and_its_advice_another() -> None:
    assert check_line(Check("disk", CheckOutcome.OK, "1.0 GiB free")).plain == "✓ disk: 1.0 GiB free"
    assert check_line(Check("key", CheckOutcome.PROBLEM, "none", "Get one.")).plain == "✗ key: none\n    Get one."
