"""What it costs to know who calls: an echo with a key as JSON through Envoy, beside the same echo without.

With a key, Envoy learns whose it is, and the service verifies the identity token and what it may.
Both echoes have a service's trace context and metrics; what these cost shows beside an echo that has nothing around it.
All are called by the same generator in turns.

Compared is the processor time that a call takes, in Envoy, the service and auth together: where all cores are busy, as
under this load, the rate is its inverse. Neighbours on the machine hardly change it, while they change rates by more
than what is looked for.
"""

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from gateway.config import ExtraRoute
from gateway.settings import Endpoint
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.result import BenchResult

# In turns there and back, so that what drifts meanwhile meets all alike; each one's rate is over all of its rounds.
ROUNDS = 8
SECONDS = 1.4
WARM_UP_SECONDS = 1.0
# At most 15% more per call.
TARGET = 1 / 1.15
BARE, OBSERVED, GUARDED = (f"/bench/v1/{name}/hello" for name in ("echo", "observed-echo", "guarded-echo"))


@dataclass(frozen=True)
class Cost:
    """What a call of each echo takes, over all rounds: processor time in seconds, and the rate that was reached."""

    bare: float
    observed: float
    guarded: float
    rates: Mapping[str, float]


async def run() -> list[BenchResult]:
    """Calls them in turns, first without and then with a limit of calls, as the mesh has it."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        cost = await _cost(descriptors, counted=False)
        counted = await _cost(descriptors, counted=True)
    return [
        BenchResult(
            name="key check and identity",
            value=cost.observed / cost.guarded,
            unit="of the rate without",
            target=TARGET,
            higher_is_better=True,
            detail=f"{1e6 * cost.guarded:.0f} beside {1e6 * cost.observed:.0f} us of processor time a call, "
            f"{ROUNDS} rounds ({cost.rates[GUARDED]:,.0f}/s beside {cost.rates[OBSERVED]:,.0f}/s); a bare echo takes "
            f"{1e6 * cost.bare:.0f} us; with a limit of calls for each key, too, "
            f"{counted.observed / counted.guarded:.2f}",
        )
    ]


async def _cost(descriptors: Path, *, counted: bool) -> Cost:
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


async def _measured(gateway: int, authorization: str) -> Cost:
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
    """Returns the processor time of all that serves: of every process that this one has started."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total
