"""All callers share the gateway's connections to a service, and no caller can break them for the others."""

import asyncio
import secrets

import httpx
import pytest

from gateway.config import MAX_FAILED_CALLS
from tests.contract import grpc_web
from tests.unit.gateway.conftest import ANYBODY, UNLIMITED, EveryService, gateway, serving

PATH = "/voicearena.auth.v1.AuthService/GetCurrentDeveloper"
JSON = "/api/v1/developers/me"
# More calls than a header table needs to drop its first entry.
CALLS = 60


async def ordinary_call(client: httpx.AsyncClient) -> int:
    """Makes a call with new header values, and returns its gRPC status."""
    headers = {"authorization": f"Bearer {secrets.token_hex(100)}", "traceparent": secrets.token_hex(60)}
    response = await grpc_web.call(client, PATH, b"", headers)
    return response.status.code if response.status else 0


async def call_without_a_key(client: httpx.AsyncClient) -> int:
    """Makes a call without an API key, and returns its gRPC status."""
    response = await grpc_web.call(client, "/voicearena.mesh.v1.MeshService/GetHealth", b"", {})
    return response.status.code if response.status else 0


@pytest.mark.parametrize("header", ["grpc-timeout", "grpc-trace-bin", "grpc-encoding", "grpc-status"])
async def test_a_bad_header_of_one_caller_does_not_affect_other_callers(
    header: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    await grpc_web.call(api, PATH, b"", {header: "!abc"})
    assert [await ordinary_call(api) for _ in range(CALLS)] == [0] * CALLS


async def test_the_gateway_uses_no_header_table_on_a_connection_to_a_service() -> None:
    """The first frame of a connection sets the size of the table to 0."""
    first = await first_bytes_of_a_connection()
    settings = first.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    length = int.from_bytes(settings[:3], "big")
    assert settings[3] == 4
    entries = [settings[9 + at : 15 + at] for at in range(0, length, 6)]
    assert {int.from_bytes(e[:2], "big"): int.from_bytes(e[2:], "big") for e in entries}[1] == 0


async def first_bytes_of_a_connection() -> bytes:
    """Returns the first bytes that the gateway sends to a service."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server, gateway(server.sockets[0].getsockname()[1], **UNLIMITED) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get(JSON, headers=ANYBODY)
        return await received


async def test_a_connection_on_which_every_call_fails_is_replaced() -> None:
    handler = EveryService()
    async with (
        serving(handler) as port,
        gateway(port, **UNLIMITED) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        assert await call_without_a_key(client) == 0
        handler.broken_peers.update(handler.peers)
        codes = [await call_without_a_key(client) for _ in range(MAX_FAILED_CALLS + 5)]
        assert codes[0] != 0
        assert codes[-4:] == [0, 0, 0, 0]
        assert len(handler.peers) == 2
