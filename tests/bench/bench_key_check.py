"""What it costs to know who calls: an echo with a key as JSON through Envoy, beside the same echo without.

With a key, Envoy learns whose it is and counts the call, and the service verifies the identity token and what it may.
Both echoes have a service's trace context and metrics; what these cost shows beside an echo that has nothing around it.
All are called by the same generator in turns.
"""

import statistics
import tempfile
from pathlib import Path

from gateway.config import ExtraRoute
from gateway.settings import Endpoint
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.result import BenchResult

# Many and short. What else the machine does only ever slows a round, so the quicker ones say what is asked: of each
# echo's rates the upper quartile is compared.
ROUNDS = 20
SECONDS = 0.7
WARM_UP_SECONDS = 1.0
# At most 15% more per call.
TARGET = 1 / 1.15
BARE, OBSERVED, GUARDED = (f"/bench/v1/{name}/hello" for name in ("echo", "observed-echo", "guarded-echo"))


async def run() -> list[BenchResult]:
    """Calls them in turns and compares what each reaches when nothing disturbs it."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        bare, guarded = (Endpoint("127.0.0.1", running_mesh.free_port()) for _ in range(2))
        routes = [
            ExtraRoute(echo_server.SERVICE, [bare], descriptors),
            ExtraRoute(echo_server.OBSERVED_SERVICE, [guarded], descriptors),
            ExtraRoute(echo_server.GUARDED_SERVICE, [guarded], descriptors, guarded=True),
        ]
        async with (
            echo_server.running(descriptors, bare.port),
            running_mesh.mesh(extra_routes=routes) as mesh,
            echo_server.running(descriptors, guarded.port, mesh.endpoints["auth"]),
        ):
            authorization = f"Authorization: Bearer {await mesh.first_api_key()}"
            return [await _compare(mesh.ports["api_port"], authorization)]


async def _compare(gateway: int, authorization: str) -> BenchResult:
    calls = {BARE: (), OBSERVED: (), GUARDED: (authorization,)}
    rates: dict[str, list[float]] = {path: [] for path in calls}
    for path, headers in calls.items():
        await http_load.measure(gateway, path, WARM_UP_SECONDS, *headers)
    for _ in range(ROUNDS):
        for path, headers in calls.items():
            rates[path].append((await http_load.measure(gateway, path, SECONDS, *headers)).rate)
    bare, observed, guarded = (statistics.quantiles(rates[path], n=4)[2] for path in calls)
    return BenchResult(
        name="key check and identity",
        value=guarded / observed,
        unit="of the rate without",
        target=TARGET,
        higher_is_better=True,
        detail=f"{guarded:,.0f}/s beside {observed:,.0f}/s, {ROUNDS} rounds; a bare echo has {bare:,.0f}/s, so trace "
        f"context and metrics leave {observed / bare:.2f} of its rate",
    )
