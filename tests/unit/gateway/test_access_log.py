"""What the gateway writes of each call when it is told to, and what it never writes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import grpc_web
from tests.unit.gateway.conftest import UNLIMITED, EveryService, gateway, serving

SECRET = "kc_5ec2e75ec2e75ec2e75ec2e7"
SECONDS = 10.0
LISTENING = "/voicearena.experiments.v1.ListeningService"
RESULTS = "/voicearena.experiments.v1.ExperimentService/GetResults"
# Method and path of a call, and what the log says of it: its path and its RPC's.
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
    """Returns the lines of the log that are about calls."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


async def calls_once_there(log: Path, number: int) -> list[dict[str, Any]]:
    """Waits until the log has so many calls, and returns them."""
    async with asyncio.timeout(SECONDS):
        while True:
            found = calls_in(log)
            if len(found) >= number:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """The log of a gateway that was called with a secret in many places, and its lines."""
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
        # The first line is of the call with which the test waited for the gateway.
        lines = await calls_once_there(log, len(CALLS) + 2)
        return log.read_text(), lines[1:]


async def test_each_call_is_a_line_with_its_path_where_that_holds_no_token(
    written: tuple[str, list[dict[str, Any]]],
) -> None:
    said = [(line["method"], line.get("path"), line.get("rpc")) for line in written[1]]
    assert said == [*((verb, path, rpc) for verb, _, path, rpc in CALLS), ("POST", RESULTS, RESULTS)]


async def test_no_secret_is_written(written: tuple[str, list[dict[str, Any]]]) -> None:
    assert SECRET not in written[0]
