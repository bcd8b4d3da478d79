"""What the access log of the gateway contains, and what it never contains."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import grpc_web
from tests.unit.gateway.conftest import UNLIMITED, EveryService, gateway, serving

SECRET = "kc_5ec2e75ec2e75ec2e75ec2e7"
TIMEOUT_SECONDS = 10.0
LISTENING = "/voicearena.experiments.v1.ListeningService"
RESULTS = "/voicearena.experiments.v1.ExperimentService/GetResults"
# The method and path of a call, and what the log has: the path and the RPC.
CALLS: list[tuple[str, str, str | None, str | None]] = [
    ("GET", f"/api/v1/experiments/exp_1/results?recompute=true&x={SECRET}", None, None),
    ("GET", "/api/v1/experiments/exp_1/results?recompute=true", "/api/v1/experiments/exp_1/results", RESULTS),
    ("GET", f"/api/v1/audio/a.wav?signature={SECRET}", "/api/v1/audio/a.wav", None),
    (
        "POST",
        f"/api/v1/listening/{SECRET}/votes",
        None,
        f"{LISTENING}/CastListeningVote",
    ),
    ("GET", f"/api/v1/listening-clips/{SECRET}", None, None),
    ("PUT", f"/api/v1/listening/{SECRET}/votes", None, None),
    ("GET", f"/api/v1/%6cistening/{SECRET}/votes", None, None),
    ("GET", f"/{SECRET}/x", None, None),
]


def calls_in(log: Path) -> list[dict[str, Any]]:
    """Returns the lines about calls."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


async def wait_for_calls(log: Path, number: int) -> list[dict[str, Any]]:
    """Waits until the log has `number` calls, and returns them."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            found = calls_in(log)
            if len(found) >= number:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def access_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """The text and the lines of the log after calls with a secret in many places."""
    directory = tmp_path_factory.mktemp("gateway")
    headers = {"authorization": f"Bearer {SECRET}", "x-voicearena-identity": SECRET, "cookie": SECRET}
    async with (
        serving(EveryService()) as port,
        gateway(port, directory=directory, access_log=True, **UNLIMITED) as url,
        httpx.AsyncClient(base_url=url, headers=headers) as client,
    ):
        for verb, path, *_ in CALLS:
            await client.request(verb, path)
        await grpc_web.call(client, RESULTS, b"")
        log = directory / "logs" / "envoy.log"
        # The first line is the call with which the test waited for the gateway.
        lines = await wait_for_calls(log, len(CALLS) + 2)
        return log.read_text(), lines[1:]


async def test_each_call_is_logged_with_its_path_unless_the_path_has_a_token(
    access_log: tuple[str, list[dict[str, Any]]],
) -> None:
    lines = [(line["method"], line.get("path"), line.get("rpc")) for line in access_log[1]]
    assert lines == [*((verb, path, rpc) for verb, _, path, rpc in CALLS), ("POST", RESULTS, RESULTS)]


async def test_no_secret_is_logged(access_log: tuple[str, list[dict[str, Any]]]) -> None:
    assert SECRET not in access_log[0]
