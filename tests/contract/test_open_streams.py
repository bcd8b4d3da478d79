"""A stream ends within a second after the key that opened it becomes invalid, over every protocol."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc import status_pb2
from grpc_status import rpc_status

from deploy.local.mesh import Mesh
from tests.contract.cases.planning import experiment
from tests.contract.cases.speech import speech
from tests.contract.clients import bearer
from tests.contract.grpc_web import BINARY
from tests.contract.outcome import failed
from tests.contract.rpcs import Rpc, rpcs
from tests.contract.world import World
from tests.mesh import STAND_IN

CREATE, REVOKE, ROTATE = "AuthService.CreateApiKey", "AuthService.RevokeApiKey", "AuthService.RotateApiKey"
WATCH, SPEAK = rpcs()["ExperimentService.WatchExperiment"], rpcs()["TtsService.SynthesizeSpeech"]
# One second, plus some time for a busy machine.
MAX_SECONDS = 1.5
FIRST_SECONDS = 15.0
STUCK = speech(provider=STAND_IN, voice_id="stuck")


async def read_grpc(channel: grpc.aio.Channel, rpc: Rpc, request: Any, key: str, begun: asyncio.Event) -> str:
    call: Any = channel.unary_stream(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)(
        ParseDict(request, rpc.request()), metadata=list(bearer(key).items()), timeout=FIRST_SECONDS
    )
    try:
        async for _ in call:
            begun.set()
    except grpc.aio.AioRpcError as error:
        outcome = failed(rpc_status.from_call(error))  # type: ignore[arg-type]
        return f"{outcome.code} {outcome.reason}: {outcome.message}"
    return "OK"


async def read_grpc_web(http: httpx.AsyncClient, rpc: Rpc, request: Any, key: str, begun: asyncio.Event) -> str:
    message = ParseDict(request, rpc.request()).SerializeToString()
    headers = {"content-type": BINARY, "x-grpc-web": "1", **bearer(key)}
    body = b""
    async with http.stream(
        "POST", rpc.path, content=struct.pack(">BI", 0, len(message)) + message, headers=headers
    ) as response:
        async for piece in response.aiter_raw():
            body += piece
            begun.set()
    trailers = dict(line.split(":", 1) for line in body[body.rindex(b"\x80") + 5 :].decode().strip().split("\r\n"))
    packed = base64.b64decode(trailers["grpc-status-details-bin"] + "==")
    outcome = failed(status_pb2.Status.FromString(packed))
    return f"{outcome.code} {outcome.reason}: {outcome.message}"


async def read_json(http: httpx.AsyncClient, rpc: Rpc, request: Any, key: str, begun: asyncio.Event) -> str:
    """Returns the error in the last event, or "reset" if the stream was reset."""
    assert rpc.route
    verb, path, has_body = rpc.route
    path = path.replace("{id}", request.get("id", ""))
    body = {"json": request} if has_body else {}
    text = b""
    try:
        async with http.stream(verb, path, headers=bearer(key), **body) as response:  # type: ignore[arg-type]
            assert response.status_code == 200
            async for piece in response.aiter_raw():
                text += piece
                begun.set()
    except httpx.RemoteProtocolError:
        return "reset"
    last = json.loads(text.decode().strip().rpartition("data: ")[2])
    assert last["kind"] == "failed"
    (info,) = last["error"]["details"]
    assert last["error"]["code"] == grpc.StatusCode.UNAUTHENTICATED.value[0]
    return f"UNAUTHENTICATED {info['reason']}: {last['error']['message']}"


@asynccontextmanager
async def opened(mesh: Mesh, protocol: str, rpc: Rpc, request: Any, key: str) -> AsyncIterator["asyncio.Task[str]"]:
    """Opens a stream and waits for its first message. Yields a task that returns how the stream ended."""
    begun = asyncio.Event()
    async with AsyncExitStack() as stack:
        if protocol == "grpc":
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")))
            reading = asyncio.create_task(read_grpc(channel, rpc, request, key, begun))
        else:
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=mesh.api_url, timeout=FIRST_SECONDS, trust_env=False)
            )
            read = read_json if protocol == "json" else read_grpc_web
            reading = asyncio.create_task(read(http, rpc, request, key, begun))
        async with asyncio.timeout(FIRST_SECONDS):
            await begun.wait()
        assert not reading.done()
        yield reading
        reading.cancel()


async def new_key(world: World, **fields: Any) -> tuple[str, str]:
    """Returns a new key of the developer, and its id."""
    made = await world.call(CREATE, {"name": "for a stream", **fields})
    return made["key"], made["api_key"]["id"]


@pytest.mark.parametrize("protocol", ["grpc", "grpc-web", "json"])
async def test_a_revoked_key_ends_the_stream_that_watches_an_experiment(
    protocol: str, mesh: Mesh, world: World
) -> None:
    key, key_id = await new_key(world)
    planned = await world.call("ExperimentService.CreateExperiment", experiment())
    async with opened(mesh, protocol, WATCH, {"id": planned["id"]}, key) as ending:
        await world.call(REVOKE, {"id": key_id})
        async with asyncio.timeout(MAX_SECONDS):
            assert await ending == "UNAUTHENTICATED CREDENTIALS_INVALID: The API key was revoked"


@pytest.mark.parametrize(
    ("protocol", "end"),
    [
        ("grpc", "UNAUTHENTICATED CREDENTIALS_INVALID: The API key was revoked"),
        ("grpc-web", "UNAUTHENTICATED CREDENTIALS_INVALID: The API key was revoked"),
        ("json", "reset"),
    ],
)
async def test_a_revoked_key_ends_a_speech_stream(protocol: str, end: str, mesh: Mesh, world: World) -> None:
    key, key_id = await new_key(world)
    async with opened(mesh, protocol, SPEAK, STUCK, key) as ending:
        await world.call(REVOKE, {"id": key_id})
        async with asyncio.timeout(MAX_SECONDS):
            assert await ending == end


async def test_an_expired_key_ends_its_stream(mesh: Mesh, world: World) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=2)
    key, _ = await new_key(world, expires_at=ends.isoformat().replace("+00:00", "Z"))
    planned = await world.call("ExperimentService.CreateExperiment", experiment())
    async with opened(mesh, "grpc", WATCH, {"id": planned["id"]}, key) as ending:
        async with asyncio.timeout(2 + MAX_SECONDS):
            assert (await ending).startswith("UNAUTHENTICATED CREDENTIALS_INVALID: The API key expired at")
        assert datetime.now(UTC) >= ends


async def test_a_rotated_key_ends_its_stream_after_the_overlap(mesh: Mesh, world: World) -> None:
    key, key_id = await new_key(world)
    planned = await world.call("ExperimentService.CreateExperiment", experiment())
    async with opened(mesh, "grpc", WATCH, {"id": planned["id"]}, key) as ending:
        new = (await world.call(ROTATE, {"id": key_id, "overlap_seconds": 0}))["api_key"]["id"]
        async with asyncio.timeout(MAX_SECONDS):
            assert f"use {new}, to which it was rotated" in await ending


async def test_streams_with_another_key_go_on(mesh: Mesh, world: World) -> None:
    _, key_id = await new_key(world)
    key, _ = await new_key(world)
    planned = await world.call("ExperimentService.CreateExperiment", experiment())
    async with opened(mesh, "grpc", WATCH, {"id": planned["id"]}, key) as ending:
        await world.call(REVOKE, {"id": key_id})
        _, pending = await asyncio.wait([ending], timeout=1)
        assert pending == {ending}
        await world.call("ExperimentService.CancelExperiment", {"id": planned["id"]})
        assert await ending == "OK"
