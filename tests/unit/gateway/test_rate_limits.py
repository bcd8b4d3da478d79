"""The rate limits of an API key, and of an address without a key, and the errors beyond them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.unit.gateway.conftest import EveryService, KeyCheck, gateway, serving

GET = "/api/v1/experiments/x"
PUBLIC = "/api/v1/health"
RPC = "/voicearena.experiments.v1.ExperimentService/GetExperiment"
MESSAGE = (
    "More than 1 calls per second came with one API key, or from one address without a key. Try again in a second."
)
BURST = 3


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    known = {f"Bearer {n}": KeyCheck(f"token {n}", f"key_{n}", 60_000) for n in range(100)}
    services = EveryService(known=known)
    limits = {"rate_limit_per_second": 1, "rate_limit_burst": BURST, "trusted_proxies": 1}
    async with serving(services) as port, gateway(port, **limits) as url:
        yield url


@pytest.fixture
async def api(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url) as client:
        yield client


_next_key = iter(range(100))


@pytest.fixture
def key() -> str:
    """A key without earlier calls."""
    return str(next(_next_key))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def use_up(api: httpx.AsyncClient, headers: dict[str, str], path: str = GET) -> httpx.Response:
    """Makes calls until one is refused, and returns its response."""
    for _ in range(10 * BURST):
        response = await api.get(path, headers=headers)
        if response.status_code != 200:
            return response
    raise AssertionError("no call was refused")


def limits(headers: Any) -> tuple[str | None, ...]:
    return tuple(headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset"))


def info(status: status_pb2.Status) -> tuple[int, str, str, str]:
    found = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(found)
    return status.code, status.message, found.reason, found.domain


async def test_each_response_has_the_number_of_remaining_calls(api: httpx.AsyncClient, key: str) -> None:
    responses = [await api.get(GET, headers=bearer(key)) for _ in range(2)]
    assert [limits(response.headers) for response in responses] == [("3", "2", "1"), ("3", "1", "1")]


async def test_a_call_over_the_limit_is_429_and_calls_work_again_after_the_given_time(
    api: httpx.AsyncClient, key: str
) -> None:
    response = await use_up(api, bearer(key))
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "code": 8,
        "message": MESSAGE,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMITED",
                "domain": "voicearena",
                "metadata": {},
            }
        ],
    }
    assert limits(response.headers) == ("3", "0", "1")
    # The test checks that this time is enough.
    await asyncio.sleep(int(response.headers["retry-after"]))
    assert (await api.get(GET, headers=bearer(key))).status_code == 200


async def test_the_limit_of_one_key_does_not_affect_another(api: httpx.AsyncClient, key: str) -> None:
    await use_up(api, bearer(key))
    other = str(next(_next_key))
    assert limits((await api.get(GET, headers=bearer(other))).headers) == ("3", "2", "1")


async def test_over_grpc_the_error_is_resource_exhausted(url: str, api: httpx.AsyncClient, key: str) -> None:
    await use_up(api, bearer(key))
    async with grpc.aio.insecure_channel(url.removeprefix("http://")) as channel:
        call = channel.unary_unary(RPC)(b"", metadata=tuple(bearer(key).items()))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]
    assert status is not None
    assert info(status) == (8, MESSAGE, "RATE_LIMITED", "voicearena")
    metadata = dict(raised.value.initial_metadata() or ()) | dict(raised.value.trailing_metadata() or ())
    assert (metadata["retry-after"], metadata["x-ratelimit-remaining"]) == ("1", "0")


async def test_over_grpc_web_the_error_is_resource_exhausted(api: httpx.AsyncClient, key: str) -> None:
    await use_up(api, bearer(key))
    headers = {**bearer(key), "content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    response = await api.post(RPC, content=b"\0\0\0\0\0", headers=headers)
    packed = response.headers["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    assert (response.status_code, response.headers["grpc-status"]) == (200, "8")
    assert info(status) == (8, MESSAGE, "RATE_LIMITED", "voicearena")
    assert response.headers["retry-after"] == "1"


async def test_web_pages_of_allowed_origins_can_read_the_limits(api: httpx.AsyncClient, key: str) -> None:
    response = await use_up(api, {**bearer(key), "origin": "http://localhost:3000"})
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    exposed = response.headers["access-control-expose-headers"].replace(" ", "").split(",")
    assert {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(exposed)


def from_address(address: str) -> dict[str, str]:
    """Returns the header of a trusted proxy. Its last address is the one from which the proxy got the call."""
    return {"x-forwarded-for": f"1.2.3.4, {address}"}


async def test_without_a_key_calls_are_counted_by_address(api: httpx.AsyncClient, key: str) -> None:
    assert (await use_up(api, from_address("10.0.0.1"), PUBLIC)).status_code == 429
    assert (await api.get(PUBLIC, headers=from_address("10.0.0.2"))).status_code == 200
    # For a call with a key, the address does not count.
    assert (await api.get(GET, headers={**from_address("10.0.0.1"), **bearer(key)})).status_code == 200


async def test_the_addresses_of_an_ipv6_network_count_as_one(api: httpx.AsyncClient) -> None:
    await use_up(api, from_address("2001:db8:0:1::1"), PUBLIC)
    assert (await api.get(PUBLIC, headers=from_address("2001:db8:0:1:ffff::2"))).status_code == 429
    assert (await api.get(PUBLIC, headers=from_address("2001:db8:0:2::1"))).status_code == 200


async def test_without_a_trusted_proxy_a_client_cannot_choose_its_address() -> None:
    services = EveryService(known={})
    async with (
        serving(services) as port,
        gateway(port, rate_limit_per_second=1, rate_limit_burst=BURST) as url,
        httpx.AsyncClient(base_url=url) as api,
    ):
        await use_up(api, from_address("10.0.0.1"), PUBLIC)
        assert (await api.get(PUBLIC, headers=from_address("10.0.0.2"))).status_code == 429


async def test_limits_can_be_turned_off() -> None:
    services = EveryService(known={})
    async with (
        serving(services) as port,
        gateway(port, rate_limit_per_second=0, anonymous_rate_limit_per_second=0) as url,
        httpx.AsyncClient(base_url=url) as api,
    ):
        response = await api.get(PUBLIC)
        assert (response.status_code, limits(response.headers)) == (200, (None, None, None))
