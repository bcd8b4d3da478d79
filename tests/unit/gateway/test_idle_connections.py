"""Idle connections can't block new clients. The more connections are in use, the sooner idle ones are closed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from gateway.connection_pressure import ConnectionPressure
from tests.unit.gateway.conftest import UNLIMITED, EveryService, gateway, serving

MAX_CONNECTIONS = 60
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
REQUEST = b"GET /api/v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    pressure = ConnectionPressure(tmp_path / "pressure", MAX_CONNECTIONS)
    await pressure.open()
    settings = {"connection_count_port": pressure.port, "connection_pressure_file": pressure.file}
    async with (
        serving(EveryService()) as port,
        gateway(port, max_connections=MAX_CONNECTIONS, **settings, **UNLIMITED) as url,
    ):
        yield url
    pressure.close()


async def send_nothing(connection: Connection) -> None:
    pass


async def make_one_call(connection: Connection) -> None:
    connection[1].write(REQUEST)
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await connection[0].readuntil(b"\r\n\r\n")


async def begin_http2(connection: Connection) -> None:
    connection[1].write(HTTP2_PREFACE)


async def begin_headers(connection: Connection) -> None:
    connection[1].write(REQUEST[:20])


async def send_half_a_preface(connection: Connection) -> None:
    connection[1].write(HTTP2_PREFACE[:10])


async def close_the_sending_half(connection: Connection) -> None:
    connection[1].write_eof()


@pytest.mark.parametrize(
    "begin",
    [send_nothing, make_one_call, begin_http2, begin_headers, send_half_a_preface, close_the_sending_half],
)
async def test_a_new_client_can_connect_while_one_address_has_all_connections(
    begin: Callable[[Connection], Awaitable[None]], url: str
) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_CONNECTIONS + 5):
            connection = await asyncio.open_connection(host, int(port))
            stack.callback(connection[1].close)
            with contextlib.suppress(ConnectionError):
                await begin(connection)
        await wait_for_response(url)


async def wait_for_response(url: str) -> None:
    """Waits until a new connection gets a response."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(base_url=url, timeout=1) as client:
                    assert (await client.get("/api/v1/health")).status_code == 200
                    return
            await asyncio.sleep(0.05)


async def test_a_connection_stays_open_while_few_are_in_use(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        first = await client.get("/api/v1/health")
        again = await client.get("/api/v1/health")
    assert first.extensions["network_stream"] is again.extensions["network_stream"]


def test_the_share_of_connections_is_written_when_it_changes(tmp_path: Path) -> None:
    pressure = ConnectionPressure(tmp_path / "pressure", max_connections=200)
    for count, share in ((b"50", "0.25"), (b"500", "1.00")):
        pressure.datagram_received(b"envoy.http.api.downstream_cx_active:" + count + b"|g", ("127.0.0.1", 1))
        assert pressure.file.read_text() == share
    pressure.datagram_received(b"envoy.server.live:1|g", ("127.0.0.1", 1))
    assert pressure.file.read_text() == "1.00"
