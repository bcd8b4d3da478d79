"""What the doctor says of what it finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.cli.address import GatewayAddress
from gateway.cli.checks import Check, Outcome, check_line, duration
from gateway.cli.doctor import (
    ask_gateway,
    clock_check,
    disk_check,
    provider_checks,
    python_check,
    run_checks,
    service_checks,
)
from gateway.cli.errors import HINT_KEY, HINT_START
from gateway.cli.mesh_checks import Logs
from gateway.cli.session import Session
from tests.unit.cli.stand_in import KEY, StandIn, run_arena

DATE = "Sat, 31 Jan 2026 12:00:00 GMT"
DATE_SECONDS = 1769860800.0


class Answers(BaseHTTPRequestHandler):
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
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_old_python_is_a_problem() -> None:
    assert python_check((3, 11, 2)) == Check("python", Outcome.OK, "3.11.2")
    assert python_check((3, 10, 9)) == Check(
        "python", Outcome.PROBLEM, "3.10.9 is too old", "Install Python 3.11 or newer."
    )


def test_a_full_disk_is_a_problem() -> None:
    assert disk_check(Path(".arena"), 2**30) == Check("disk", Outcome.OK, "1.0 GiB free for .arena")
    assert disk_check(Path(".arena"), 2**29).outcome == Outcome.PROBLEM


@pytest.mark.parametrize(
    ("skew", "outcome", "detail"),
    [
        (30.0, Outcome.OK, "agrees with the gateway's"),
        (-30.0, Outcome.OK, "agrees with the gateway's"),
        (31.0, Outcome.PROBLEM, "31 s ahead of the gateway's"),
        (-3600.0, Outcome.PROBLEM, "3600 s behind the gateway's"),
    ],
)
def test_a_clock_that_is_off_is_a_problem(skew: float, outcome: Outcome, detail: str) -> None:
    check = clock_check(skew)
    assert (check.outcome, check.detail) == (outcome, detail)


def test_the_gateway_is_known_by_its_health_answer_and_its_clock_by_its_date(http_server: HTTPServer) -> None:
    address = GatewayAddress("http", "127.0.0.1", http_server.server_port)
    answer = ask_gateway(address, now=lambda: DATE_SECONDS + 5)
    assert (answer.status, answer.is_voice_arena, answer.clock_skew_seconds) == (200, True, 5.0)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status":"fine"}'])
def test_a_stranger_on_the_port_is_told_apart(
    http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: bytes
) -> None:
    monkeypatch.setattr(Answers, "body", body)
    url = f"http://127.0.0.1:{http_server.server_port}"
    _, check = run_checks(Session(url=url), tmp_path / "none")
    assert (check.name, check.outcome, check.detail) == (
        "gateway",
        Outcome.PROBLEM,
        f"what answers at {url} is not Voice Arena (HTTP 200)",
    )


async def test_a_port_that_speaks_no_http_is_told_apart(mesh: StandIn, tmp_path: Path) -> None:
    _, check = await asyncio.to_thread(lambda: list(run_checks(Session(), tmp_path / "none")))
    assert check.detail == f"what answers at {Session().address} does not speak HTTP"


def test_when_nothing_answers_the_rest_is_left_out(tmp_path: Path) -> None:
    checks = list(run_checks(Session(url="http://127.0.0.1:1"), tmp_path))
    assert [check.name for check in checks] == ["python", "disk", "gateway"]
    assert checks[-1] == Check(
        "gateway", Outcome.PROBLEM, "nothing answers at http://127.0.0.1:1: Connection refused", HINT_START
    )


async def test_it_ends_with_1_when_there_is_a_problem(nobody: Path) -> None:
    outcome = await run_arena("doctor", "--url", "http://127.0.0.1:1", "--data-dir", str(nobody))
    assert outcome.exit_code == 1
    assert outcome.out.splitlines()[-2:] == [
        "✗ gateway: nothing answers at http://127.0.0.1:1: Connection refused",
        f"    {HINT_START}",
    ]


async def test_a_provider_that_is_not_set_up_is_only_a_note(mesh: StandIn) -> None:
    with Session().client() as client:
        checks = await asyncio.to_thread(lambda: list(provider_checks(client)))
    assert checks == [
        Check("provider espeak", Outcome.OK, "available"),
        Check("provider cartesia", Outcome.NOTE, "not available: set CARTESIA_API_KEY"),
    ]


async def checks_of(session: Session) -> list[Check]:
    with session.client() as client:
        return await asyncio.to_thread(lambda: list(service_checks(session, client, Logs(None))))


async def test_of_a_sound_mesh_everything_is_looked_at(mesh: StandIn) -> None:
    assert [(check.name, check.outcome) for check in await checks_of(Session(key=KEY))] == [
        ("services", Outcome.OK),
        ("versions", Outcome.NOTE),
        ("key", Outcome.OK),
        ("provider espeak", Outcome.OK),
        ("provider cartesia", Outcome.NOTE),
        ("voices", Outcome.OK),
        ("catalogue", Outcome.OK),
    ]


async def test_what_a_service_that_does_not_answer_would_be_asked_is_left_out(mesh: StandIn) -> None:
    for service in mesh.status.services:
        if service.name in ("tts", "elo"):
            service.serving = False
            del service.processes[:]
            service.processes.add().faults.add(name="process", reason="it does not answer")
    assert [check.name for check in await checks_of(Session(key=KEY))] == ["tts", "elo", "versions", "key"]


async def test_without_a_key_that_is_taken_what_needs_one_is_left_out(mesh: StandIn) -> None:
    services = Check("services", Outcome.OK, "every service is serving")
    assert await checks_of(Session(key="kc_wrong")) == [
        services,
        Check("key", Outcome.PROBLEM, "The API key is not valid.", HINT_KEY),
    ]
    assert await checks_of(Session()) == [
        services,
        Check("key", Outcome.PROBLEM, f"none is stored for {Session().address}", HINT_KEY),
    ]


async def test_while_keys_cannot_be_looked_up_the_health_says_why(mesh: StandIn) -> None:
    mesh.down = {"auth": "database", "elo": "catalogue, database", "tts": "does not answer"}
    mesh.keys_unavailable = True
    assert await checks_of(Session(key=KEY)) == [
        Check(
            "database",
            Outcome.PROBLEM,
            "auth and elo can't use it",
            "Start PostgreSQL, or point DATABASE_URL to one that runs. The log of postgres says more.",
        ),
        Check("tts", Outcome.PROBLEM, "it does not answer", "Start it again. The log of tts says more."),
        Check(
            "rest",
            Outcome.PROBLEM,
            "could not be looked at: Keys can't be looked up.",
            "Mend that first, then ask again.",
        ),
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (172800.0, "2 days")]
)
def test_times_are_told_in_words(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_a_finding_is_a_line_and_its_advice_another() -> None:
    assert check_line(Check("disk", Outcome.OK, "1.0 GiB free")).plain == "✓ disk: 1.0 GiB free"
    assert check_line(Check("key", Outcome.PROBLEM, "none", "Get one.")).plain == "✗ key: none\n    Get one."
