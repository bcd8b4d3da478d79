"""Callers without an API key are refused early, and their calls are limited."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import grpc
import httpx
import pytest

from gateway.config import MAX_OPEN_STREAM_SECONDS
from tests.unit.gateway.conftest import EveryService, KeyCheck, gateway, serving
from tests.unit.gateway.test_json_calls import error_of

GET = "/api/v1/experiments/x"
PER_SECOND, BURST = 2, 20
# A check whose time grows faster than the body takes hundreds of times as long.
MAX_TIMES_AS_LONG = 25
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


@pytest.fixture(scope="module")
async def stand_in() -> AsyncIterator[tuple[EveryService, str]]:
    services = EveryService(known={f"Bearer {n}": KeyCheck(f"token {n}", f"key_{n}", 600_000) for n in range(200)})
    limits = {"anonymous_rate_limit_per_second": PER_SECOND, "anonymous_rate_limit_burst": BURST, "trusted_proxies": 1}
    async with (
        serving(services) as port,
        gateway(port, rate_limit_per_second=1000, rate_limit_burst=1000, **limits) as url,
    ):
        yield services, url


@pytest.fixture
async def api(stand_in: tuple[EveryService, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stand_in[1]) as client:
        yield client


_addresses = iter(range(1, 250))


@pytest.fixture
def address() -> dict[str, str]:
    """The header of a trusted proxy for an address without earlier calls."""
    return {"x-forwarded-for": f"10.0.0.{next(_addresses)}"}


def bearer(key: object) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_call_without_a_key_is_refused_before_its_body_arrives(stand_in: tuple[EveryService, str]) -> None:
    address = urlsplit(stand_in[1])
    for path in ("/api/v1/experiments", "/api/v1/speech", "/api/v1/experiments/x/run"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n".encode())
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
        writer.close()


async def test_a_call_with_a_bad_key_is_refused_before_its_body_arrives(
    stand_in: tuple[EveryService, str], address: dict[str, str]
) -> None:
    host = urlsplit(stand_in[1])
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    from_there = f"x-forwarded-for: {address['x-forwarded-for']}"
    head = f"POST /api/v1/experiments HTTP/1.1\r\nhost: x\r\n{from_there}\r\nauthorization: Bearer bad"
    writer.write(f"{head}\r\ncontent-length: 1000\r\n\r\n".encode())
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_a_body_with_many_values_is_refused_quickly(api: httpx.AsyncClient) -> None:
    body = b'{"prompts": [' + b'"",' * 480_000 + b'""]}'
    seconds, response = await sent(api, body)
    assert error_of(response) == (400, "MALFORMED_REQUEST", "The body has more than 5000 values")
    assert seconds < MAX_TIMES_AS_LONG * await seconds_of_a_plain_body(api, len(body))


@pytest.mark.parametrize("piece", ['\\"', "\\u0041", " ", "9", "é"])
async def test_a_body_with_one_long_value_is_checked_quickly(piece: str, api: httpx.AsyncClient) -> None:
    value = "1" + piece * 1_000_000 if piece == "9" else '"' + piece * (1_400_000 // len(piece.encode())) + '"'
    body = f'{{"name": {value}}}'.encode()
    seconds, _ = await sent(api, body)
    assert seconds < MAX_TIMES_AS_LONG * await seconds_of_a_plain_body(api, len(body))


async def sent(api: httpx.AsyncClient, body: bytes) -> tuple[float, httpx.Response]:
    """Sends a body three times. Returns the shortest time in seconds, and a response."""
    headers = {**bearer(0), "content-type": "application/json"}
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        response = await api.post("/api/v1/experiments", content=body, headers=headers)
        seconds.append(time.monotonic() - began)
    return min(seconds), response


async def seconds_of_a_plain_body(api: httpx.AsyncClient, size: int) -> float:
    return (await sent(api, b'{"name": "' + b"a" * (size - 12) + b'"}'))[0]


async def test_unknown_keys_from_one_address_are_limited_before_auth_is_called(
    stand_in: tuple[EveryService, str], api: httpx.AsyncClient, address: dict[str, str]
) -> None:
    checked = len(stand_in[0].checked)
    responses = [await api.get(GET, headers={**address, **bearer(f"unknown {n}")}) for n in range(5 * BURST)]
    statuses = [response.status_code for response in responses]
    assert statuses[:BURST] == [401] * BURST
    assert set(statuses[BURST:]) <= {401, 429}
    assert statuses.count(429) > 2 * BURST
    assert len(stand_in[0].checked) - checked == statuses.count(401)
    limited = next(response for response in responses if response.status_code == 429)
    message = f"More than {PER_SECOND} unknown API keys per second came from one address. Try again in a second."
    assert error_of(limited) == (429, "RATE_LIMITED", message)
    assert limited.headers["retry-after"] == "1"
    # Other addresses are not affected.
    other = {"x-forwarded-for": "10.1.0.1"}
    assert (await api.get(GET, headers={**other, **bearer("unknown")})).status_code == 401
    await asyncio.sleep(int(limited.headers["retry-after"]))
    assert (await api.get(GET, headers={**address, **bearer("unknown")})).status_code == 401


async def test_many_valid_keys_from_one_address_are_not_limited(
    api: httpx.AsyncClient, address: dict[str, str]
) -> None:
    responses = [await api.get(GET, headers={**address, **bearer(n)}) for n in range(5 * BURST)]
    assert {response.status_code for response in responses} == {200}


async def test_a_valid_key_works_from_an_address_that_sends_unknown_keys(
    api: httpx.AsyncClient, address: dict[str, str]
) -> None:
    assert (await api.get(GET, headers={**address, **bearer(150)})).status_code == 200
    for n in range(2 * BURST):
        await api.get(GET, headers={**address, **bearer(f"nobody's {n}")})
    assert (await api.get(GET, headers={**address, **bearer(150)})).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/developers", "/api/v1/voters", "/api/v1/listening/x/listeners"])
async def test_calls_that_create_something_without_a_key_have_a_stricter_limit(
    path: str, api: httpx.AsyncClient, address: dict[str, str]
) -> None:
    responses = [await api.post(path, headers=address) for _ in range(3 * BURST)]
    statuses = [response.status_code for response in responses]
    assert statuses[:BURST] == [200] * BURST
    assert statuses.count(429) > BURST
    limited = next(response for response in responses if response.status_code == 429)
    message = f"More than {PER_SECOND} calls of this kind per second came from one address. Try again in a second."
    assert error_of(limited) == (429, "RATE_LIMITED", message)
    assert (limited.headers["retry-after"], limited.headers["x-ratelimit-reset"]) == ("1", "1")
    # Other calls without a key have their own, higher limit.
    assert (await api.get("/api/v1/health", headers=address)).status_code == 200


async def test_reflection_is_limited_by_address_and_in_time(
    stand_in: tuple[EveryService, str], address: dict[str, str]
) -> None:
    metadata = tuple(address.items())
    async with grpc.aio.insecure_channel(stand_in[1].removeprefix("http://")) as channel:
        codes = []
        for _ in range(2 * BURST):
            try:
                await channel.unary_unary(REFLECTION)(b"", metadata=metadata)
                codes.append(grpc.StatusCode.OK)
            except grpc.aio.AioRpcError as error:
                codes.append(error.code())
    assert codes[:BURST] == [grpc.StatusCode.OK] * BURST
    assert codes[-1] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert MAX_OPEN_STREAM_SECONDS <= 30
