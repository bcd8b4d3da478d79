"""Attacks on the gateway's capacity, without a key or with a body that is too large."""

import asyncio
import time

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.auth.domain import new_key
from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.contract import grpc_web
from tests.contract.clients import bearer, http_client

EXPERIMENTS = "/api/v1/experiments"
CREATE = "/voicearena.experiments.v1.ExperimentService/CreateExperiment"
JSON = {"content-type": "application/json"}
MB = 1024 * 1024
MANY_STREAMS = 100
MAX_LIMIT_TRIED = 1000


@attack("announces a body without a key, where one is needed", promise="401 before any of the body arrives")
async def announce_bodies_without_a_key(target: Target) -> None:
    for path in (EXPERIMENTS, "/api/v1/speech", CREATE):
        kind = "application/grpc-web+proto" if path == CREATE else "application/json"
        async with target.connect() as (reader, writer), asyncio.timeout(5):
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 50000\r\n\r\n"
            writer.write(head.encode())
            response = (await reader.readuntil(b"\r\n\r\n")).decode()
            refused = response.startswith("HTTP/1.1 401 ") or "grpc-status: 16" in response
            assert refused, f"{path} answered {response.splitlines()[0]}"


@attack("sends half a million values in one body", promise="400 within two seconds; others are served")
async def send_many_values(target: Target) -> None:
    body = b'{"prompts": [' + b'"",' * 450_000 + b'""]}'
    headers = JSON | await target.headers()
    started = time.monotonic()
    responses = await asyncio.gather(*(target.http.post(EXPERIMENTS, content=body, headers=headers) for _ in range(4)))
    assert {response.status_code for response in responses} == {400}
    assert await target.is_healthy()
    assert time.monotonic() - started < 2, f"it took {time.monotonic() - started:.1f} s"


@attack("sends 6 MB right after another call with the same key", promise="413 each time; the connection stays open")
async def send_large_bodies(target: Target) -> None:
    headers = await target.headers()
    async with http_client(target.api_url) as client:
        for _ in range(5):
            await client.get(EXPERIMENTS, headers=headers)
            response = await client.post(EXPERIMENTS, content=b"x" * 6 * MB, headers=JSON | headers)
            assert response.status_code == 413, f"JSON answered {response.status_code}"
            web = await grpc_web.call(client, CREATE, b"x" * 6 * MB, headers)
            code = web.status.code if web.status else 0
            assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], f"gRPC-Web answered {code}"


@attack("sends many unknown keys", promise="429 before they are looked up; valid keys work")
async def send_unknown_keys(target: Target) -> None:
    response = await target.http.post("/api/v1/developers", json={})
    limit = int(response.headers.get("x-ratelimit-limit", MAX_LIMIT_TRIED + 1))
    if limit > MAX_LIMIT_TRIED:
        raise CannotTry("ANONYMOUS_RATE_LIMIT_BURST is too high on this mesh")
    valid = await target.headers()
    assert (await target.http.get(EXPERIMENTS, headers=valid)).status_code == 200
    # Each of Envoy's threads counts separately. There are at most four by default.
    responses = [(await target.http.get(EXPERIMENTS, headers=bearer(new_key()))).status_code for _ in range(5 * limit)]
    assert set(responses) == {401, 429}, f"answered {sorted(set(responses))}"
    assert (await target.http.get(EXPERIMENTS, headers=valid)).status_code == 200


@attack("keeps many reflection streams open", promise="calls with a key and health checks are served")
async def keep_reflection_open(target: Target) -> None:
    headers = await target.headers()
    async with target.own_channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        streams = [stub.ServerReflectionInfo() for _ in range(MANY_STREAMS)]
        listing = reflection_pb2.ServerReflectionRequest(list_services="")
        await asyncio.gather(*(stream.write(listing) for stream in streams), return_exceptions=True)
        assert (await target.http.get("/api/v1/developers/me", headers=headers)).status_code == 200
        assert await target.is_healthy()
        for stream in streams:
            stream.cancel()
