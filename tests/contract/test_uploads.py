"""Uploads to a real mesh: stored as they are, evaluated, and nothing left of those that fail."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest, UploadEvaluationRequest
from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub

from deploy.local.mesh import Mesh
from tests.contract.clients import bearer
from tests.contract.leftovers import Leftovers
from tests.contract.world import World
from tests.fakes.bodies import wav_of
from tests.fakes.recordings import tone
from tests.mesh import register

ROUTE = "/api/v1/evaluations"
MB = 1024 * 1024
WAV = wav_of(tone(1.0).tobytes())
RAW = {"content-type": "audio/wav"}
# Steps that need no model.
QUICK = {"steps": ["decode", "signal"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of a new developer."""
    developer = await register(mesh)
    async with httpx.AsyncClient(
        base_url=mesh.api_url, headers=bearer(developer.api_key), trust_env=False, timeout=60
    ) as client:
        yield client


def stored(mesh: Mesh) -> set[Path]:
    """Returns the recordings in the audio store, unfinished ones too."""
    return {path for path in (mesh.data_dir.path / "audio").iterdir() if ".audio" in path.name}


async def ended(api: httpx.AsyncClient, evaluation_id: str) -> dict[str, Any]:
    """Waits for the end of an evaluation, and returns it."""
    async with asyncio.timeout(60), api.stream("GET", f"{ROUTE}/{evaluation_id}/stream") as response:
        async for line in response.aiter_lines():
            if '"kind":"end"' in line.replace(" ", ""):
                break
    found: dict[str, Any] = (await api.get(f"{ROUTE}/{evaluation_id}")).json()
    return found


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


BAD: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no recording in a form": ({"data": {"language": "en"}, "files": {"other": b"x"}}, 400, "INVALID_INPUT", "audio: "),
    "an empty body": ({"content": b"", "headers": RAW}, 400, "INVALID_INPUT", "audio: must not be empty"),
    "an empty file": ({"files": {"audio": ("a.wav", b"", "audio/wav")}}, 400, "INVALID_INPUT", "audio: must not be"),
    "a text called .wav": (
        {"files": {"audio": ("a.wav", b"I am a text.", "audio/wav")}},
        400,
        "INVALID_INPUT",
        "audio: must be a recording: WAV",
    ),
    "60 MB": ({"content": WAV + bytes(60 * MB), "headers": RAW}, 413, "REQUEST_TOO_LARGE", "audio: the recording must"),
    "60 MB in a form": ({"files": {"audio": WAV + bytes(60 * MB)}}, 413, "REQUEST_TOO_LARGE", "audio: the recording"),
    "the wrong content type": (
        {"content": WAV, "headers": {"content-type": "text/plain"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "content-type: must be",
    ),
    "a reference of 1 MB": (
        {"data": {"reference_text": "x" * MB}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "reference_text: must have at most 100000 characters",
    ),
    "an unknown field": ({"data": {"volume": "1"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "volume: unknown"),
    "an unknown parameter": (
        {"params": {"volume": "1"}, "content": WAV, "headers": RAW},
        400,
        "INVALID_INPUT",
        "volume: unknown",
    ),
    "0 speakers": ({"data": {"num_speakers": "0"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "num_speakers: "),
    "50 speakers": ({"params": {"num_speakers": "50"}, "content": WAV, "headers": RAW}, 400, "INVALID_INPUT", "num_"),
    "a language that is none": ({"data": {"language": "?"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "language"),
    "a scenario": ({"data": {"scenario_id": "s"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "scenario_id: must"),
    "a foreign model": ({"data": {"model_id": "x"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "model_id: must"),
    "the name of stored audio": (
        {"data": {"audio_name": "a.wav"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "audio_name: must be empty in an upload",
    ),
    "a broken form": (
        {"content": b"--x\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        400,
        "INVALID_INPUT",
        "the body must be multipart/form-data: ",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_upload_is_refused_and_leaves_nothing(
    api: httpx.AsyncClient, mesh: Mesh, leftovers: Leftovers, name: str
) -> None:
    request, status, reason, message = BAD[name]
    files, rows = stored(mesh), await leftovers.rows()
    response = await api.post(ROUTE, **request)
    found = failure(response)
    assert found[:2] == (status, reason)
    assert found[2].startswith(message)
    assert (stored(mesh), await leftovers.rows()) == (files, rows)


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


def failure(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["details"][0]["reason"], body["message"]
