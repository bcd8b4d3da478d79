"""How many calls a key, or an address without one, may make, and what who made more is told."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.unit.gateway.conftest import Answer, EveryService, gateway, serving

GET = "/api/v1/experiments/x"
PUBLIC = "/api/v1/health"
RPC = "/voicearena.experiments.v1.ExperimentService/GetExperiment"
MESSAGE = "more than 1 calls per second with one API key, or from one address without a key; try again in a second"
BURST = 3


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    known = {f"Bearer {n}": Answer(f"token {n}", f"key_{n}", 60_000) for n in range(100)}
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
    """The number of a key with which nothing was called yet."""
    return str(next(_next_key))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def use_up(api: httpx.AsyncClient, headers: dict[str, str], path: str = GET) -> httpx.Response:
    """Calls until it is too much."""
    for _ in range(10 * BURST):
        answer = await api.get(path, headers=headers)
        if answer.status_code != 200:
            return answer
    raise AssertionError("nothing was too much")


def limits(headers: Any) -> tuple[str | None, ...]:
    return tuple(headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset"))


def info(status: status_pb2.Status) -> tuple[int, str, str, str]:
    found = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(found)
    return status.code, status.message, found.reason, found.domain


async def test_each_answer_says_how_many_calls_are_left(api: httpx.AsyncClient, key: str) -> None:
    answers = [await api.get(GET, headers=bearer(key)) for _ in range(2)]
    assert [limits(answer.headers) for answer in answers] == [("3", "2", "1"), ("3", "1", "1")]


async def test_one_call_too_many_is_429_as_json_and_after_the_time_that_it_says_calls_work_again(
    api: httpx.AsyncClient, key: str
) -> None:
    answer = await use_up(api, bearer(key))
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
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
    assert limits(answer.headers) == ("3", "0", "1")
    # That it is true is what is tested.
    await asyncio.sleep(int(answer.headers["retry-after"]))
    assert (await api.get(GET, headers=bearer(key))).status_code == 200


async def test_a_key_that_calls_too_much_costs_no_other_key_anything(api: httpx.AsyncClient, key: str) -> None:
    await use_up(api, bearer(key))
    other = str(next(_next_key))
    assert limits((await api.get(GET, headers=bearer(other))).headers) == ("3", "2", "1")


async def test_it_is_resource_exhausted_over_grpc(url: str, api: httpx.AsyncClient, key: str) -> None:
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


async def test_it_is_resource_exhausted_over_grpc_web(api: httpx.AsyncClient, key: str) -> None:
    await use_up(api, bearer(key))
    headers = {**bearer(key), "content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    answer = await api.post(RPC, content=b"\0\0\0\0\0", headers=headers)
    packed = answer.headers["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    assert (answer.status_code, answer.headers["grpc-status"]) == (200, "8")
    assert info(status) == (8, MESSAGE, "RATE_LIMITED", "voicearena")
    assert answer.headers["retry-after"] == "1"


async def test_pages_of_other_sites_can_read_it(api: httpx.AsyncClient, key: str) -> None:
    answer = await use_up(api, {**bearer(key), "origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    exposed = answer.headers["access-control-expose-headers"].replace(" ", "").split(",")
    assert {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(exposed)


def from_address(address: str) -> dict[str, str]:
    """What a proxy that is trusted says of where a call comes from; the last hop is the one that it saw."""
    return {"x-forwarded-for": f"1.2.3.4, {address}"}


async def test_without_a_key_calls_are_counted_by_address(api: httpx.AsyncClient, key: str) -> None:
    assert (await use_up(api, from_address("10.0.0.1"), PUBLIC)).status_code == 429
    assert (await api.get(PUBLIC, headers=from_address("10.0.0.2"))).status_code == 200
    # And a key is not asked where it calls from.
    assert (await api.get(GET, headers={**from_address("10.0.0.1"), **bearer(key)})).status_code == 200


async def test_the_addresses_of_one_network_of_ipv6_are_one(api: httpx.AsyncClient) -> None:
    await use_up(api, from_address("2001:db8:0:1::1"), PUBLIC)
    assert (await api.get(PUBLIC, headers=from_address("2001:db8:0:1:ffff::2"))).status_code == 429
    assert (await api.get(PUBLIC, headers=from_address("2001:db8:0:2::1"))).status_code == 200


async def test_without_a_proxy_that_is_trusted_nobody_says_where_they_call_from() -> None:
    services = EveryService(known={})
    async with (
        serving(services) as port,
        gateway(port, rate_limit_per_second=1, rate_limit_burst=BURST) as url,
        httpx.AsyncClient(base_url=url) as api,
    ):
        await use_up(api, from_address("10.0.0.1"), PUBLIC)
        assert (await api.get(PUBLIC, headers=from_address("10.0.0.2"))).status_code == 429


async def test_limits_can_be_lifted() -> None:
    services = EveryService(known={})
    async with (
        serving(services) as port,
        gateway(port, rate_limit_per_second=0, anonymous_rate_limit_per_second=0) as url,
        httpx.AsyncClient(base_url=url) as api,
    ):
        answer = await api.get(PUBLIC)
        assert (answer.status_code, limits(answer.headers)) == (200, (None, None, None))
