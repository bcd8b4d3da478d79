"""Serves stored bytes over plain HTTP, with lengths, ranges and entity tags, which no answer of gRPC can have.

The gateway sends GET and HEAD of the routes in gateway/config.py here instead of transcoding them, and uploads
(`http_uploads`). Everything else is as for an RPC: the identity that the gateway found, the errors in JSON, the trace
and the metrics, under the RPC's name.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2
from opentelemetry.trace import SpanKind

from services.runtime import identity, telemetry
from services.runtime.byte_ranges import Selected, select
from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from services.runtime.error_status import to_status
from services.runtime.errors import NotFound
from services.runtime.event_loop import Stopwatch
from services.runtime.http_answers import Message, Receive, Send, encoded, joined, refuse
from services.runtime.http_uploads import Take, UploadRoute
from services.runtime.interceptors import Admission, Ended, told
from services.runtime.open_streams import OpenStreams
from services.runtime.rpc import call_metadata

if TYPE_CHECKING:
    import uvicorn

log = structlog.get_logger()

# Longer than the gateway keeps an idle connection, so that it never sends a request on one that is just being closed.
KEEP_ALIVE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    name: str
    """The last part of the path."""
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """What there is to send."""

    content_type: str
    size: int
    etag: str
    """A strong entity tag with its quotes: other bytes have another one."""
    read: Callable[[int, int], AsyncGenerator[bytes, None]]
    """Yields the bytes from a position to another one, without the last."""
    headers: Mapping[str, str] = field(default_factory=dict)
    sending: Callable[[Selected], Mapping[str, str]] = lambda _: {}
    """Returns further headers of an answer that has a body."""


Find = Callable[[Asked], Awaitable[Content]]


class HttpBytes:
    """An HTTP server for some RPCs that stream `google.api.HttpBody`, at the paths of their JSON routes."""

    def __init__(self, verifier: identity.TokenVerifier, streams: OpenStreams) -> None:
        self._verifier = verifier
        self._streams = streams
        self._address = ""
        self._routes: dict[str, _Route] = {}
        self._uploads: dict[str, UploadRoute] = {}
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None

    def add(self, address: str, method: MethodDescriptor, find: Find) -> None:
        """Serves an RPC at the address of all of them.

        `find` returns what to send, or raises what the caller is told; nobody may be calling.
        """
        self._address = address
        rpc = f"/{method.containing_service.full_name}/{method.name}"
        admission = Admission(rpc, self._verifier, public=True)
        self._routes[_path_prefix(method)] = _Route(rpc, find, admission, self._streams, Ended(rpc))

    def add_uploads(self, address: str, method: MethodDescriptor, take: Take) -> None:
        """Takes uploads at the path of an RPC's JSON route. `take` stores one and returns the RPC's response."""
        self._address = address
        rpc = f"/{method.containing_service.full_name}/{method.name}"
        admission = Admission(rpc, self._verifier, public=False)
        path = str(method.GetOptions().Extensions[annotations_pb2.http].post)
        self._uploads[path] = UploadRoute(rpc, take, admission, self._streams, Ended(rpc))

    async def start(self, drain_seconds: float) -> None:
        """Listens, if it serves anything; OSError if the address is taken."""
        if not self._routes and not self._uploads:
            return
        # Imported here: most services have nothing to serve with it.
        import uvicorn

        host, _, port = self._address.rpartition(":")
        # What they say of themselves is said better by our own lines.
        for name in ("uvicorn", "python_multipart"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            self,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # Envoy adds one.
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
        """Takes no more requests and lets those in hand end, within the time set."""
        if self._server is not None and self._socket is not None:
            await self._server.shutdown([self._socket])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request (ASGI)."""
        headers = joined(scope["headers"])
        call_metadata.set([(name, headers.get(name, "")) for name in _PASSED_ON if name in headers])
        # The transcoder accepts a slash at the end, too.
        uploads = self._uploads.get(scope["path"].removesuffix("/"))
        if uploads is not None and scope["method"] == "POST":
            watch = Stopwatch()
            with telemetry.span(uploads.rpc, headers.get("traceparent", ""), SpanKind.SERVER):
                _observe(uploads.ended, await uploads.answer(scope, headers, receive, send), watch)
            return
        prefix, _, name = scope["path"].rpartition("/")
        route = self._routes.get(f"{prefix}/")
        if route is None or scope["method"] not in ("GET", "HEAD"):
            # The gateway sends nothing else here.
            await refuse(send, NotFound.of("route", scope["path"][:200]))
            return
        watch = Stopwatch()
        with telemetry.span(route.rpc, headers.get("traceparent", ""), SpanKind.SERVER):
            answering = _Answering(route, scope, headers, send)
            _observe(route.ended, await answering.run(name, asyncio.create_task(_left(receive))), watch)


_PASSED_ON = (CLIENT_ADDRESS_HEADER, identity.IDENTITY_HEADER, identity.KEY_FAULT_HEADER)


@dataclass(frozen=True, slots=True)
class _Route:
    rpc: str
    find: Find
    admission: Admission
    streams: OpenStreams
    ended: Ended


@dataclass(slots=True)
class _Answering:
    """One request."""

    route: _Route
    scope: Message
    headers: Mapping[str, str]
    send: Send
    started: bool = False

    async def run(self, name: str, left: "asyncio.Task[None]") -> int:
        """Answers, and returns how it went as a google.rpc.Code."""
        try:
            token = self.headers.get(identity.IDENTITY_HEADER, "")
            identity.set_caller(self.route.admission.known(token) or await self.route.admission.admit(token))
            query = dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))
            whole = await self._answer(await self.route.find(Asked(name, query)), left)
            return int(code_pb2.OK if whole else code_pb2.CANCELLED)
        except Exception as error:  # noqa: BLE001 - every error becomes an answer here
            known = told(error, self.route.rpc)
            status = to_status(known)
            if not self.started:
                await refuse(self.send, known)
            else:
                # The answer ends before its length is reached: the connection is closed, and the gateway resets the
                # client's.
                log.warning("stored bytes broke off", method=self.route.rpc, error=known.message)
            return int(status.code)
        finally:
            left.cancel()

    async def _answer(self, content: Content, left: "asyncio.Task[None]") -> bool:
        """Returns whether all of the answer was taken."""
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
            # Ended when the owner's key stops being good; who has a signed link has no key.
            with self.route.streams.opened(identity.current_caller()) as stream:
                while (piece := await stream.next(pieces)) is not None:
                    await self.send({"type": "http.response.body", "body": piece, "more_body": True})
                    # Others have their turn, and a client that has left is noticed, although nothing may have to wait.
                    await asyncio.sleep(0)
                    if left.done():
                        return False
        await self.send({"type": "http.response.body"})
        return True

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": encoded(headers.items())})


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _observe(ended: Ended, code: int, watch: Stopwatch) -> None:
    if code == code_pb2.OK:
        ended.ok.observe(watch.seconds())
    else:
        ended.failed(code, watch.seconds())


def _path_prefix(method: MethodDescriptor) -> str:
    """Returns the path of an RPC's JSON route up to its one variable, which ends it: `/api/v1/audio/` say."""
    template = str(method.GetOptions().Extensions[annotations_pb2.http].get)
    prefix, _, rest = template.partition("{")
    if not prefix or not rest.endswith("}") or "/" in rest:
        raise ValueError(f"{method.full_name}: {template!r} is no GET whose path ends in its one variable")
    return prefix
