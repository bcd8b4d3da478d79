"""Measures the cost of identifying a caller: an echo with an API key through Envoy, compared with an echo without one.

With a key, Envoy looks up its owner, and the service verifies the identity token and its scopes. Both echoes have the
trace context and metrics of a service. A third, bare echo shows the cost of these. The same load generator calls all
three in turns.

The benchmark compares the processor time of a call in Envoy, the service and auth together. Under this load all cores
are busy, so the rate is its inverse. Other load on the machine changes rates by more than the measured difference, but
hardly changes processor time.
"""

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from gateway.config import ExtraRoute
from gateway.settings import ServerAddress
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.result import BenchResult

# The order alternates between rounds, so slow drift affects all echoes equally.
ROUNDS = 8
SECONDS = 1.4
WARM_UP_SECONDS = 1.0
# At most 15% more processor time per call.
TARGET = 1 / 1.15
BARE, OBSERVED, GUARDED = (f"/bench/v1/{name}/hello" for name in ("echo", "observed-echo", "guarded-echo"))


@dataclass(frozen=True)
class Cost:
    """The processor time in seconds of a call to each echo, and the rates per second, over all rounds."""

    bare: float
    observed: float
    guarded: float
    rates: Mapping[str, float]


async def run() -> list[BenchResult]:
    """Measures without and then with a rate limit, as the mesh has it."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        cost = await _cost(descriptors, rate_limited=False)
        rate_limited = await _cost(descriptors, rate_limited=True)
    return [
        BenchResult(
            name="key check and identity",
            value=cost.observed / cost.guarded,
            unit="of the rate without a key",
            target=TARGET,
            higher_is_better=True,
            detail=f"{1e6 * cost.guarded:.0f} us of CPU time per call, {1e6 * cost.observed:.0f} us without a key, "
            f"{ROUNDS} rounds ({cost.rates[GUARDED]:,.0f}/s and {cost.rates[OBSERVED]:,.0f}/s); a bare echo takes "
            f"{1e6 * cost.bare:.0f} us; with a rate limit for each key "
            f"{rate_limited.observed / rate_limited.guarded:.2f} of the rate",
        )
    ]


async def _cost(descriptors: Path, *, rate_limited: bool) -> Cost:
    bare, guarded = (ServerAddress("127.0.0.1", running_mesh.free_port()) for _ in range(2))
    routes = [
        ExtraRoute(echo_server.SERVICE, [bare], descriptors),
        ExtraRoute(echo_server.OBSERVED_SERVICE, [guarded], descriptors),
        ExtraRoute(echo_server.GUARDED_SERVICE, [guarded], descriptors, guarded=True),
    ]
    async with (
        echo_server.running(descriptors, bare.port),
        running_mesh.mesh(extra_routes=routes, rate_limited=rate_limited) as mesh,
        echo_server.running(descriptors, guarded.port, mesh.endpoints["auth"]),
    ):
        return await _measure(mesh.ports["api_port"], f"Authorization: Bearer {await mesh.first_api_key()}")


async def _measure(gateway: int, authorization: str) -> Cost:
    headers = {BARE: (), OBSERVED: (), GUARDED: (authorization,)}
    calls, seconds = dict.fromkeys(headers, 0.0), dict.fromkeys(headers, 0.0)
    for path in headers:
        await http_load.measure(gateway, path, WARM_UP_SECONDS, *headers[path])
    for number in range(ROUNDS):
        for path in sorted(headers, reverse=bool(number % 2)):
            before = _processor_seconds()
            calls[path] += (await http_load.measure(gateway, path, SECONDS, *headers[path])).rate * SECONDS
            seconds[path] += _processor_seconds() - before
    costs = (seconds[path] / calls[path] for path in (BARE, OBSERVED, GUARDED))
    return Cost(*costs, rates={path: calls[path] / (ROUNDS * SECONDS) for path in headers})


def _processor_seconds() -> float:
    """Returns the processor time of all processes that this one started."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total
