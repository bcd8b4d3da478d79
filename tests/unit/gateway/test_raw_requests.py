"""Ambiguous requests, sent byte by byte to the real Envoy."""

import asyncio
import json

import httpx
import pytest

from tests.unit.gateway.conftest import EveryService

TIMEOUT_SECONDS = 5.0
POST = "POST /api/v1/experiments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer k\r\n"
GET = "GET /api/v1/experiments HTTP/1.1\r\nhost: x\r\nauthorization: Bearer kc_a\r\n"
SMUGGLED = "GET /api/v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = "authorization: Bearer kc_a\r\nconnection: close\r\n\r\n"
REFUSED = [
    (
        "two lengths of one body",
        f"{POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        400,
    ),
    ("two content lengths", f"{POST}content-length: 2\r\ncontent-length: 40\r\n\r\n{{}}{SMUGGLED}", 400),
    ("a negative length", f"{POST}content-length: -1\r\n\r\n{{}}", 400),
    ("a length with a sign", f"{POST}content-length: +2\r\n\r\n{{}}", 400),
    ("a coding beside chunked", f"{POST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("two codings", f"{POST}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n", 501),
    ("a blank before a colon", f"{POST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("a chunk without a size", f"{POST}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n", 400),
    ("two hosts", "GET /api/v1/experiments HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    ("a host with a path", "GET /api/v1/experiments HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
    ("no host", "GET /api/v1/experiments HTTP/1.1\r\n\r\n", 400),
    ("HTTP/1.0", "GET /api/v1/experiments HTTP/1.0\r\nhost: x\r\n\r\n", 426),
    ("HTTP/0.9", "GET /api/v1/experiments\r\n\r\n", 426),
    ("a method in lower case", "get /api/v1/experiments HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an escaped slash", "GET /api/v1%2fexperiments HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a zero byte in a path", "GET /api/v1/experiments/\0 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an escaped zero byte in a path", "GET /api/v1/experiments/a%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a fragment", "GET /api/v1/experiments/a#b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a zero byte in a header", f"{GET}x: a\0b\r\n\r\n", 400),
    ("a header without a name", f"{GET}: a\r\n\r\n", 400),
    ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 50, 400),
    ("a tunnel", "CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    ("another protocol", f"{GET}connection: upgrade\r\nupgrade: websocket\r\n\r\n", 403),
]
SERVED = [
    ("an absolute URI", f"GET http://elsewhere/api/v1/experiments HTTP/1.1\r\nhost: x\r\n{LAST}"),
    ("slashes", f"GET //api//v1/experiments HTTP/1.1\r\nhost: x\r\n{LAST}"),
    ("escaped dots", f"GET /api/v1/x/%2e%2e/experiments HTTP/1.1\r\nhost: x\r\n{LAST}"),
    ("h2c", f"{GET}connection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"),
]


async def responses_to(api: httpx.AsyncClient, request: str) -> bytes:
    """Sends a request unchanged, and returns all bytes until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    writer.write(request.encode("latin-1"))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        response = await reader.read()
    writer.close()
    return response


@pytest.mark.parametrize(("request_", "status"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
async def test_an_ambiguous_request_gets_one_error(
    request_: str, status: int, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    services[0].seen.clear()
    response = await responses_to(api, request_)
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert sorted(json.loads(body)) == ["code", "details", "message"]
    assert services[0].seen == {}


@pytest.mark.parametrize("request_", [pytest.param(case[1], id=case[0]) for case in SERVED])
async def test_other_spellings_of_a_path_are_accepted(request_: str, api: httpx.AsyncClient) -> None:
    response = await responses_to(api, request_)
    assert (response.count(b"HTTP/1.1 "), response.startswith(b"HTTP/1.1 200 ")) == (1, True)
