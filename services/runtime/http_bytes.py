"""Serves stored bytes over plain HTTP, with lengths, ranges and entity tags, which gRPC responses can't have.

The gateway sends GET and HEAD requests of the routes in gateway/config.py here instead of transcoding them. Identity,
errors in JSON, traces and durations are as for an RPC and have the RPC's name.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import structlog
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.rpc import code_pb2
from opentelemetry.trace import SpanKind

from services.runtime import identity, telemetry
from services.runtime.byte_ranges import Selected, select
from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, NotFound, RangeNotSatisfiable
from services.runtime.event_loop import Stopwatch
from services.runtime.interceptors import Admission, RpcDurations, error_for_caller
from services.runtime.open_streams import OpenStreams
from services.runtime.rpc import call_metadata

if TYPE_CHECKING:
    import uvicorn

log = structlog.get_logger()

# Longer than the gateway keeps an idle connection, so that it never sends a request on a connection that is closing.
KEEP_ALIVE_SECONDS = 120
# As the gateway's transcoder maps codes, and 412 and 416, which only plain HTTP has.
HTTP_STATUS: Mapping[int, int] = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ABORTED: 409,
    code_pb2.FAILED_PRECONDITION: 412,
    code_pb2.OUT_OF_RANGE: 416,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DEADLINE_EXCEEDED: 504,
}

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BytesRequest:
    """A request for stored bytes."""

    name: str
    """The last part of the path."""
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """The stored bytes to send, and their headers."""

    content_type: str
    size: int
    etag: str
    """A strong entity tag with its quotes. Different bytes have different tags."""
    read: Callable[[int, int], AsyncGenerator[bytes, None]]
    """Yields the bytes from a start position to an end position, which is not included."""
    headers: Mapping[str, str] = field(default_factory=dict)
    sending: Callable[[Selected], Mapping[str, str]] = lambda _: {}
    """Returns further headers of a response with a body."""


Find = Callable[[BytesRequest], Awaitable[Content]]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class HttpBytes:
    """An HTTP server for RPCs that stream `google.api.HttpBody`, at the paths of their JSON routes."""

    def __init__(self, verifier: identity.TokenVerifier, streams: OpenStreams) -> None:
        self._verifier = verifier
        self._streams = streams
        self._address = ""
        self._routes: dict[str, _Route] = {}
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None

    def add(self, address: str, method: MethodDescriptor, find: Find) -> None:
        """Adds an RPC. All RPCs must have the same address.

        `find` returns the content of a request, or raises the error to return. It is also called without an identity.
        """
        self._address = address
        rpc = f"/{method.containing_service.full_name}/{method.name}"
        admission = Admission(rpc, self._verifier, public=True)
        self._routes[_path_prefix(method)] = _Route(rpc, find, admission, self._streams, RpcDurations(rpc))

    async def start(self, drain_seconds: float) -> None:
        """Starts to listen if an RPC was added. Raises OSError if the address is in use."""
        if not self._routes:
            return
        # Imported here because most services don't need it.
        import uvicorn

        host, _, port = self._address.rpartition(":")
        # This module logs its own lines instead.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            self,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # Envoy adds the date.
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host.strip("[]"), int(port)), family=family)
        await self._server.startup([self._socket])

    async def stop(self) -> None:
        """Takes no more requests, and waits up to `drain_seconds` for those in progress."""
        if self._server is not None and self._socket is not None:
            await self._server.shutdown([self._socket])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Responds to a request (ASGI)."""
        headers = _joined(scope["headers"])
        call_metadata.set([(name, headers.get(name, "")) for name in _PASSED_ON if name in headers])
        prefix, _, name = scope["path"].rpartition("/")
        route = self._routes.get(f"{prefix}/")
        if route is None or scope["method"] not in ("GET", "HEAD"):
            await _send_error(send, NotFound.of("route", scope["path"][:200]))
            return
        watch = Stopwatch()
        with telemetry.span(route.rpc, headers.get("traceparent", ""), SpanKind.SERVER):
            request = _HttpRequest(route, scope, headers, send)
            code = await request.respond(name, asyncio.create_task(_wait_for_disconnect(receive)))
            if code == code_pb2.OK:
                route.durations.ok.observe(watch.seconds())
            else:
                route.durations.failed(code, watch.seconds())


