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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.account_checks import key_checks, webhook_checks
from gateway.cli.address import GatewayAddress
from gateway.cli.checks import Check, Outcome, asked, failed
from gateway.cli.client import ArenaClient
from gateway.cli.errors import HINT_DOCTOR, HINT_START, CliError, ExitCode
from gateway.cli.mesh_checks import Logs, health_checks, silent_services, status_checks
from gateway.cli.session import Session

if TYPE_CHECKING:
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse

OLDEST_PYTHON = (3, 11)
HTTP_SECONDS = 5.0
# Signed links and identity tokens live for minutes; a clock this far off begins to break them.
MAX_CLOCK_SKEW_SECONDS = 30.0
# An experiment of 80 trials is some 50 MB of WAV; the database and the bus take about as much.
MIN_FREE_BYTES = 1024**3
GIB = 1024**3


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
    logs = Logs(data_dir / "logs" if address.is_this_machine and (data_dir / "logs").is_dir() else None)
    with session.client() as client:
        yield from service_checks(session, client, logs)


def service_checks(session: Session, client: ArenaClient, logs: Logs) -> Iterator[Check]:
    """What the services lack, and then what takes an API key. While keys can't be looked up that is left out."""
    # Without the key, which need not be looked up for this.
    with ArenaClient(session.address, None) as nobody:
        ill = _failure(nobody.health)
    status: GetStatusResponse | None = None
    untold: CliError | None = None
    if session.api_key() is not None:
        try:
            status = client.status()
        except CliError as error:
            untold = error
    if status is not None:
        yield from status_checks(status, _own_version(), logs)
    elif ill is not None:
        yield from health_checks(ill, logs)
    else:
        yield Check("services", Outcome.OK, "every service is serving")
    if untold is not None and untold.exit_code == ExitCode.UNAVAILABLE:
        yield Check(
            "rest", Outcome.PROBLEM, f"could not be looked at: {untold.message}", "Mend that first, then ask again."
        )
        return
    yield from key_checks(session, client)
    if status is None:
        return  # there is no key, or none that is taken
    silent = silent_services(status)
    if "tts" not in silent:
        yield from provider_checks(client)
        yield asked("voices", client.voices, lambda voices: _counted(len(voices), "voice", "No provider has a voice."))
    if "experiments" not in silent:
        yield from webhook_checks(client)
    if "elo" not in silent:
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


def provider_checks(client: ArenaClient) -> Iterator[Check]:
    """Each provider. One that is not set up is a note; none that is available is a problem."""
    try:
        providers = client.providers()
    except CliError as error:
        yield failed("providers", error)
        return
    for provider in providers:
        if provider.available:
            yield Check(f"provider {provider.id}", Outcome.OK, "available")
        else:
            yield Check(f"provider {provider.id}", Outcome.NOTE, f"not available: {provider.unavailable_reason}")
    if not any(provider.available for provider in providers):
        yield Check("providers", Outcome.PROBLEM, "none is available", "Set up one of those above.")


def _failure(ask: Callable[[], object]) -> CliError | None:
    try:
        ask()
    except CliError as error:
        return error
    return None


def _own_version() -> str:
    try:
        return version("voice-arena")
    except PackageNotFoundError:
        return ""


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
