"""Clients of the API, one for each protocol. All take and return messages in the API's JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, cast
from urllib.parse import quote

import grpc
import httpx
from google.protobuf.json_format import ParseDict
from google.rpc import status_pb2
from grpc_status import rpc_status

from tests.contract import grpc_web
from tests.contract.outcome import Outcome, failed, succeeded
from tests.contract.rpcs import Rpc

# No call of these tests takes longer.
CALL_SECONDS = 30.0
# A stream goes on until what it watches has ended, such as an experiment whose speech is evaluated.
STREAM_SECONDS = 90.0
PROTOCOLS = ("grpc", "grpc-web", "json")

Request = Mapping[str, Any]
Headers = Mapping[str, str]


class Client(Protocol):
    """Calls any RPC."""

    async def call(self, rpc: Rpc, request: Request, headers: Headers | None = None) -> Outcome:
        """Makes a call and waits for the complete response. `headers` are added to those of the protocol."""


class GrpcClient:
    """gRPC, over HTTP/2 without TLS."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def call(self, rpc: Rpc, request: Request, headers: Headers | None = None) -> Outcome:
        make: Any = self._channel.unary_stream if rpc.streams else self._channel.unary_unary
        method = make(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        message = ParseDict(dict(request), rpc.request())
        call = method(
            message, metadata=list((headers or {}).items()), timeout=STREAM_SECONDS if rpc.streams else CALL_SECONDS
        )
        try:
            messages = [message async for message in call] if rpc.streams else [await call]
        except grpc.aio.AioRpcError as error:
            return failed(rpc_status.from_call(cast(grpc.Call, error)) or status_pb2.Status(message=str(error)))
        return succeeded(messages, raw=rpc.is_raw)


class GrpcWebClient:
    """gRPC-Web, over HTTP/1.1."""

    def __init__(self, http: httpx.AsyncClient, *, text: bool = False) -> None:
        self._http = http
        self._text = text

    async def call(self, rpc: Rpc, request: Request, headers: Headers | None = None) -> Outcome:
        message = ParseDict(dict(request), rpc.request()).SerializeToString()
        response = await grpc_web.call(self._http, rpc.path, message, headers, text=self._text)
        if response.status is not None:
            return failed(response.status)
        return succeeded([rpc.response.FromString(each) for each in response.messages], raw=rpc.is_raw)


class JsonClient:
    """JSON, over HTTP/1.1, with the routes that the protos declare."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def call(self, rpc: Rpc, request: Request, headers: Headers | None = None) -> Outcome:
        assert rpc.route, f"{rpc.name} has no JSON route"
        verb, template, has_body = rpc.route
        names = re.findall(r"\{(\w+)\}", template)
        path = re.sub(r"\{(\w+)\}", lambda name: quote(str(request.get(name[1], "")), safe=""), template)
        rest = {name: value for name, value in request.items() if name not in names}
        response = await self._http.request(
            verb,
            path,
            headers=headers,
            **({"json": rest} if has_body else {"params": list(_flat(rest))}),
        )
        return self._outcome(rpc, response)

    def _outcome(self, rpc: Rpc, response: httpx.Response) -> Outcome:
        if response.status_code != 200:
            return json_failure(response)
        kind = response.headers["content-type"]
        if rpc.is_raw:
            return Outcome(messages=[{"content_type": kind}], raw=response.content, http_status=200)
        messages: Sequence[Mapping[str, Any]] = sse_messages(response) if rpc.streams else [json_body(response)]
        return Outcome(messages=messages, http_status=200)


def json_body(response: httpx.Response) -> Any:
    """Returns the body of a response with the content type JSON."""
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.content)


def json_failure(response: httpx.Response) -> Outcome:
    """Returns the error of a response. Errors are always JSON, also those that the gateway makes itself."""
    body = json_body(response)
    assert sorted(body) == ["code", "details", "message"]
    return failed(ParseDict(body, status_pb2.Status()), response.status_code)


def sse_messages(response: httpx.Response) -> list[Any]:
    """Returns the messages of an event stream. Each is a `data:` line and an empty line."""
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, end = response.text.split("\n\n")
    assert end == "", "the last event was cut off"
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


def _flat(request: Request, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in request.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(value) if isinstance(value, bool) else str(value)


async def open_clients(stack: AsyncExitStack, api_url: str) -> dict[str, Client]:
    """Opens a client for each protocol, including `grpc-web-text`. The stack closes them."""
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(api_url.removeprefix("http://")))
    http = await stack.enter_async_context(http_client(api_url))
    return {
        "grpc": GrpcClient(channel),
        "grpc-web": GrpcWebClient(http),
        "grpc-web-text": GrpcWebClient(http, text=True),
        "json": JsonClient(http),
    }


def http_client(api_url: str) -> httpx.AsyncClient:
    """Returns an HTTP client of the API that ignores proxies in the environment."""
    return httpx.AsyncClient(base_url=api_url, timeout=CALL_SECONDS, trust_env=False)


def bearer(key: str) -> dict[str, str]:
    """Returns the authorization header for a key."""
    return {"authorization": f"Bearer {key}"}
