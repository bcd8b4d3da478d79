"""Streams as JSON users receive them: events, speech, stored audio."""

import asyncio
import io
import struct
import wave
from contextlib import AsyncExitStack

import httpx
import numpy as np
import pytest

from tests.contract.cases.planning import experiment
from tests.contract.cases.speech import speech
from tests.contract.clients import Client, bearer, json_failure, sse_messages
from tests.contract.rpcs import rpcs
from tests.contract.world import World
from tests.fakes.openai_server import BEHAVIOURS, OpenAiServer
from tests.mesh import STAND_IN

# Full scale of 16 bits is 32767. Speech exceeds a hundredth of it.
AUDIBLE = 300


async def test_a_run_can_be_watched_to_its_end(http: httpx.AsyncClient, world: World) -> None:
    headers = bearer(world.developer.api_key)
    planned = (await http.post("/api/v1/experiments", json=experiment(), headers=headers)).json()
    path = f"/api/v1/experiments/{planned['id']}"
    async with http.stream("GET", f"{path}/stream", headers=headers) as response:
        lines = response.aiter_lines()
        first = await anext(lines)
        assert first.startswith('data: {"kind":"state"')
        await http.post(f"{path}/run", headers=headers)
        rest = "\n".join([line async for line in lines])
    seen = sse_messages(httpx.Response(200, headers=response.headers, text=f"{first}\n{rest}\n"))
    kinds = [message["kind"] for message in seen]
    assert kinds[0] == "state"
    assert kinds[-1] == "end"
    assert kinds.count("end") == 1
    assert seen[-1]["experiment"]["status"] == "completed"
    trials = {message["trial"]["id"]: message["trial"]["status"] for message in seen if message["kind"] == "progress"}
    assert list(trials.values()) == ["completed", "completed"]
    assert all("experiment" in message for message in seen if message["kind"] != "heartbeat")


async def test_cancelling_a_run_ends_its_stream(
    clients: dict[str, Client], http: httpx.AsyncClient, world: World
) -> None:
    headers = bearer(world.developer.api_key)
    planned = (await http.post("/api/v1/experiments", json=experiment(), headers=headers)).json()
    path = f"/api/v1/experiments/{planned['id']}"
    async with http.stream("GET", f"{path}/stream", headers=headers) as response:
        lines = response.aiter_lines()
        await anext(lines)
        await http.post(f"{path}/cancel", headers=headers)
        *_, last, end = [line async for line in lines]
    assert (last[:20], end) == ('data: {"kind":"end",', "")
    assert '"status":"cancelled"' in last


async def test_an_error_before_the_first_message_has_an_http_status(http: httpx.AsyncClient, world: World) -> None:
    id_ = await world.value("experiment_of_somebody_else")
    response = await http.get(f"/api/v1/experiments/{id_}/stream", headers=bearer(world.developer.api_key))
    assert (response.status_code, json_failure(response).reason) == (404, "NOT_FOUND")


async def test_streamed_wav_plays(http: httpx.AsyncClient, world: World) -> None:
    response = await http.post("/api/v1/speech", json=speech(), headers=bearer(world.developer.api_key))
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/wav")
    assert "content-length" not in response.headers
    header, samples = response.content[:44], response.content[44:]
    assert header[:4] + header[8:16] + header[36:40] == b"RIFFWAVEfmt data"
    # The length is unknown when the header is sent. Players read to the end.
    claimed = struct.unpack("<I", header[40:44])[0]
    assert claimed > len(samples)
    true_header = header[:4] + struct.pack("<I", 36 + len(samples)) + header[8:40] + struct.pack("<I", len(samples))
    with wave.open(io.BytesIO(true_header + samples)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 22050)
        assert 0.3 < wav.getnframes() / wav.getframerate() < 5
    assert np.abs(np.frombuffer(samples, "<i2")).max() > AUDIBLE


async def test_pcm_equals_the_samples_of_the_wav(http: httpx.AsyncClient, world: World) -> None:
    headers = bearer(world.developer.api_key)
    # The output of espeak-ng differs from call to call, so a stand-in speaks.
    request = speech(provider=STAND_IN, voice_id="steady")
    wav = await http.post("/api/v1/speech", json=request, headers=headers)
    pcm = await http.post("/api/v1/speech", json={**request, "format": "pcm"}, headers=headers)
    assert pcm.headers["content-type"] == "audio/l16;rate=24000;channels=1"
    assert pcm.content == wav.content[44:] == BEHAVIOURS["steady"].body


async def test_speech_is_the_same_over_every_protocol(clients: dict[str, Client], world: World) -> None:
    rpc, headers = rpcs()["TtsService.SynthesizeSpeech"], bearer(world.developer.api_key)
    request = speech(provider=STAND_IN, voice_id="steady")
    outcomes = [await client.call(rpc, request, headers) for client in clients.values()]
    assert len(outcomes) == 4
    assert len({outcome.raw for outcome in outcomes}) == 1


async def test_stored_audio_plays(http: httpx.AsyncClient, world: World) -> None:
    trials = await world.call("ExperimentService.ListTrials", {"id": await world.value("completed_experiment")})
    trial = trials["trials"][0]
    response = await http.get(trial["audio_url"])
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(response.content)) as wav:
        assert wav.getframerate() == trial["sample_rate_hz"]
        assert wav.getnframes() / wav.getframerate() == pytest.approx(trial["duration_seconds"], abs=1e-4)
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(float)
    assert np.mean(np.abs(samples) < AUDIBLE) == pytest.approx(trial["silence_ratio"], abs=1e-9)


@pytest.mark.parametrize("tampered", ["expires=4000000000", "signature=00000000000000000000000000000000"])
async def test_a_changed_link_is_refused_with_401(tampered: str, http: httpx.AsyncClient, world: World) -> None:
    trials = await world.call("ExperimentService.ListTrials", {"id": await world.value("completed_experiment")})
    link = httpx.URL(trials["trials"][0]["audio_url"])
    name, _, value = tampered.partition("=")
    response = await http.get(link.copy_set_param(name, value))
    assert (response.status_code, json_failure(response).reason) == (401, "CREDENTIALS_INVALID")


async def test_speech_beyond_a_providers_capacity_is_refused_with_429(
    clients: dict[str, Client], http: httpx.AsyncClient, world: World, speech_server: OpenAiServer
) -> None:
    """Four stuck streams hold every slot and two calls wait, so the seventh call is refused."""
    request = speech(provider=STAND_IN, voice_id="stuck")
    rpc, headers = rpcs()["TtsService.SynthesizeSpeech"], bearer(world.developer.api_key)
    calls = [asyncio.create_task(clients["grpc"].call(rpc, request, headers)) for _ in range(7)]
    try:
        done, held = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert [call.result().reason for call in done] == ["BUSY"]
        assert len(held) == 6
        for protocol in ("grpc", "grpc-web", "json"):
            outcome = await clients[protocol].call(rpc, request, headers)
            assert (outcome.code, outcome.reason) == ("RESOURCE_EXHAUSTED", "BUSY")
            assert outcome.http_status in (None, 429)
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_disconnected_caller_frees_the_providers_slot(
    http: httpx.AsyncClient, world: World, speech_server: OpenAiServer
) -> None:
    speech_server.gone.clear()
    request = speech(provider=STAND_IN, voice_id="stuck")
    async with AsyncExitStack() as stack:
        response = await stack.enter_async_context(
            http.stream("POST", "/api/v1/speech", json=request, headers=bearer(world.developer.api_key))
        )
        await anext(response.aiter_raw())
    async with asyncio.timeout(10):
        await speech_server.gone.wait()
