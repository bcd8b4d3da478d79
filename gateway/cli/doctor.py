"""Checks an installation. Each check finds that something is right, or what is wrong and how to fix it."""

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
from gateway.cli.checks import Check, CheckOutcome, call_check, failure_check
from gateway.cli.client import ArenaClient
from gateway.cli.errors import HINT_DOCTOR, HINT_START, CliError, ExitCode
from gateway.cli.mesh_checks import Logs, health_checks, silent_services, status_checks
from gateway.cli.session import CliSession

if TYPE_CHECKING:
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse

MIN_PYTHON = (3, 11)
HTTP_TIMEOUT_SECONDS = 5.0
# Signed links and identity tokens live for minutes. A clock that is wrong by more than this breaks them.
MAX_CLOCK_SKEW_SECONDS = 30.0
# An experiment of 80 trials needs about 50 MB for WAV files, and about as much for the database and NATS.
MIN_FREE_BYTES = 1024**3
GIB = 1024**3


def run_checks(session: CliSession, data_dir: Path) -> Iterator[Check]:
    """Yields each finding as soon as it is known. Skips the checks that need the gateway if it can't be reached."""
    yield python_check(sys.version_info[:3])
    address = session.address
    if address.is_this_machine and data_dir.is_dir():
        yield disk_check(data_dir, shutil.disk_usage(data_dir).free)
    try:
        health = get_health(address)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        yield Check("gateway", CheckOutcome.PROBLEM, f"nothing answers at {address}: {reason}", HINT_START)
        return
    except http.client.HTTPException:
        detail = f"the server at {address} does not speak HTTP"
        yield Check("gateway", CheckOutcome.PROBLEM, detail, "Check --url, and which program uses that port.")
        return
    if not health.is_voice_arena:
        detail = f"the server at {address} is not Voice Arena (HTTP {health.status})"
        yield Check("gateway", CheckOutcome.PROBLEM, detail, "Check --url, and which program uses that port.")
        return
    yield Check("gateway", CheckOutcome.OK, f"{address} answers")
    if health.clock_skew_seconds is not None:
        yield clock_check(health.clock_skew_seconds)
    logs = Logs(data_dir / "logs" if address.is_this_machine and (data_dir / "logs").is_dir() else None)
    with session.client() as client:
        yield from service_checks(session, client, logs)


def service_checks(session: CliSession, client: ArenaClient, logs: Logs) -> Iterator[Check]:
    """Yields the faults of the services, then the checks that need an API key. Skips the latter while API keys can't be
    verified."""
    # Without an API key, so that the call works while keys can't be verified.
    with ArenaClient(session.address, None) as anonymous:
        health_error = _error_of(anonymous.health)
    status: GetStatusResponse | None = None
    status_error: CliError | None = None
    if session.api_key() is not None:
        try:
            status = client.status()
        except CliError as error:
            status_error = error
    if status is not None:
        yield from status_checks(status, _own_version(), logs)
    elif health_error is not None:
        yield from health_checks(health_error, logs)
    else:
        yield Check("services", CheckOutcome.OK, "every service is serving")
    if status_error is not None and status_error.exit_code == ExitCode.UNAVAILABLE:
        yield Check(
            "rest",
            CheckOutcome.PROBLEM,
            f"could not be checked: {status_error.message}",
            "Fix the problems above, then run `arena doctor` again.",
        )
        return
    yield from key_checks(session, client)
    if status is None:
        return  # There is no API key, or it is not valid.
    silent = silent_services(status)
    if "tts" not in silent:
        yield from provider_checks(client)
        advice = "Run `arena voices` to see why each provider is not available."
        yield call_check("voices", client.voices, lambda voices: _counted(len(voices), "voice", advice))
    if "experiments" not in silent:
        yield from webhook_checks(client)
    if "elo" not in silent:
        yield call_check(
            "catalogue", client.voice_models, lambda models: _counted(len(models), "voice model", HINT_DOCTOR)
        )


