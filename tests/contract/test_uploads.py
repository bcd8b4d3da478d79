"""Uploads to a real mesh: stored as they are, evaluated, and nothing left of those that fail."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import grpc
import httpx
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest, UploadEvaluationRequest
from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub

from deploy.local.mesh import Mesh
from tests.contract.clients import bearer
from tests.contract.leftovers import Leftovers
from tests.contract.uploads import MB, QUICK, RAW, ROUTE, WAV, ended, failure, stored
from tests.contract.world import World
from tests.fakes.bodies import wav_of
from tests.fakes.recordings import tone


async def test_a_raw_body_is_evaluated(api: httpx.AsyncClient) -> None:
    response = await api.post(ROUTE, params={**QUICK, "language": "de"}, content=WAV, headers=RAW)
    created = response.json()
    assert (response.status_code, created["status"], created["language"]) == (200, "pending", "de")
    found = await ended(api, created["id"])
    assert (found["status"], found["duration_seconds"]) == ("completed", 1.0)
    assert found["metrics"]["decode"]["container"] == "wav"
    audio = await api.get(f"{ROUTE}/{created['id']}/audio")
    assert (audio.headers["content-type"], audio.content) == ("audio/wav", WAV)


async def test_a_form_is_evaluated(api: httpx.AsyncClient) -> None:
    data = {**QUICK, "reference_text": "Grüße an alle.", "num_speakers": "1"}
    response = await api.post(ROUTE, data=data, files={"audio": ("call.wav", WAV, "audio/wav")})
    created = response.json()
    assert (response.status_code, created["transcript_ref"], created["num_speakers"]) == (200, "Grüße an alle.", 1)
    assert (await ended(api, created["id"]))["status"] == "completed"


async def test_a_grpc_stream_is_evaluated(api: httpx.AsyncClient, mesh: Mesh) -> None:
    request = CreateEvaluationRequest(steps=QUICK["steps"])
    messages = [UploadEvaluationRequest(request=request, audio=WAV[:100]), UploadEvaluationRequest(audio=WAV[100:])]
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        stub: Any = EvaluationServiceStub(channel)
        key = (("authorization", api.headers["authorization"]),)
        created = await stub.UploadEvaluation(iter(messages), metadata=key)
    found = await ended(api, created.id)
    assert (found["status"], found["duration_seconds"]) == ("completed", 1.0)


async def test_a_deleted_evaluation_leaves_no_recording(api: httpx.AsyncClient, mesh: Mesh) -> None:
    before = stored(mesh)
    created = (await api.post(ROUTE, params=QUICK, content=WAV, headers=RAW)).json()
    assert len(stored(mesh) - before) == 1
    assert (await api.delete(f"{ROUTE}/{created['id']}")).status_code == 200
    assert stored(mesh) == before


async def test_a_request_id_stands_for_one_recording_over_each_way(api: httpx.AsyncClient, mesh: Mesh) -> None:
    fields = {**QUICK, "request_id": secrets.token_hex(8)}
    first = (await api.post(ROUTE, params=fields, content=WAV, headers=RAW)).json()
    before = stored(mesh)
    again = await api.post(ROUTE, data=fields, files={"audio": WAV})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    other = await api.post(ROUTE, params=fields, content=wav_of(tone(0.5).tobytes()), headers=RAW)
    assert failure(other)[:2] == (409, "REQUEST_ID_REUSED")
    assert stored(mesh) == before


async def test_a_running_evaluation_is_neither_exported_nor_retried_and_can_be_deleted(api: httpx.AsyncClient) -> None:
    content = wav_of(tone(600.0, dbfs=-20).tobytes())
    path = f"{ROUTE}/{(await api.post(ROUTE, content=content, headers=RAW)).raise_for_status().json()['id']}"
    assert failure(await api.get(f"{path}/export", params={"format": "json"}))[:2] == (409, "WRONG_STATE")
    assert failure(await api.post(f"{path}/retry", json={}))[:2] == (409, "WRONG_STATE")
    async with asyncio.timeout(60), api.stream("GET", f"{path}/stream") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        (await api.delete(path)).raise_for_status()
        last = [json.loads(line.removeprefix("data: ")) async for line in lines if line.startswith("data: ")][-1]
    assert (last["kind"], last["evaluation"]["status"]) == ("end", "cancelled")
    for route in ("", "/audio", "/stream", "/export?format=json"):
        assert failure(await api.get(path + route))[:2] == (404, "NOT_FOUND")


async def test_evaluations_of_a_deleted_recording_say_that_it_was_deleted(api: httpx.AsyncClient) -> None:
    first = (await api.post(ROUTE, params=QUICK, content=WAV, headers=RAW)).raise_for_status().json()
    second = (await api.post(ROUTE, json={"audio_name": first["audio_name"], **QUICK})).raise_for_status().json()
    assert "audio_deleted_at" not in await ended(api, second["id"])
    (await api.delete(f"{ROUTE}/{first['id']}")).raise_for_status()
    assert (await api.get(f"{ROUTE}/{second['id']}")).json()["audio_deleted_at"]
    assert failure(await api.get(f"{ROUTE}/{second['id']}/audio"))[:2] == (404, "NOT_FOUND")
    assert failure(await api.post(f"{ROUTE}/{second['id']}/retry", json={}))[:2] == (409, "WRONG_STATE")


async def test_naming_a_voice_model_needs_the_scope_to_read_the_catalogue(api: httpx.AsyncClient) -> None:
    scopes = ["evaluations:read", "evaluations:write"]
    made = (await api.post("/api/v1/api-keys", json={"name": "uploader", "scopes": scopes})).raise_for_status().json()
    headers = {**RAW, **bearer(made["key"])}
    refused = await api.post(ROUTE, params={"model_id": "mdl_" + "0" * 32}, content=WAV, headers=headers)
    assert failure(refused)[:2] == (403, "SCOPE_MISSING")
    assert "models:read" in failure(refused)[2]
    (await api.post(ROUTE, params=QUICK, content=WAV, headers=headers)).raise_for_status()


async def test_a_broken_connection_leaves_nothing(api: httpx.AsyncClient, mesh: Mesh, leftovers: Leftovers) -> None:
    files, rows = stored(mesh), await leftovers.rows()
    url = httpx.URL(mesh.api_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {ROUTE} HTTP/1.1\r\nhost: x\r\nauthorization: {api.headers['authorization']}\r\n"
    writer.write(f"{head}content-type: audio/wav\r\ncontent-length: {40 * MB}\r\n\r\n".encode() + WAV + bytes(8 * MB))
    await writer.drain()
    async with asyncio.timeout(20):
        while stored(mesh) == files:  # noqa: ASYNC110 - the other process says nothing
            await asyncio.sleep(0.05)
        writer.close()
        while stored(mesh) != files:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await leftovers.rows() == rows


async def test_an_upload_needs_the_scope_to_write(mesh: Mesh, world: World, api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v1/api-keys", json={"name": "reader", "scopes": ["evaluations:read"]})
    response = await api.post(ROUTE, content=WAV, headers={**RAW, **bearer(made.json()["key"])})
    assert failure(response)[:2] == (403, "SCOPE_MISSING")
