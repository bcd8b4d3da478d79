"""The gateway's connections to a service are shared by all callers: none may spoil them for the others."""

import asyncio
import secrets

import httpx
import pytest

from gateway.config import MAX_FAILED_CALLS
from tests.contract import grpc_web
from tests.unit.gateway.conftest import ANYBODY, UNLIMITED, EveryService, gateway, serving

PATH = "/voicearena.auth.v1.AuthService/GetCurrentDeveloper"
JSON = "/api/v1/developers/me"
# As many calls as it takes until a table of headers has forgotten what was first in it, and some more.
CALLS = 60


async def ordinary_call(client: httpx.AsyncClient) -> int:
    """Makes a call with values that nobody sent before, and returns its gRPC status."""
    headers = {"authorization": f"Bearer {secrets.token_hex(100)}", "traceparent": secrets.token_hex(60)}
    answer = await grpc_web.call(client, PATH, b"", headers)
    return answer.status.code if answer.status else 0


async def call_without_a_key(client: httpx.AsyncClient) -> int:
    """Makes a call that auth is not asked about, and returns its gRPC status."""
    answer = await grpc_web.call(client, "/voicearena.mesh.v1.MeshService/GetHealth", b"", {})
    return answer.status.code if answer.status else 0


@pytest.mark.parametrize("header", ["grpc-timeout", "grpc-trace-bin", "grpc-encoding", "grpc-status"])
async def test_a_bad_header_of_one_caller_costs_no_other_caller_anything(
    header: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    await grpc_web.call(api, PATH, b"", {header: "!abc"})
    assert [await ordinary_call(api) for _ in range(CALLS)] == [0] * CALLS


async def test_the_gateway_remembers_no_header_on_a_connection_to_a_service() -> None:
    """The table that would hold it is announced as empty, in the first frame of a connection."""
    first = await first_bytes_of_a_connection()
    settings = first.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    length = int.from_bytes(settings[:3], "big")
    assert settings[3] == 4
    entries = [settings[9 + at : 15 + at] for at in range(0, length, 6)]
    assert {int.from_bytes(e[:2], "big"): int.from_bytes(e[2:], "big") for e in entries}[1] == 0


async def first_bytes_of_a_connection() -> bytes:
    """Returns what the gateway sends first to a service."""
    told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server, gateway(server.sockets[0].getsockname()[1], **UNLIMITED) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get(JSON, headers=ANYBODY)
        return await told


async def test_a_connection_on_which_every_call_fails_is_replaced() -> None:
    handler = EveryService()
    async with (
        serving(handler) as port,
        gateway(port, **UNLIMITED) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        assert await call_without_a_key(client) == 0
        handler.spoilt.update(handler.peers)
        codes = [await call_without_a_key(client) for _ in range(MAX_FAILED_CALLS + 5)]
        assert codes[0] != 0
        assert codes[-4:] == [0, 0, 0, 0]
        assert len(handler.peers) == 2
