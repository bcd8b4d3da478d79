"""What one read costs: an experiment as JSON through Envoy, beside a bare echo as JSON through the same Envoy.

The read is authorized, counted, guarded, traced, measured, and made in PostgreSQL, and every trace is exported; the
echo is none of this. Both are called by the same generator in turns, so that what else the machine does falls on both.
"""

import statistics
import tempfile
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from gateway.config import ExtraRoute
from gateway.settings import SERVICES, Endpoint
from tests.bench import echo_server, http_load, running_mesh, trace_sink
from tests.bench.result import BenchResult

ROUNDS = 12
SECONDS = 1.0
WARM_UP_SECONDS = 1.0
TARGET = 22.0
# As in docs/calling.md: two voices, one prompt.
EXPERIMENT = {
    "name": "Test experiment",
    "scenario": "general",
    "eval_mode": "automated",
    "models": [{"provider": "espeak", "voice_id": "en-us"}, {"provider": "espeak", "voice_id": "en-gb"}],
    "prompts": ["Hello, how can I help you today?"],
}
ECHO_PATH = "/bench/v1/echo/hello"


async def run() -> list[BenchResult]:
    """Calls both in turns and takes the median of the rounds' shares."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        port = running_mesh.free_port()
        route = ExtraRoute(echo_server.SERVICE, [Endpoint("127.0.0.1", port)], descriptors)
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
        detail=f"{statistics.median(reads):,.0f}/s beside {statistics.median(echoes):,.0f}/s, "
        f"{ROUNDS} rounds of {min(shares):.1f} to {max(shares):.1f}%",
    )


async def _experiment(client: httpx.AsyncClient) -> str:
    answer = await client.post("/experiments", json=EXPERIMENT)
    answer.raise_for_status()
    created = answer.json()
    await _check_same(client, f"/experiments/{created['id']}", created)
    return str(created["id"])


async def _check_same(client: httpx.AsyncClient, url: str, expected: object) -> None:
    answer = (await client.get(url)).raise_for_status().json()
    if answer != expected:
        raise RuntimeError(f"{url} answered {answer}, not {expected}")