@dataclass(frozen=True)
class GatewayHealth:
    """The response of the gateway's health route over plain HTTP."""

    status: int
    is_voice_arena: bool
    clock_skew_seconds: float | None


def get_health(address: GatewayAddress, now: Callable[[], float] = time.time) -> GatewayHealth:
    """Gets `/api/v1/health`. Raises OSError or HTTPException if there is no HTTP response within
    HTTP_TIMEOUT_SECONDS."""
    connection: http.client.HTTPConnection
    if address.secure:
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(
            address.host, address.port, timeout=HTTP_TIMEOUT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=HTTP_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/api/v1/health")
        response = connection.getresponse()
        body = response.read(65536)
        date = response.getheader("date")
    finally:
        connection.close()
    return GatewayHealth(response.status, _is_health(body), _skew(date, now()))


def python_check(version: tuple[int, ...]) -> Check:
    """Checks that this Python is new enough."""
    text = ".".join(map(str, version))
    if version >= MIN_PYTHON:
        return Check("python", CheckOutcome.OK, text)
    minimum = ".".join(map(str, MIN_PYTHON))
    return Check("python", CheckOutcome.PROBLEM, f"{text} is too old", f"Install Python {minimum} or newer.")


def disk_check(data_dir: Path, free_bytes: int) -> Check:
    """Checks that there is enough free space for audio and data."""
    detail = f"{free_bytes / GIB:.1f} GiB free for {data_dir}"
    if free_bytes >= MIN_FREE_BYTES:
        return Check("disk", CheckOutcome.OK, detail)
    return Check(
        "disk", CheckOutcome.PROBLEM, detail, "Free some space, or start the mesh with --data-dir on another disk."
    )


def clock_check(skew_seconds: float) -> Check:
    """Checks that the clocks of this machine and the gateway agree."""
    if abs(skew_seconds) <= MAX_CLOCK_SKEW_SECONDS:
        return Check("clock", CheckOutcome.OK, "agrees with the gateway's clock")
    way = "ahead of" if skew_seconds > 0 else "behind"
    detail = f"{abs(skew_seconds):.0f} s {way} the gateway's clock"
    return Check(
        "clock", CheckOutcome.PROBLEM, detail, "Set both clocks by NTP, because signed links expire by the clock."
    )


def provider_checks(client: ArenaClient) -> Iterator[Check]:
    """Checks each provider. A provider that is not available is a note. No available provider at all is a problem."""
    try:
        providers = client.providers()
    except CliError as error:
        yield failure_check("providers", error)
        return
    for provider in providers:
        if provider.available:
            yield Check(f"provider {provider.id}", CheckOutcome.OK, "available")
        else:
            yield Check(f"provider {provider.id}", CheckOutcome.NOTE, f"not available: {provider.unavailable_reason}")
    if not any(provider.available for provider in providers):
        yield Check("providers", CheckOutcome.PROBLEM, "none is available", "Set up one of the providers above.")


def _error_of(call: Callable[[], object]) -> CliError | None:
    try:
        call()
    except CliError as error:
        return error
    return None


def _own_version() -> str:
    try:
        return version("voice-arena")
    except PackageNotFoundError:
        return ""


def _counted(count: int, noun: str, advice: str) -> tuple[CheckOutcome, str, str]:
    if count == 0:
        return CheckOutcome.PROBLEM, f"there is no {noun}", advice
    return CheckOutcome.OK, f"{count} {noun}{'' if count == 1 else 's'}", ""


def _is_health(body: bytes) -> bool:
    """Returns whether a body is Voice Arena's health: `{"status": "ok"}`, or the API's JSON error, which has a code."""
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and (document.get("status") == "ok" or "code" in document)


def _skew(date: str | None, now: float) -> float | None:
    """Returns this machine's time minus that of a Date header, in seconds. None if the header is unreadable."""
    try:
        return now - parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
