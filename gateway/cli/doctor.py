"""What is wrong with an installation, and what to do about it: one check after another, each with its own answer."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from rich.text import Text

from gateway.cli.address import GatewayAddress
from gateway.cli.client import ArenaClient
from gateway.cli.errors import HINT_DOCTOR, HINT_KEY, HINT_START, CliError
from gateway.cli.rendering import plain
from gateway.cli.session import Session

OLDEST_PYTHON = (3, 11)
HTTP_SECONDS = 5.0
# Signed links and identity tokens live for minutes; a clock this far off begins to break them.
MAX_CLOCK_SKEW_SECONDS = 30.0
# An experiment of 80 trials is some 50 MB of WAV; the database and the bus take about as much.
MIN_FREE_BYTES = 1024**3
GIB = 1024**3

Answer = TypeVar("Answer")


class Outcome(StrEnum):
    """What a check found. A note is worth knowing and no problem."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One finding, with what to do about it."""

    name: str
    outcome: Outcome
    detail: str
    advice: str = ""


def run_checks(session: Session, data_dir: Path) -> Iterator[Check]:
    """Yields each finding as soon as it is there. When the gateway can't be reached, what needs it is left out."""
    yield python_check(sys.version_info[:3])
    address = session.address
    if address.is_this_machine and data_dir.is_dir():
        yield disk_check(data_dir, shutil.disk_usage(data_dir).free)
    try:
        answer = ask_gateway(address)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        yield Check("gateway", Outcome.PROBLEM, f"nothing answers at {address}: {reason}", HINT_START)
        return
    except http.client.HTTPException:
        detail = f"what answers at {address} does not speak HTTP"
        yield Check("gateway", Outcome.PROBLEM, detail, "Check --url, and what else uses that port.")
        return
    if not answer.is_voice_arena:
        detail = f"what answers at {address} is not Voice Arena (HTTP {answer.status})"
        yield Check("gateway", Outcome.PROBLEM, detail, "Check --url, and what else uses that port.")
        return
    yield Check("gateway", Outcome.OK, f"{address} answers")
    if answer.clock_skew_seconds is not None:
        yield clock_check(answer.clock_skew_seconds)
    with session.client() as client:
        yield asked("services", client.health, lambda _: (Outcome.OK, "every service is serving", ""))
        yield key_check(session, client)
        yield from provider_checks(client)
        yield asked("voices", client.voices, lambda voices: _counted(len(voices), "voice", "No provider has a voice."))
        yield asked("catalogue", client.voice_models, lambda models: _counted(len(models), "voice model", HINT_DOCTOR))


@dataclass(frozen=True)
class GatewayAnswer:
    """How the gateway's health route answered over plain HTTP."""

    status: int
    is_voice_arena: bool
    clock_skew_seconds: float | None


def ask_gateway(address: GatewayAddress, now: Callable[[], float] = time.time) -> GatewayAnswer:
    """Gets `/api/v1/health`. Raises OSError or HTTPException if there is no HTTP answer within HTTP_SECONDS."""
    connection: http.client.HTTPConnection
    if address.secure:
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(address.host, address.port, timeout=HTTP_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", "/api/v1/health")
        response = connection.getresponse()
        body = response.read(65536)
        date = response.getheader("date")
    finally:
        connection.close()
    return GatewayAnswer(response.status, _is_health(body), _skew(date, now()))


def python_check(version: tuple[int, ...]) -> Check:
    """Whether this Python is new enough."""
    text = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Check("python", Outcome.OK, text)
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Check("python", Outcome.PROBLEM, f"{text} is too old", f"Install Python {wanted} or newer.")


def disk_check(data_dir: Path, free_bytes: int) -> Check:
    """Whether there is room for audio and data."""
    detail = f"{free_bytes / GIB:.1f} GiB free for {data_dir}"
    if free_bytes >= MIN_FREE_BYTES:
        return Check("disk", Outcome.OK, detail)
    return Check("disk", Outcome.PROBLEM, detail, "Make room, or start the mesh with --data-dir on another disk.")


def clock_check(skew_seconds: float) -> Check:
    """Whether this machine and the gateway agree about the time."""
    if abs(skew_seconds) <= MAX_CLOCK_SKEW_SECONDS:
        return Check("clock", Outcome.OK, "agrees with the gateway's")
    way = "ahead of" if skew_seconds > 0 else "behind"
    detail = f"{abs(skew_seconds):.0f} s {way} the gateway's"
    return Check("clock", Outcome.PROBLEM, detail, "Set both by NTP: signed links expire by the clock.")


def key_check(session: Session, client: ArenaClient) -> Check:
    """Whether there is a key and the gateway takes it."""
    if session.api_key() is None:
        return Check("key", Outcome.PROBLEM, f"none is stored for {session.address}", HINT_KEY)
    return asked("key", client.current_developer, lambda developer: (Outcome.OK, f"belongs to {developer.email}", ""))


def provider_checks(client: ArenaClient) -> Iterator[Check]:
    """Each provider. One that is not set up is a note; none that is available is a problem."""
    try:
        providers = client.providers()
    except CliError as error:
        yield Check("providers", Outcome.PROBLEM, error.message, error.hint)
        return
    for provider in providers:
        if provider.available:
            yield Check(f"provider {provider.id}", Outcome.OK, "available")
        else:
            yield Check(f"provider {provider.id}", Outcome.NOTE, f"not available: {provider.unavailable_reason}")
    if not any(provider.available for provider in providers):
        yield Check("providers", Outcome.PROBLEM, "none is available", "Set up one of those above.")


def asked(name: str, ask: Callable[[], Answer], judge: Callable[[Answer], tuple[Outcome, str, str]]) -> Check:
    """A check that is a call to the API: its failure is the problem, its answer is judged."""
    try:
        outcome, detail, advice = judge(ask())
    except CliError as error:
        return Check(name, Outcome.PROBLEM, error.message, "" if error.hint == HINT_DOCTOR else error.hint)
    return Check(name, outcome, detail, advice)


def check_line(check: Check) -> Text:
    """A finding as one line, or two when there is advice."""
    mark, style = {Outcome.OK: ("✓", "green"), Outcome.NOTE: ("·", "dim"), Outcome.PROBLEM: ("✗", "red")}[check.outcome]
    line = Text.assemble((mark, style), f" {check.name}: ", plain(check.detail))
    return line.append(f"\n    {check.advice}") if check.advice else line


def _counted(count: int, noun: str, advice: str) -> tuple[Outcome, str, str]:
    if count == 0:
        return Outcome.PROBLEM, f"there is no {noun}", advice
    return Outcome.OK, f"{count} {noun}{'' if count == 1 else 's'}", ""


def _is_health(body: bytes) -> bool:
    """Healthy is `{"status": "ok"}`; unhealthy, or no way to auth, is the API's JSON error, which has a code."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and (answer.get("status") == "ok" or "code" in answer)


def _skew(date: str | None, now: float) -> float | None:
    """This machine's time minus that of a Date header, None if there is none that can be read."""
    try:
        return now - parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
