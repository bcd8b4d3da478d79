"""Compares the rate of an experiment read as JSON through Envoy with that of a bare echo through the same Envoy.

The read includes authorization, rate limits, tracing, metrics and a query in PostgreSQL, and every trace is exported.
The echo has none of this. The same load generator calls both in turns, so other load on the machine affects both.
"""

import statistics
import tempfile
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from gateway.config import ExtraRoute
from gateway.settings import SERVICES, ServerAddress
from tests.bench import echo_server, http_load, running_mesh, trace_sink
from tests.bench.result import BenchResult

ROUNDS = 12
SECONDS = 1.0
WARM_UP_SECONDS = 1.0
TARGET = 22.0
# Two voices and one prompt.
EXPERIMENT = {
    "name": "Test experiment",
    "scenario": "general",
    "eval_mode": "automated",
    "profile": "latency",
    "models": [{"provider": "espeak", "voice_id": "en-us"}, {"provider": "espeak", "voice_id": "en-gb"}],
    "prompts": ["Hello, how can I help you today?"],
}
ECHO_PATH = "/bench/v1/echo/hello"


async def run() -> list[BenchResult]:
    """Calls both in turns and returns the median ratio over the rounds."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        port = running_mesh.free_port()
        route = ExtraRoute(echo_server.SERVICE, [ServerAddress("127.0.0.1", port)], descriptors)
        async with echo_server.running(descriptors, port), trace_sink.running() as collector:
            env = {name: {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} for name in SERVICES}
            async with running_mesh.mesh(service_env=env, extra_routes=[route]) as mesh:
                return [await _compare(mesh)]


async def _compare(mesh: Mesh) -> BenchResult:
    async with await running_mesh.client(mesh) as client:
        read_path = f"/api/v1/experiments/{await _experiment(client)}"
        await _check_same(client, mesh.api_url + ECHO_PATH, {"text": "hello"})
        authorization = f"Authorization: {client.headers['authorization']}"
    gateway = mesh.ports["api_port"]
    for path in (ECHO_PATH, read_path):
        await http_load.measure(gateway, path, WARM_UP_SECONDS, authorization)
    echoes, reads = [], []
    for _ in range(ROUNDS):
        echoes.append((await http_load.measure(gateway, ECHO_PATH, SECONDS)).rate)
        reads.append((await http_load.measure(gateway, read_path, SECONDS, authorization)).rate)
    shares = [100 * read / echo for read, echo in zip(reads, echoes, strict=True)]
    return BenchResult(
        name="gateway read",
        value=statistics.median(shares),
        unit="% of echo",
        target=TARGET,
        higher_is_better=True,
        detail=f"{statistics.median(reads):,.0f}/s, echo {statistics.median(echoes):,.0f}/s, "
        f"{ROUNDS} rounds of {min(shares):.1f} to {max(shares):.1f}%",
    )


async def _experiment(client: httpx.AsyncClient) -> str:
    response = await client.post("/experiments", json=EXPERIMENT)
    response.raise_for_status()
    created = response.json()
    await _check_same(client, f"/experiments/{created['id']}", created)
    return str(created["id"])


async def _check_same(client: httpx.AsyncClient, url: str, expected: object) -> None:
    found = (await client.get(url)).raise_for_status().json()
    if found != expected:
        raise RuntimeError(f"{url} returned {found}, expected {expected}")
