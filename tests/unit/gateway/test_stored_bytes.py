"""Stored bytes through the real Envoy: an incomplete response is reset, and a service that is down is named."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping

import httpx
import pytest
from voicearena.tts.v1 import tts_service_pb2

from services.runtime.errors import Unavailable
from services.runtime.http_bytes import BytesRequest, Content, HttpBytes
from services.runtime.identity import TokenVerifier
from services.runtime.open_streams import OpenStreams
from tests.contract.stores.servers import free_port
from tests.gateway import running_gateway
from tests.unit.gateway.conftest import UNLIMITED, EveryService, serving

GET_AUDIO = tts_service_pb2.DESCRIPTOR.services_by_name["TtsService"].methods_by_name["GetAudio"]
SIZE = 500_000


async def no_keys() -> Mapping[str, bytes]:
    return {}


async def no_faults(keys: Collection[str]) -> Mapping[str, str]:
    return {}


async def find(asked: BytesRequest) -> Content:
    async def read(start: int, end: int) -> AsyncGenerator[bytes, None]:
        for at in range(start, end, 10_000):
            if asked.name == "short" and at >= 250_000:
                raise Unavailable("the store is not reachable")
            yield bytes(min(10_000, end - at))

    return Content("audio/wav", SIZE, '"tag"', read)


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """A gateway with a server of stored bytes and auth. All other services are down."""
    address = f"127.0.0.1:{free_port()}"
    server = HttpBytes(TokenVerifier(no_keys), OpenStreams(no_faults))
    server.add(address, GET_AUDIO, find)
    await server.start(1)
    async with (
        serving(EveryService()) as auth,
        running_gateway(auth_address=f"127.0.0.1:{auth}", tts_http_address=address, **UNLIMITED) as gateway,
    ):
        yield gateway
    await server.stop()


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
async def http(url: str, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway for one version of HTTP."""
    http2 = request.param == "HTTP/2"
    async with httpx.AsyncClient(base_url=url, http1=not http2, http2=http2, trust_env=False) as client:
        yield client


async def test_a_range_is_returned_as_requested(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/v1/audio/a.wav", headers={"range": "bytes=10-19"})
    assert (response.status_code, len(response.content)) == (206, 10)
    assert (response.headers["content-range"], response.headers["content-length"]) == ("bytes 10-19/500000", "10")


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=100-"}])
async def test_an_incomplete_response_is_never_mistaken_for_a_complete_one(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get("/api/v1/audio/short", headers=headers)
    # The connection, or a new one, still works.
    assert (await http.get("/api/v1/audio/a.wav")).status_code == 200


async def test_the_error_names_a_service_that_is_down(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/v1/listening-clips/clp_1.wav")
    body = response.json()
    assert (response.status_code, body["message"]) == (503, "experiments is not reachable. Try again shortly.")
    assert body["details"][0]["metadata"] == {"service": "experiments"}


async def test_web_pages_of_allowed_origins_can_request_ranges(http: httpx.AsyncClient) -> None:
    origin = {"origin": "http://localhost:3000"}
    preflight = {**origin, "access-control-request-method": "GET", "access-control-request-headers": "range, if-range"}
    allowed = await http.options("/api/v1/audio/a.wav", headers=preflight)
    assert allowed.status_code == 200
    assert {"range", "if-range", "if-none-match"} <= set(allowed.headers["access-control-allow-headers"].split(", "))
    response = await http.get("/api/v1/audio/a.wav", headers={**origin, "range": "bytes=0-1"})
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    exposed = set(response.headers["access-control-expose-headers"].split(", "))
    assert {"accept-ranges", "content-length", "content-range", "etag"} <= exposed


@pytest.mark.parametrize("forged", ["x-voicearena-key-fault", "x-voicearena-clip"])
async def test_internal_headers_from_a_client_are_ignored(http: httpx.AsyncClient, forged: str) -> None:
    response = await http.get("/api/v1/audio/a.wav", headers={forged: "clp_1.wav 0-1/1"})
    assert (response.status_code, "x-voicearena-clip" in response.headers) == (200, False)
