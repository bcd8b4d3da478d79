"""A small and strict gRPC-Web client: frames over HTTP/1.1, as `application/grpc-web+proto` or its base64 form.

It follows PROTOCOL-WEB.md of the gRPC project and refuses whatever is not exactly that.
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
class WebAnswer:
    """The messages of an answer as they were framed, and its status, None if that is OK."""

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
) -> WebAnswer:
    """Makes a call. AssertionError if what comes back is not gRPC-Web."""
    body = struct.pack(">BI", 0, len(message)) + message
    kind = TEXT if text else BINARY
    answer = await client.post(
        path,
        content=base64.b64encode(body) if text else body,
        headers={"content-type": kind, "accept": kind, "x-grpc-web": "1", **(headers or {})},
    )
    assert answer.status_code == 200, f"HTTP {answer.status_code}: {answer.text[:300]}"
    assert answer.headers["content-type"].startswith(kind if not _ended_in_headers(answer) else "application/grpc-web")
    if _ended_in_headers(answer):
        assert not answer.content, "an answer that ends in its headers has no body"
        return WebAnswer([], _status(answer.headers), answer.headers)
    messages, trailers = _frames(_decode_text(answer.content) if text else answer.content)
    return WebAnswer(messages, _status(trailers), answer.headers)


def _ended_in_headers(answer: httpx.Response) -> bool:
    return "grpc-status" in answer.headers


def _decode_text(content: bytes) -> bytes:
    """Decodes base64 in which each chunk may be padded for itself."""
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
    raise AssertionError("the answer has no trailers")


def _status(trailers: httpx.Headers) -> status_pb2.Status | None:
    code = int(trailers["grpc-status"])
    message = unquote(trailers.get("grpc-message", ""))
    packed = trailers.get("grpc-status-details-bin")
    if not packed:
        return status_pb2.Status(code=code, message=message) if code else None
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    assert (status.code, status.message) == (code, message), "the details are of another error"
    return status
