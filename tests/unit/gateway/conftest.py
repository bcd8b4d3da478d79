"""A gateway: the real Envoy in front of a stand-in for every service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import code_pb2
from voicearena.gateway.v1 import external_auth_pb2 as ext_authz

from gateway.settings import GatewaySettings
from tests.gateway import running_gateway

AUTHORIZATION = "/envoy.service.auth.v3.Authorization/Check"
EMPTY = b""
# Calls are counted, but no test reaches the limit.
UNLIMITED = {
    "rate_limit_per_second": 100_000,
    "rate_limit_burst": 1_000_000,
    "anonymous_rate_limit_per_second": 100_000,
    "anonymous_rate_limit_burst": 1_000_000,
}
ANYBODY = {"authorization": "Bearer anybody"}


@dataclass
class KeyCheck:
    """The response of auth for an Authorization header."""

    token: str
    key: str = "key_a"
    believe_ms: int = 0


@dataclass
class EveryService(grpc.GenericRpcHandler):
    """A stand-in for every service. It returns an empty message for each call, and checks API keys as auth does."""

    known: dict[str, KeyCheck] | None = None
    """The valid keys, by Authorization header. None accepts every key."""
    seen: dict[str, bytes] = field(default_factory=dict)
    """The requests, by path."""
    metadata: dict[str, str] = field(default_factory=dict)
    """The metadata of the last call."""
    checked: list[str] = field(default_factory=list)
    """The Authorization headers that auth has checked."""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is unset, auth does not answer."""
    broken: bool = False
    """Whether auth fails."""
    peers: list[str] = field(default_factory=list)
    """The connections with calls, each once."""
    broken_peers: set[str] = field(default_factory=set)
    """The connections on which every call fails."""

    def __post_init__(self) -> None:
        self.may_answer.set()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def respond(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            if context.peer() not in self.peers:
                self.peers.append(context.peer())
            if context.peer() in self.broken_peers:
                await context.abort(grpc.StatusCode.INTERNAL, "metadata can't be read")
            if details.method == AUTHORIZATION:
                return (await self._check(request, context)).SerializeToString()
            self.seen[details.method] = request
            self.metadata = {key: str(value) for key, value in details.invocation_metadata}
            return EMPTY

        return grpc.unary_unary_rpc_method_handler(respond)

    async def _check(self, request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> ext_authz.CheckResponse:
        attributes = ext_authz.CheckRequest.FromString(request).attributes
        authorization = attributes.request.http.headers.get("authorization", "")
        self.checked.append(authorization)
        await self.may_answer.wait()
        if self.broken:
            await context.abort(grpc.StatusCode.INTERNAL, "broken")
        found = KeyCheck("somebody") if self.known is None else self.known.get(authorization)
        if found is None and "public" in attributes.context_extensions:
            return ext_authz.CheckResponse(ok_response={"headers_to_remove": ["authorization"]})
        if found is None:
            denied = ext_authz.DeniedHttpResponse(status={"code": 401}, body="The API key is unknown")
            return ext_authz.CheckResponse(status={"code": code_pb2.UNAUTHENTICATED}, denied_response=denied)
        response = ext_authz.CheckResponse(ok_response={"headers_to_remove": ["authorization"]})
        if found.token:
            response.ok_response.headers.add(
                header={"key": "x-voicearena-identity", "value": found.token},
                append_action="OVERWRITE_IF_EXISTS_OR_ADD",
            )
            response.dynamic_metadata.update({"token": found.token, "key": found.key, "believe_ms": found.believe_ms})
        return response


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.asynccontextmanager
async def serving(handler: EveryService) -> AsyncIterator[int]:
    """Serves on a port on loopback, and yields the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(grace=None)


def gateway(services_port: int, **settings: Any) -> contextlib.AbstractAsyncContextManager[str]:
    """Runs Envoy in front of the services on a port, and yields its URL. The elo service is down."""
    here = {f"{name}_address": f"127.0.0.1:{services_port}" for name in ("auth", "experiments", "tts")}
    return running_gateway(**here, **settings)


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[tuple[EveryService, int]]:
    handler = EveryService()
    async with serving(handler) as port:
        yield handler, port


@pytest.fixture(scope="module")
async def api(services: tuple[EveryService, int]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway with an API key."""
    async with gateway(services[1], **UNLIMITED) as url, httpx.AsyncClient(base_url=url, headers=ANYBODY) as client:
        yield client
