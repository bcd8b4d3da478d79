"""A service as a process: its health, background work, operational metrics, logs and end."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from voicearena.mesh.v1 import process_service_pb2, process_service_pb2_grpc

from tests.contract.runtime.conftest import SOON
from tests.contract.stores.servers import free_port

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Probe:
    """The process and its output."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, metrics: str, folder: Path) -> None:
        self.process = process
        self.address = address
        self.metrics = metrics
        self._folder = folder

    async def report(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def logged(self, message: str, **fields: object) -> dict[str, Any]:
        """Returns its next log line with this message and these fields."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            entry: dict[str, Any] = json.loads(line)
            if entry.items() >= {"message": message, **fields}.items():
                return entry
        raise AssertionError(f"it never logged {message}")

    def respond(self, yes: bool) -> None:
        """Makes its resources respond or fail."""
        if yes:
            (self._folder / "responds").touch()
        else:
            (self._folder / "responds").unlink()


@asynccontextmanager
async def started(folder: Path, **environment: str) -> AsyncIterator[Probe]:
    address, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.runtime.probe_service",
        str(folder),
        env={
            **os.environ,
            "GRPC_ADDRESS": address,
            "METRICS_ADDRESS": metrics,
            "AUDIO_URL_SECRET": "0123456789abcdef",
            "DRAIN_SECONDS": "1",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SOON):
            yield Probe(process, address, metrics, folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def probe(tmp_path: Path) -> AsyncIterator[Probe]:
    async with started(tmp_path) as probe:
        yield probe


async def test_a_service_serves_while_its_resources_respond_and_stops_in_order(probe: Probe) -> None:
    async with grpc.aio.insecure_channel(probe.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        assert (await watch.read()).status == NOT_SERVING
        unhealthy = await probe.logged("health", status="NOT_SERVING")
        assert [unhealthy.get(name) for name in ("first", "second", "third", "spare")] == [
            "first does not answer",
            "second does not answer",
            "third does not answer",
            None,
        ]
        assert (unhealthy["level"], unhealthy["service"]) == ("warning", "probe")
        probe.respond(True)
        assert (await watch.read()).status == SERVING
        probe.respond(False)
        assert (await watch.read()).status == NOT_SERVING
        probe.respond(True)
        assert (await watch.read()).status == SERVING
        probe.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()
    assert await probe.process.wait() == 0
    assert [await probe.report() for _ in range(10)] == [
        "open first",
        "open second",
        "work starts",
        "drain second for 1 s",
        "work ends",
        "close spare",
        "close third",
        "close second",
        "close first",
        "stopped",
    ]


async def test_failed_background_work_is_restarted(tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    async with started(tmp_path) as probe:
        assert [await probe.report() for _ in range(4)] == ["open first", "open second", "work starts", "work starts"]
        assert "ZeroDivisionError" in str(await probe.logged("background work failed", work="work"))


async def test_a_service_has_reflection_and_operational_metrics(probe: Probe) -> None:
    await probe.logged("listening", address=probe.address)
    async with grpc.aio.insecure_channel(probe.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        request: Any = reflection_pb2.ServerReflectionRequest
        call = stub.ServerReflectionInfo(iter([request(list_services="")]))
        names = {service.name for service in (await call.read()).list_services_response.service}
        assert names == {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    page = await asyncio.to_thread(_fetch, f"http://{probe.metrics}/metrics")
    assert "# TYPE voicearena_rpc_seconds histogram" in page


async def test_the_status_names_the_faults_without_details_of_the_installation(probe: Probe) -> None:
    await probe.logged("health", status="NOT_SERVING")
    async with grpc.aio.insecure_channel(probe.address) as channel:
        stub = process_service_pb2_grpc.ProcessServiceStub(channel)
        status = (await stub.GetProcessStatus(process_service_pb2.GetProcessStatusRequest())).status
        assert [(fault.name, fault.reason) for fault in status.faults] == [
            ("first", "connection refused"),
            ("second", "connection refused"),
            ("third", "connection refused"),
        ]
        assert (status.serving, status.version) == (False, version("voice-arena"))
        probe.respond(True)
        await probe.logged("health", status="SERVING")
        status = (await stub.GetProcessStatus(process_service_pb2.GetProcessStatusRequest())).status
        assert (status.serving, list(status.faults)) == (True, [])
        assert not status.HasField("outbox_age_seconds")


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=SOON) as response:
        return str(response.read().decode())


async def test_a_bad_setting_ends_a_process_before_anything_starts(tmp_path: Path) -> None:
    async with started(tmp_path, DRAIN_SECONDS="soon") as probe:
        output, error = await probe.process.communicate()
        assert (probe.process.returncode, output) == (2, b"")
        assert error.startswith(b"bad setting: DRAIN_SECONDS: ")
        assert error.count(b"\n") == 1
