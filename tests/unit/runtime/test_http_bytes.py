"""Stored bytes over plain HTTP, without the gateway."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping

import httpx
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from voicearena.tts.v1 import tts_service_pb2

from services.runtime import telemetry
from services.runtime.errors import NotFound, Unavailable
from services.runtime.http_bytes import BytesRequest, Content, HttpBytes
from services.runtime.identity import TokenVerifier, current_caller, no_identity
from services.runtime.open_streams import OpenStreams
from tests.contract.stores.servers import free_port

GET_AUDIO = tts_service_pb2.DESCRIPTOR.services_by_name["TtsService"].methods_by_name["GetAudio"]
RPC = "/voicearena.tts.v1.TtsService/GetAudio"
DATA = bytes(range(250)) * 4000


async def no_keys() -> Mapping[str, bytes]:
    return {}


async def no_faults(keys: Collection[str]) -> Mapping[str, str]:
    return {}


class Audio:
    """Serves `DATA` under every name, except for a few that fail."""

    def __init__(self) -> None:
        self.asked: list[BytesRequest] = []
        self.traces: list[str] = []
        self.read_to = 0
        self.ended = asyncio.Event()

    async def find(self, asked: BytesRequest) -> Content:
        self.asked.append(asked)
        self.traces.append(telemetry.trace_id())
        if asked.name == "none":
            raise NotFound.of("audio", asked.name)
        if asked.name == "mine" and current_caller() is None:
            raise no_identity("This needs an API key")
        if asked.name == "broken":
            raise KeyError("a secret")
        return Content(
            "audio/wav", len(DATA), '"tag"', self.read, {"cache-control": "private"}, lambda _: {"x-sent": "1"}
        )

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        try:
            for at in range(start, end, 10_000):
                if self.asked[-1].name == "short" and at >= 50_000:
                    raise Unavailable("The store is down")
                self.read_to = at
                yield DATA[at : min(at + 10_000, end)]
        finally:
            self.ended.set()


@pytest.fixture
def audio() -> Audio:
    return Audio()


@pytest_asyncio.fixture
async def http(audio: Audio) -> AsyncIterator[httpx.AsyncClient]:
    address = f"127.0.0.1:{free_port()}"
    server = HttpBytes(TokenVerifier(no_keys), OpenStreams(no_faults))
    server.add(address, GET_AUDIO, audio.find)
    await server.start(1)
    async with httpx.AsyncClient(base_url=f"http://{address}/api/v1/audio/", trust_env=False) as client:
        yield client
    await server.stop()


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("voicearena_rpc_seconds_count", {"method": RPC, "code": code}) or 0


async def test_a_full_response_has_its_length_and_tag(http: httpx.AsyncClient, audio: Audio) -> None:
    before = counted("OK")
    response = await http.get("a.wav?expires=5&signature=%41", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert (response.status_code, response.content) == (200, DATA)
    assert dict(response.headers) == {
        "accept-ranges": "bytes",
        "cache-control": "private",
        "content-length": str(len(DATA)),
        "content-type": "audio/wav",
        "etag": '"tag"',
        "x-content-type-options": "nosniff",
        "x-sent": "1",
    }
    assert audio.asked == [BytesRequest("a.wav", {"expires": "5", "signature": "A"})]
    assert audio.traces == ["a" * 32]
    assert counted("OK") == before + 1


async def test_only_the_requested_range_is_read(http: httpx.AsyncClient, audio: Audio) -> None:
    response = await http.get("a.wav", headers={"range": "bytes=990000-990009"})
    assert (response.status_code, response.content) == (206, DATA[990_000:990_010])
    assert (response.headers["content-range"], response.headers["content-length"]) == (
        "bytes 990000-990009/1000000",
        "10",
    )
    assert audio.read_to == 990_000


async def test_a_head_returns_the_headers_and_reads_nothing(http: httpx.AsyncClient, audio: Audio) -> None:
    response = await http.head("a.wav", headers={"range": "bytes=0-1"})
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", str(len(DATA)))
    assert "x-sent" not in response.headers, "nothing is sent"
    assert not audio.ended.is_set()


async def test_a_client_with_the_current_version_gets_304(http: httpx.AsyncClient, audio: Audio) -> None:
    response = await http.get("a.wav", headers={"if-none-match": '"tag"'})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", '"tag"')
    assert response.headers["cache-control"] == "private"
    assert "x-sent" not in response.headers


@pytest.mark.parametrize(
    ("name", "headers", "status", "reason"),
    [
        ("none", {}, 404, "NOT_FOUND"),
        ("mine", {}, 401, "CREDENTIALS_MISSING"),
        ("mine", {"x-voicearena-identity": "forged"}, 401, "CREDENTIALS_INVALID"),
        ("mine", {"x-voicearena-key-fault": "The API key was revoked"}, 401, "CREDENTIALS_INVALID"),
        ("a.wav", {"range": "bytes=1000000-"}, 416, "RANGE_NOT_SATISFIABLE"),
        ("a.wav", {"if-match": '"other"'}, 412, "PRECONDITION_FAILED"),
        ("broken", {}, 500, "INTERNAL"),
        ("../../etc/passwd", {}, 404, "NOT_FOUND"),
    ],
)
async def test_errors_have_the_same_form_as_those_of_rpcs(
    http: httpx.AsyncClient, name: str, headers: dict[str, str], status: int, reason: str
) -> None:
    for method in ("GET", "HEAD"):
        response = await http.request(method, name, headers=headers)
        if method == "HEAD" and status == 416:
            assert response.status_code == 200
            continue
        assert response.status_code == status
        assert response.headers["content-type"] == "application/json"
        if method == "HEAD":
            assert response.content == b""
            continue
        body = response.json()
        assert sorted(body) == ["code", "details", "message"]
        assert sorted(body["details"][0]) == ["@type", "domain", "metadata", "reason"]
        assert (body["details"][0]["reason"], body["details"][0]["domain"]) == (reason, "voicearena")
        assert "secret" not in response.text
        if status == 416:
            assert response.headers["content-range"] == "bytes */1000000"
        if "x-voicearena-key-fault" in headers:
            assert body["message"] == "The API key was revoked"


async def test_a_response_that_breaks_off_is_an_error_for_the_client(http: httpx.AsyncClient) -> None:
    before = counted("UNAVAILABLE")
    with pytest.raises(httpx.RemoteProtocolError, match="50000 bytes, expected 1000000"):
        await http.get("short")
    assert counted("UNAVAILABLE") == before + 1


async def test_reading_stops_when_the_client_has_left(http: httpx.AsyncClient, audio: Audio) -> None:
    before = counted("CANCELLED")
    url = http.base_url
    with socket.create_connection((url.host, url.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /api/v1/audio/a.wav HTTP/1.1\r\nhost: x\r\n\r\n")
        client.setblocking(False)
        await asyncio.get_running_loop().sock_recv(client, 1000)
    async with asyncio.timeout(5):
        await audio.ended.wait()
    assert audio.read_to < len(DATA) - 10_000
    assert counted("CANCELLED") == before + 1


async def test_an_address_in_use_is_an_error_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = HttpBytes(TokenVerifier(no_keys), OpenStreams(no_faults))
        server.add(f"127.0.0.1:{taken.getsockname()[1]}", GET_AUDIO, Audio().find)
        with pytest.raises(OSError, match="in use"):
            await server.start(1)


async def test_a_response_in_progress_is_finished_before_the_server_stops(audio: Audio) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = HttpBytes(TokenVerifier(no_keys), OpenStreams(no_faults))
    server.add(address, GET_AUDIO, audio.find)
    await server.start(5)
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"http://{address}/api/v1/audio/a.wav") as response,
    ):
        pieces = response.aiter_bytes(10_000)
        got = await anext(pieces)
        stopping = asyncio.create_task(server.stop())
        got += b"".join([piece async for piece in pieces])
        assert got == DATA
    await stopping
