"""A service as a process: its health, its background work, its metrics, its logs and its end."""

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
    """The process, and what it tells."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, metrics: str, folder: Path) -> None:
        self.process = process
        self.address = address
        self.metrics = metrics
        self._folder = folder

    async def told(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def logged(self, message: str, **fields: object) -> dict[str, Any]:
        """Returns the next line of its log that has this message and these fields."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            entry: dict[str, Any] = json.loads(line)
            if entry.items() >= {"message": message, **fields}.items():
                return entry
        raise AssertionError(f"it never logged {message}")

    def answer(self, yes: bool) -> None:
        """Lets its resources answer, or not."""
        if yes:
            (self._folder / "answers").touch()
        else:
            (self._folder / "answers").unlink()


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


async def test_a_service_serves_while_its_resources_answer_and_ends_in_order(probe: Probe) -> None:
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
        probe.answer(True)
        assert (await watch.read()).status == SERVING
        probe.answer(False)
        assert (await watch.read()).status == NOT_SERVING
        probe.answer(True)
        assert (await watch.read()).status == SERVING
        probe.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()
    assert await probe.process.wait() == 0
    assert [await probe.told() for _ in range(10)] == [
        "open first",
        "open second",
        "work begins",
        "drain second for 1 s",
        "work ends",
        "close spare",
        "close third",
        "close second",
        "close first",
        "stopped",
    ]


async def test_background_work_that_breaks_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "breaks").touch()
    async with started(tmp_path) as probe:
        assert [await probe.told() for _ in range(4)] == ["open first", "open second", "work begins", "work begins"]
        assert "ZeroDivisionError" in str(await probe.logged("background work broke", work="work"))


async def test_a_service_lists_what_it_serves_and_counts_what_it_does(probe: Probe) -> None:
    await probe.logged("listening", address=probe.address)
    async with grpc.aio.insecure_channel(probe.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        request: Any = reflection_pb2.ServerReflectionRequest
        call = stub.ServerReflectionInfo(iter([request(list_services="")]))
        names = {service.name for service in (await call.read()).list_services_response.service}
        assert names == {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    page = await asyncio.to_thread(_fetch, f"http://{probe.metrics}/metrics")
    assert "# TYPE voicearena_rpc_seconds histogram" in page


async def test_a_process_tells_what_it_lacks_in_words_that_name_nothing_of_the_installation(probe: Probe) -> None:
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
        probe.answer(True)
        await probe.logged("health", status="SERVING")
        status = (await stub.GetProcessStatus(process_service_pb2.GetProcessStatusRequest())).status
        assert (status.serving, list(status.faults)) == (True, [])
        assert not status.HasField("outbox_age_seconds")


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=SOON) as answer:
        return str(answer.read().decode())


async def test_a_bad_setting_ends_a_process_before_anything_starts(tmp_path: Path) -> None:
    async with started(tmp_path, DRAIN_SECONDS="soon") as probe:
        output, complaint = await probe.process.communicate()
        assert (probe.process.returncode, output) == (2, b"")
        assert complaint.startswith(b"bad setting: DRAIN_SECONDS: ")
        assert complaint.count(b"\n") == 1
