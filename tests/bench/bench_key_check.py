"""What it costs to know who calls: an echo with a key as JSON through Envoy, beside the same echo without.

With a key, Envoy learns whose it is, and the service verifies the identity token and what it may.
Both echoes have a service's trace context and metrics; what these cost shows beside an echo that has nothing around it.
All are called by the same generator in turns.
"""

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.config import ExtraRoute
from gateway.settings import Endpoint
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.result import BenchResult

# Many and short. What else the machine does only ever slows a round, so the quicker ones say what is asked: of each
# echo's rates the upper quartile is compared.
ROUNDS = 14
SECONDS = 0.7
WARM_UP_SECONDS = 1.0
# At most 15% more per call.
TARGET = 1 / 1.15
BARE, OBSERVED, GUARDED = (f"/bench/v1/{name}/hello" for name in ("echo", "observed-echo", "guarded-echo"))


@dataclass(frozen=True)
class Rates:
    """Calls per second that each echo reaches when nothing disturbs it."""

    bare: float
    observed: float
    guarded: float


async def run() -> list[BenchResult]:
    """Calls them in turns, first without and then with a limit of calls, as the mesh has it."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        rates = await _rates(descriptors, counted=False)
        counted = await _rates(descriptors, counted=True)
    return [
        BenchResult(
            name="key check and identity",
            value=rates.guarded / rates.observed,
            unit="of the rate without",
            target=TARGET,
            higher_is_better=True,
            detail=f"{rates.guarded:,.0f}/s beside {rates.observed:,.0f}/s, {ROUNDS} rounds; a bare echo has "
            f"{rates.bare:,.0f}/s, so trace context and metrics leave {rates.observed / rates.bare:.2f} of its rate; "
            f"with a limit of calls for each key, too, {counted.guarded / counted.observed:.2f}",
        )
    ]


async def _rates(descriptors: Path, *, counted: bool) -> Rates:
    bare, guarded = (Endpoint("127.0.0.1", running_mesh.free_port()) for _ in range(2))
    routes = [
        ExtraRoute(echo_server.SERVICE, [bare], descriptors),
        ExtraRoute(echo_server.OBSERVED_SERVICE, [guarded], descriptors),
        ExtraRoute(echo_server.GUARDED_SERVICE, [guarded], descriptors, guarded=True),
    ]
    async with (
        echo_server.running(descriptors, bare.port),
        running_mesh.mesh(extra_routes=routes, counted=counted) as mesh,
        echo_server.running(descriptors, guarded.port, mesh.endpoints["auth"]),
    ):
        return await _measured(mesh.ports["api_port"], f"Authorization: Bearer {await mesh.first_api_key()}")


async def _measured(gateway: int, authorization: str) -> Rates:
    calls = {BARE: (), OBSERVED: (), GUARDED: (authorization,)}
    rates: dict[str, list[float]] = {path: [] for path in calls}
    for path, headers in calls.items():
        await http_load.measure(gateway, path, WARM_UP_SECONDS, *headers)
    for _ in range(ROUNDS):
        for path, headers in calls.items():
            rates[path].append((await http_load.measure(gateway, path, SECONDS, *headers)).rate)
    return Rates(*(statistics.quantiles(rates[path], n=4)[2] for path in calls))
