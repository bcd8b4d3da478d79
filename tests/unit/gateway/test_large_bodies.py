"""A body that is too large is refused with the same error over every protocol and on every connection."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from grpc_status import rpc_status

from tests.contract import grpc_web
from tests.unit.gateway.conftest import UNLIMITED, EveryService, KeyCheck, gateway, serving
from tests.unit.gateway.test_rate_limits import info

KB, MB = 1024, 1024 * 1024
EXPERIMENTS = "/api/v1/experiments"
CREATE = "/voicearena.experiments.v1.ExperimentService/CreateExperiment"
RUN = "/voicearena.experiments.v1.ExperimentService/RunExperiment"
ORIGIN = "http://localhost:3000"
KEY = {"authorization": "Bearer known", "origin": ORIGIN}
JSON = {**KEY, "content-type": "application/json"}
CHUNK = b"x" * 64 * KB
REPEATS = 3


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    services = EveryService(known={"Bearer known": KeyCheck("a token", believe_ms=600_000)})
    async with serving(services) as port, gateway(port, **UNLIMITED) as url:
        yield url


def chunks(size: int) -> Iterator[bytes]:
    for sent in range(0, size, len(CHUNK)):
        yield CHUNK[: size - sent]


def send(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str], size: int, *, chunked: bool
) -> None:
    """Sends a whole request before the response is read, as many clients do."""
    body = chunks(size) if chunked else b"x" * size
    connection.request("POST", path, body=body, headers=headers, encode_chunked=chunked)


MAX_MESSAGE_KB = 4096


@pytest.mark.parametrize(
    ("path", "size", "kb"),
    [
        (EXPERIMENTS, 1537 * KB, 1536),
        (EXPERIMENTS, 6 * MB, 1536),
        (EXPERIMENTS, 60 * MB, 1536),
        (f"{EXPERIMENTS}/x/run", MB, 64),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_json_body_over_http_1_is_refused(path: str, size: int, kb: int, chunked: bool, url: str) -> None:
    def on_one_connection() -> None:
        address = urlsplit(url)
        for _ in range(REPEATS):
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
            # The gateway remembers the key from this call on, and the connection is used again.
            connection.request("GET", f"{EXPERIMENTS}/x", headers=KEY)
            assert connection.getresponse().read()
            headers = JSON | ({"transfer-encoding": "chunked"} if chunked else {})
            send(connection, path, headers, size, chunked=chunked)
            response = connection.getresponse()
            found = json.loads(response.read())
            assert (response.status, found["code"], found["details"][0]["reason"]) == (413, 8, "REQUEST_TOO_LARGE")
            # A length that no route accepts is refused before the route is known.
            limit = MAX_MESSAGE_KB if size > MAX_MESSAGE_KB * KB and not chunked else kb
            assert f"at most {limit} kB" in found["message"]
            assert response.headers["access-control-allow-origin"] == ORIGIN
            # The body was read to its end, so the connection can be used for the next call.
            connection.request("GET", f"{EXPERIMENTS}/x", headers=KEY)
            assert connection.getresponse().status == 200
            connection.close()

    await asyncio.to_thread(on_one_connection)


async def test_a_client_that_expects_100_continue_gets_it_and_then_the_error(url: str) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST {EXPERIMENTS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer known\r\ncontent-type: application/json\r\n"
    )
    writer.write(f"{head}content-length: {6 * MB}\r\nexpect: 100-continue\r\n\r\n".encode())
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"x" * 6 * MB)
        await writer.drain()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    writer.close()


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_large_json_body_over_http_2_is_refused(with_length: bool, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, http1=False, http2=True, timeout=20) as client:
        for _ in range(REPEATS):
            assert (await client.get(f"{EXPERIMENTS}/x", headers=KEY)).status_code == 200

            async def body() -> AsyncIterator[bytes]:
                for chunk in chunks(6 * MB):
                    yield chunk

            response = await client.post(EXPERIMENTS, content=b"x" * 6 * MB if with_length else body(), headers=JSON)
            assert (response.http_version, response.status_code) == ("HTTP/2", 413)
            assert response.json()["details"][0]["reason"] == "REQUEST_TOO_LARGE"
            assert response.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(("path", "size"), [(CREATE, 6 * MB), (RUN, MB)])
@pytest.mark.parametrize("text", [False, True])
async def test_a_large_grpc_web_body_is_refused(path: str, size: int, text: bool, http2: bool, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, http1=not http2, http2=http2, timeout=20) as client:
        for _ in range(REPEATS):
            assert (await client.get(f"{EXPERIMENTS}/x", headers=KEY)).status_code == 200
            response = await grpc_web.call(client, path, b"x" * size, KEY, text=text)
            assert response.status is not None
            assert info(response.status)[0] == 8
            assert info(response.status)[2] == "REQUEST_TOO_LARGE"


@pytest.mark.parametrize(("path", "size", "kb"), [(CREATE, 3 * MB, 1536), (RUN, MB, 64)])
async def test_a_large_grpc_message_is_refused(path: str, size: int, kb: int, url: str) -> None:
    async with grpc.aio.insecure_channel(url.removeprefix("http://")) as channel:
        for _ in range(REPEATS):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await channel.unary_unary(path)(b"x" * size, metadata=(("authorization", "Bearer known"),))
            status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]
            assert status is not None
            assert info(status)[2] == "REQUEST_TOO_LARGE"
            assert f"at most {kb} kB" in status.message
            assert await channel.unary_unary(RUN)(b"", metadata=(("authorization", "Bearer known"),)) == b""


async def test_a_body_just_below_the_limit_is_accepted(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        prompts = ["\U0001f600" * 5000] * 20
        body = json.dumps({"name": "x", "prompts": prompts})
        assert len(body) > MB
        assert (await client.post(EXPERIMENTS, content=body, headers=JSON)).status_code == 200
