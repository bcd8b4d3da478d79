"""What it costs to know who calls: a bare echo as JSON through Envoy, beside the same echo with a key.

With a key, Envoy makes it an identity token and counts the call, and the service verifies the token, in the interceptor
that every service has, with its trace context and metrics. Both echoes are called by the same generator in turns.
"""

import statistics
import tempfile
from pathlib import Path

from gateway.config import ExtraRoute
from gateway.settings import Endpoint
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.result import BenchResult

# Many and short, so that what else the machine does falls on both.
ROUNDS = 30
SECONDS = 0.5
WARM_UP_SECONDS = 1.0
# At most 15% more per call.
TARGET = 1 / 1.15
ECHO_PATH = "/bench/v1/echo/hello"
GUARDED_PATH = "/bench/v1/guarded-echo/hello"


async def run() -> list[BenchResult]:
    """Calls both in turns and takes the median of the rounds' ratios."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        bare_port, guarded_port = running_mesh.free_port(), running_mesh.free_port()
        routes = [
            ExtraRoute(echo_server.SERVICE, [Endpoint("127.0.0.1", bare_port)], descriptors),
            ExtraRoute(echo_server.GUARDED_SERVICE, [Endpoint("127.0.0.1", guarded_port)], descriptors, guarded=True),
        ]
        async with (
            echo_server.running(descriptors, bare_port),
            running_mesh.mesh(extra_routes=routes) as mesh,
            echo_server.running(descriptors, guarded_port, mesh.endpoints["auth"]),
        ):
            authorization = f"Authorization: Bearer {await mesh.first_api_key()}"
            return [await _compare(mesh.ports["api_port"], authorization)]


async def _compare(gateway: int, authorization: str) -> BenchResult:
    await http_load.measure(gateway, ECHO_PATH, WARM_UP_SECONDS)
    await http_load.measure(gateway, GUARDED_PATH, WARM_UP_SECONDS, authorization)
    bare, guarded = [], []
    for _ in range(ROUNDS):
        bare.append((await http_load.measure(gateway, ECHO_PATH, SECONDS)).rate)
        guarded.append((await http_load.measure(gateway, GUARDED_PATH, SECONDS, authorization)).rate)
    ratios = [with_key / without for with_key, without in zip(guarded, bare, strict=True)]
    return BenchResult(
        name="key check and identity",
        value=statistics.median(ratios),
        unit="of a bare echo's rate",
        target=TARGET,
        higher_is_better=True,
        detail=f"{statistics.median(guarded):,.0f}/s beside {statistics.median(bare):,.0f}/s, "
        f"{ROUNDS} rounds of {min(ratios):.2f} to {max(ratios):.2f}",
    )