_PASSED_ON = (CLIENT_ADDRESS_HEADER, identity.IDENTITY_HEADER, identity.KEY_FAULT_HEADER)


@dataclass(frozen=True, slots=True)
class _Route:
    rpc: str
    find: Find
    admission: Admission
    streams: OpenStreams
    durations: RpcDurations


@dataclass(slots=True)
class _HttpRequest:
    """One request, to which `respond` responds."""

    route: _Route
    scope: Message
    headers: Mapping[str, str]
    send: Send
    started: bool = False

    async def respond(self, name: str, disconnect: "asyncio.Task[None]") -> int:
        """Sends the response. Returns the result as a google.rpc.Code."""
        try:
            token = self.headers.get(identity.IDENTITY_HEADER, "")
            identity.set_caller(self.route.admission.known(token) or await self.route.admission.admit(token))
            query = dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))
            complete = await self._send_content(await self.route.find(BytesRequest(name, query)), disconnect)
            return int(code_pb2.OK if complete else code_pb2.CANCELLED)
        except Exception as error:  # noqa: BLE001 - every error becomes a response here
            caller_error = error_for_caller(error, self.route.rpc)
            status = to_status(caller_error)
            if not self.started:
                await _send_error(self.send, caller_error)
            else:
                # The body is shorter than its Content-Length, so the server closes the connection and the gateway
                # resets the client's.
                log.warning("sending stored bytes broke off", method=self.route.rpc, error=caller_error.message)
            return int(status.code)
        finally:
            disconnect.cancel()

    async def _send_content(self, content: Content, disconnect: "asyncio.Task[None]") -> bool:
        """Sends the content. Returns False if the client left before the end."""
        selected = select(self.scope["method"], self.headers, content.etag, content.size)
        headers = {"etag": content.etag, "accept-ranges": "bytes", "x-content-type-options": "nosniff"}
        headers |= content.headers
        if selected is None:
            await self._start(304, headers)
            await self.send({"type": "http.response.body"})
            return True
        headers |= {"content-type": content.content_type, "content-length": str(selected.end - selected.start)}
        if selected.partial:
            headers["content-range"] = selected.content_range
        if self.scope["method"] == "HEAD":
            await self._start(200, headers)
            await self.send({"type": "http.response.body"})
            return True
        await self._start(206 if selected.partial else 200, {**headers, **content.sending(selected)})
        async with aclosing(content.read(selected.start, selected.end)) as pieces:
            # The stream is ended if the caller's API key becomes invalid. A caller with a signed link has no key.
            with self.route.streams.opened(identity.current_caller()) as stream:
                while (piece := await stream.next(pieces)) is not None:
                    await self.send({"type": "http.response.body", "body": piece, "more_body": True})
                    # Reading and sending may never wait. This lets other tasks run, and notices that the client left.
                    await asyncio.sleep(0)
                    if disconnect.done():
                        return False
        await self.send({"type": "http.response.body"})
        return True

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": _encoded(headers.items())})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_error(send: Send, error: ArenaError) -> None:
    status = to_status(error)
    body = json.dumps(
        MessageToDict(status, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    ).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    if isinstance(error, RangeNotSatisfiable):
        headers["content-range"] = f"bytes */{error.metadata['size']}"
    start = {"type": "http.response.start", "status": HTTP_STATUS[status.code], "headers": _encoded(headers.items())}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Returns headers by name. Repeated headers are joined with commas (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _path_prefix(method: MethodDescriptor) -> str:
    """Returns the path of an RPC's JSON route without the variable at its end, such as `/api/v1/audio/`."""
    template = str(method.GetOptions().Extensions[annotations_pb2.http].get)
    prefix, _, rest = template.partition("{")
    if not prefix or not rest.endswith("}") or "/" in rest:
        raise ValueError(f"{method.full_name}: {template!r} is no GET route that ends with its only variable")
    return prefix
