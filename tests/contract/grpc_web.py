"""A small and strict gRPC-Web client: frames over HTTP/1.1, as `application/grpc-web+proto` or its base64 form.

It accepts only what PROTOCOL-WEB.md of the gRPC project specifies.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
from google.rpc import status_pb2

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
TRAILERS = 0x80


@dataclass(frozen=True)
class WebResponse:
    """The framed messages of a response, and its status, which is None if it is OK."""

    messages: list[bytes]
    status: status_pb2.Status | None
    headers: httpx.Headers


async def call(
    client: httpx.AsyncClient,
    path: str,
    message: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    text: bool = False,
) -> WebResponse:
    """Makes a call. Raises AssertionError if the response is not valid gRPC-Web."""
    body = struct.pack(">BI", 0, len(message)) + message
    kind = TEXT if text else BINARY
    response = await client.post(
        path,
        content=base64.b64encode(body) if text else body,
        headers={"content-type": kind, "accept": kind, "x-grpc-web": "1", **(headers or {})},
    )
    assert response.status_code == 200, f"HTTP {response.status_code}: {response.text[:300]}"
    assert response.headers["content-type"].startswith(
        kind if not _ended_in_headers(response) else "application/grpc-web"
    )
    if _ended_in_headers(response):
        assert not response.content, "a response that ends in its headers has no body"
        return WebResponse([], _status(response.headers), response.headers)
    messages, trailers = _frames(_decode_text(response.content) if text else response.content)
    return WebResponse(messages, _status(trailers), response.headers)


def _ended_in_headers(response: httpx.Response) -> bool:
    return "grpc-status" in response.headers


def _decode_text(content: bytes) -> bytes:
    """Decodes base64 whose chunks may each have their own padding."""
    whole = bytearray()
    for start in range(0, len(content), 4):
        whole += base64.b64decode(content[start : start + 4], validate=True)
    return bytes(whole)


def _frames(content: bytes) -> tuple[list[bytes], httpx.Headers]:
    messages: list[bytes] = []
    while content:
        flag, length = struct.unpack_from(">BI", content)
        payload, content = content[5 : 5 + length], content[5 + length :]
        assert len(payload) == length, "a frame was cut off"
        if flag == TRAILERS:
            assert not content, "something follows the trailers"
            lines = [line.split(b":", 1) for line in payload.split(b"\r\n") if line]
            return messages, httpx.Headers([(name.strip(), value.strip()) for name, value in lines])
        assert flag == 0, f"a frame has the flag {flag}"
        messages.append(payload)
    raise AssertionError("the response has no trailers")


def _status(trailers: httpx.Headers) -> status_pb2.Status | None:
    code = int(trailers["grpc-status"])
    message = unquote(trailers.get("grpc-message", ""))
    packed = trailers.get("grpc-status-details-bin")
    if not packed:
        return status_pb2.Status(code=code, message=message) if code else None
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    assert (status.code, status.message) == (code, message), "the details belong to another error"
    return status
