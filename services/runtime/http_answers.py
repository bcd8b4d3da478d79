"""The parts of HTTP answers that all requests over plain HTTP share: statuses, headers and errors in JSON."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message as ProtoMessage
from google.rpc import code_pb2

from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, RangeNotSatisfiable

# As the gateway's transcoder maps them, and the reasons that only plain HTTP has.
HTTP_STATUS: Mapping[int, int] = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ABORTED: 409,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.FAILED_PRECONDITION: 412,
    code_pb2.OUT_OF_RANGE: 416,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DEADLINE_EXCEEDED: 504,
}
# Reasons whose HTTP status is more exact than that of their code. The gateway uses the same.
HTTP_STATUS_OF_REASON: Mapping[str, int] = {"REQUEST_TOO_LARGE": 413, "UNSUPPORTED_MEDIA_TYPE": 415}

Headers = Iterable[tuple[str, str]]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def answer_json(send: Send, http_status: int, message: ProtoMessage, headers: Mapping[str, str]) -> None:
    """Answers with a message as JSON, as the gateway's transcoder prints it."""
    body = json.dumps(
        MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    ).encode()
    fixed = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    await send({"type": "http.response.start", "status": http_status, "headers": encoded({**fixed, **headers}.items())})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, error: ArenaError) -> None:
    """Answers with an error."""
    status = to_status(error)
    headers = {"content-range": f"bytes */{error.metadata['size']}"} if isinstance(error, RangeNotSatisfiable) else {}
    http_status = HTTP_STATUS_OF_REASON.get(error.reason) or HTTP_STATUS[status.code]
    await answer_json(send, http_status, status, headers)


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Returns headers by lower-case name, those that come several times joined as RFC 9110 has it."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Returns headers as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
