"""The mesh under attack."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx

from tests.contract.clients import Client, bearer, http_client, open_clients
from tests.contract.outcome import Outcome
from tests.contract.rpcs import rpcs
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import STAND_IN

CONNECT_SECONDS = 5.0


class Target:
    """A running mesh on this machine, with two developers who are registered when an attack first needs them.

    All attacks share `http`, `channel` and `clients` (by protocol: grpc, grpc-web, grpc-web-text, json). An attack that
    breaks its connection opens its own one, with `connect` or `own_channel`. `speech_server` is the server behind the
    provider `stand-in`, or None if the mesh has no such provider.
    """

    def __init__(
        self,
        api_url: str,
        http: httpx.AsyncClient,
        channel: grpc.aio.Channel,
        clients: dict[str, Client],
        speech_server: OpenAiServer | None,
        key: str | None,
    ) -> None:
        self.api_url = api_url
        self.http = http
        self.channel = channel
        self.clients = clients
        self.speech_server = speech_server
        parts = urlsplit(api_url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self._keys = {"developer": key} if key else {}
        self._lock = asyncio.Lock()

    @property
    def provider(self) -> str:
        """The provider that attacks use: the stand-in if the mesh has it, else espeak."""
        return STAND_IN if self.speech_server else "espeak"

    async def key(self, who: str = "developer") -> str:
        """Returns the API key of `developer` or `somebody_else`. Each registers once for all attacks."""
        async with self._lock:
            if who not in self._keys:
                person = {"name": "Attacker", "email": f"{who}-{secrets.token_hex(6)}@example.com"}
                response = await self.http.post("/api/v1/developers", json=person)
                response.raise_for_status()
                self._keys[who] = response.json()["api_key"]
            return self._keys[who]

    async def headers(self, who: str = "developer") -> dict[str, str]:
        """Returns the Authorization header of `developer` or `somebody_else`."""
        return bearer(await self.key(who))

    async def call(self, rpc: str, request: dict[str, Any], who: str = "developer", protocol: str = "json") -> Outcome:
        """Calls an RPC by its name, such as `ExperimentService.CreateExperiment`, and returns the outcome."""
        headers = {} if who == "nobody" else await self.headers(who)
        return await self.clients[protocol].call(rpcs()[rpc], request, headers)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Opens a TCP connection to the gateway and closes it at the end of the block."""
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    def own_channel(self) -> grpc.aio.Channel:
        """Returns a gRPC channel with a connection of its own. Use it with `async with`."""
        return grpc.aio.insecure_channel(f"{self.host}:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)])

    async def is_healthy(self) -> bool:
        """Returns whether the health check succeeds over a new connection."""
        async with http_client(self.api_url) as client:
            return (await client.get("/api/v1/health")).status_code == 200


@asynccontextmanager
async def open_target(
    api_url: str, speech_server: OpenAiServer | None = None, key: str | None = None
) -> AsyncIterator[Target]:
    """Connects to a mesh. Raises ValueError unless the address is one of this machine's loopback addresses."""
    host = urlsplit(api_url).hostname or ""
    for *_, address in socket.getaddrinfo(host, None):
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"{api_url} is not on this machine. Only a mesh on a loopback address is attacked.")
    async with AsyncExitStack() as stack:
        clients = await open_clients(stack, api_url)
        http = await stack.enter_async_context(http_client(api_url))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(urlsplit(api_url).netloc))
        yield Target(api_url, http, channel, clients, speech_server, key)
