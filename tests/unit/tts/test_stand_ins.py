"""The stand-ins are as strict as the providers, and send the same errors."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.tts.domain import Timing
from services.tts.providers.audio_events import AudioEvents
from tests.fakes.speech_server import BEHAVIOURS, Behaviour, SpeechServer
from tests.unit.tts.hosted import ALL, CARTESIA, DEEPGRAM, ELEVENLABS, KEY, OPENAI, SMALLESTAI, HostedCase, HostedSetup

START_TIMEOUT_SECONDS = 20.0
Body = Mapping[str, Any]


@pytest_asyncio.fixture
async def server(provider: HostedCase) -> AsyncIterator[SpeechServer]:
    async with provider.server(key=KEY).serving() as server:
        yield server


def body_of(provider: HostedCase) -> dict[str, Any]:
    body = dict(provider.sent)
    body.pop("query", None)
    return body


async def ask(
    server: SpeechServer,
    provider: HostedCase,
    *,
    method: str = "POST",
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
    content: bytes | None = None,
) -> httpx.Response:
    """Sends a valid request with the given changes. A header with the value "" is left out."""
    valid_path, valid_headers = provider.valid
    head = {**valid_headers, **provider.auth(KEY), "content-type": "application/json", **(headers or {})}
    data = json.dumps(body_of(provider) if body is None else body).encode() if content is None else content
    url = f"http://127.0.0.1:{server.port}{valid_path if path is None else path}"
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.request(
            method, url, headers={name: value for name, value in head.items() if value}, content=data
        )


def assert_refused_as(provider: HostedCase, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    if provider is DEEPGRAM and answer.headers["content-type"] == "text/plain":
        return
    if provider is CARTESIA and "Cartesia-Version" in answer.text:
        return
    error = answer.json()
    if provider is CARTESIA:
        assert set(error) == {"error_code", "title", "message", "request_id"}
    elif provider is ELEVENLABS:
        detail = error["detail"]
        if isinstance(detail, dict):
            assert set(detail) == {"type", "code", "message", "status", "request_id"}
        elif isinstance(detail, list):
            assert set(detail[0]) == {"loc", "msg", "type"}
    elif provider is SMALLESTAI:
        assert set(error) == {"error", "message"}
    elif provider is DEEPGRAM:
        assert set(error) in ({"err_code", "err_msg", "request_id"}, {"category", "message", "details", "request_id"})
    else:
        assert set(error["error"]) == {"message", "type", "param", "code"}


async def test_a_valid_request_gets_raw_samples_at_24_khz(server: SpeechServer, provider: HostedCase) -> None:
    answer = await ask(server, provider)
    assert answer.status_code == 200
    content = answer.content
    if provider is SMALLESTAI:
        assert answer.headers["content-type"] == "text/event-stream"
        events = AudioEvents(24000)
        content = b"".join(audio for _, audio in [*events.feed(content, 0.0), *events.finish()])
    assert content == BEHAVIOURS["steady"].body


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "x"])
async def test_a_missing_or_wrong_key_is_401(server: SpeechServer, provider: HostedCase, key: str) -> None:
    wrong = provider.auth(key) if key else dict.fromkeys(provider.auth(KEY), "")
    assert_refused_as(provider, await ask(server, provider, headers=wrong), 401)


@pytest.mark.parametrize("provider", [each for each in ALL if each is not ELEVENLABS], ids=str)
async def test_a_key_under_another_scheme_is_401(server: SpeechServer, provider: HostedCase) -> None:
    scheme = "Bearer" if provider is DEEPGRAM else "Token"
    assert_refused_as(provider, await ask(server, provider, headers={"authorization": f"{scheme} {KEY}"}), 401)


async def test_another_method_or_path_is_refused(server: SpeechServer, provider: HostedCase) -> None:
    method = await ask(server, provider, method="PUT")
    assert_refused_as(provider, method, 404 if provider is OPENAI else 405)
    path = provider.valid[0].partition("?")[0]
    assert_refused_as(provider, await ask(server, provider, path=f"{path}/"), 404)
    assert_refused_as(provider, await ask(server, provider, path=f"/v9{path}"), 404)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"null", b"\xff"])
async def test_a_body_that_is_not_a_json_object_is_refused(
    server: SpeechServer, provider: HostedCase, content: bytes
) -> None:
    assert_refused_as(provider, await ask(server, provider, content=content), 422 if provider is ELEVENLABS else 400)


async def test_another_content_type_is_refused(server: SpeechServer, provider: HostedCase) -> None:
    answer = await ask(server, provider, headers={"content-type": "text/plain"})
    assert_refused_as(provider, answer, {"ElevenLabs": 422, "Deepgram": 415}.get(provider.name, 400))


async def test_each_field_is_checked(server: SpeechServer, provider: HostedCase) -> None:
    body = body_of(provider)
    status = 422 if provider is ELEVENLABS else 400
    assert_refused_as(provider, await ask(server, provider, body={**body, "colour": "blue"}), status)
    for name in body:
        wrong = [] if isinstance(body[name], dict) else {}
        assert_refused_as(provider, await ask(server, provider, body={**body, name: wrong}), status)
        assert_refused_as(provider, await ask(server, provider, body={**body, name: None}), status)
    text = {"Cartesia": "transcript", "OpenAI": "input"}.get(provider.name, "text")
    assert_refused_as(provider, await ask(server, provider, body={k: v for k, v in body.items() if k != text}), status)
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "change", "status"),
    [
        (CARTESIA, {"voice": {"mode": "embedding", "id": "steady"}}, 400),
        (CARTESIA, {"voice": {"id": "steady"}}, 400),
        (CARTESIA, {"voice": {"mode": "id", "id": "steady", "more": 1}}, 400),
        (CARTESIA, {"output_format": {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000}}, 400),
        (CARTESIA, {"output_format": {"container": "raw", "encoding": "pcm_f32le", "sample_rate": 24000}}, 400),
        (CARTESIA, {"generation_config": {"speed": 1.6}}, 400),
        (CARTESIA, {"generation_config": {"speed": True}}, 400),
        (CARTESIA, {"generation_config": {"pace": 1}}, 400),
        (CARTESIA, {"model_id": "sonic-0"}, 404),
        (CARTESIA, {"transcript": "x" * 5001}, 400),
        (ELEVENLABS, {"voice_settings": {"speed": 1.3}}, 400),
        (ELEVENLABS, {"voice_settings": {"pace": 1.0}}, 422),
        (ELEVENLABS, {"seed": -1}, 422),
        (ELEVENLABS, {"seed": 1.5}, 422),
        (ELEVENLABS, {"seed": True}, 422),
        (ELEVENLABS, {"language_code": "en-US"}, 400),
        (ELEVENLABS, {"model_id": "eleven_x"}, 400),
        (ELEVENLABS, {"text": "x" * 40001}, 400),
        (SMALLESTAI, {"model": "lightning-v3.1"}, 400),
        (SMALLESTAI, {"output_format": "mp3"}, 400),
        (SMALLESTAI, {"sample_rate": 44100}, 400),
        (SMALLESTAI, {"speed": 2.1}, 400),
        (SMALLESTAI, {"language": "english"}, 400),
        (SMALLESTAI, {"voice_id": "nobody"}, 404),
        (SMALLESTAI, {"text": "x" * 5001}, 413),
        (DEEPGRAM, {"text": ""}, 400),
        (DEEPGRAM, {"text": "x" * 2001}, 413),
        (OPENAI, {"response_format": "mp3"}, 400),
        (OPENAI, {"speed": 4.5}, 400),
        (OPENAI, {"model": "tts-9"}, 404),
        (OPENAI, {"voice": "nobody"}, 400),
        (OPENAI, {"input": "x" * 4097}, 400),
    ],
    ids=str,
)
async def test_each_value_is_checked(server: SpeechServer, provider: HostedCase, change: Body, status: int) -> None:
    assert_refused_as(provider, await ask(server, provider, body={**body_of(provider), **change}), status)
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "path", "status"),
    [
        (ELEVENLABS, "/v1/text-to-speech/steady/stream", 422),
        (ELEVENLABS, "/v1/text-to-speech/steady/stream?output_format=mp3_44100_128", 422),
        (ELEVENLABS, "/v1/text-to-speech/steady/stream?output_format=pcm_24000&more=1", 422),
        (ELEVENLABS, "/v1/text-to-speech/nobody/stream?output_format=pcm_24000", 404),
        (DEEPGRAM, "/v1/speak", 400),
        (DEEPGRAM, "/v1/speak?model=aura-2-steady-en", 400),
        (DEEPGRAM, DEEPGRAM.valid[0].replace("none", "wav"), 400),
        (DEEPGRAM, DEEPGRAM.valid[0].replace("linear16", "mp3"), 400),
        (DEEPGRAM, DEEPGRAM.valid[0].replace("24000", "16000"), 400),
        (DEEPGRAM, DEEPGRAM.valid[0].replace("steady", "nobody"), 400),
        (DEEPGRAM, DEEPGRAM.valid[0] + "&speed=1.6", 400),
        (DEEPGRAM, DEEPGRAM.valid[0] + "&speed=fast", 400),
        (DEEPGRAM, DEEPGRAM.valid[0] + "&pitch=1", 400),
    ],
    ids=str,
)
async def test_the_query_is_checked(server: SpeechServer, provider: HostedCase, path: str, status: int) -> None:
    assert_refused_as(provider, await ask(server, provider, path=path), status)
    assert server.requests == []


@pytest.mark.parametrize("provider", [CARTESIA], ids=str)
@pytest.mark.parametrize("version", ["", "latest", "2026-8-14"])
async def test_cartesia_requires_a_version_that_is_a_date(
    server: SpeechServer, provider: HostedCase, version: str
) -> None:
    answer = await ask(server, provider, headers={"cartesia-version": version})
    assert_refused_as(provider, answer, 400)
    assert answer.text == "Invalid version: the Cartesia-Version header must be a date"


@pytest.mark.parametrize("provider", [CARTESIA], ids=str)
async def test_an_old_version_of_cartesia_refuses_in_plain_text(server: SpeechServer, provider: HostedCase) -> None:
    answer = await ask(server, provider, headers={"cartesia-version": "2025-04-16"}, body={})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain")
    assert answer.text == "Error: model_id: field required"


@pytest.mark.parametrize(
    ("provider", "path", "status"),
    [
        (CARTESIA, "/voices?limit=101", 400),
        (CARTESIA, "/voices?starting_after=nobody", 400),
        (CARTESIA, "/voices?page=2", 400),
        (ELEVENLABS, "/v2/voices?page_size=101", 422),
        (ELEVENLABS, "/v2/voices?next_page_token=x", 400),
        (ELEVENLABS, "/v1/voices", 404),
        (SMALLESTAI, "/waves/v1/lightning_v3.1/get_voices", 404),
        (DEEPGRAM, "/v1/models?family=aura", 400),
    ],
    ids=str,
)
async def test_requests_for_a_list_are_checked(
    server: SpeechServer, provider: HostedCase, path: str, status: int
) -> None:
    assert_refused_as(provider, await ask(server, provider, method="GET", path=path), status)
    assert server.listings == 0


async def test_requests_are_counted_by_voice_and_text(setup: HostedSetup) -> None:
    await setup.engine.voices()
    await asyncio.gather(setup.spoken("slow"), setup.spoken("slow"))
    await setup.failure("failing")
    await setup.failure("nobody")
    async with httpx.AsyncClient(trust_env=False) as client:
        counts = (await client.get(f"http://127.0.0.1:{setup.server.port}/stand-in/counts")).json()
    assert counts["requests"] == 3
    assert counts["by_voice"] == {"slow": 2, "failing": 1}
    assert counts["by_text"] == {"Hello.": 3}
    assert counts["most_at_once"] == 2


async def test_scripted_responses_come_before_the_behaviour_of_the_voice(setup: HostedSetup) -> None:
    refused, cut = setup.server.behaviours["overloaded"], Behaviour(cut_after_pieces=1)
    setup.server.script["steady"].extend([refused, cut])
    assert (await setup.failure("steady")).message.startswith(f"{setup.hosted.name} returned HTTP 503")
    assert (await setup.failure("steady")).message == f"{setup.hosted.name} ended its response early"
    assert await setup.spoken("steady") == BEHAVIOURS["steady"].body


@pytest.mark.parametrize("before_seconds", [0.05, 0.3])
async def test_pieces_are_sent_at_their_times(setup: HostedSetup, before_seconds: float) -> None:
    pieces = 11
    behaviour = Behaviour(before_seconds=before_seconds, piece_bytes=4800, piece_seconds=0.02)
    setup.server.behaviours["timed"] = behaviour
    await setup.spoken("steady")
    timing = Timing()
    assert len(await setup.spoken("timed", timing)) == pieces * 4800
    assert timing.sent_at is not None
    assert timing.first_byte_at is not None
    assert timing.last_byte_at is not None
    # Never too early. How late depends on the machine.
    assert timing.first_byte_at - timing.sent_at >= before_seconds - 0.001
    assert timing.last_byte_at - timing.sent_at >= before_seconds + (pieces - 1) * 0.02 - 0.001


@pytest.mark.parametrize("provider", ALL, ids=str)
async def test_a_stand_in_serves_from_the_command_line(
    provider: HostedCase, unused_tcp_port_factory: Callable[[], int]
) -> None:
    port = unused_tcp_port_factory()
    module = provider.server.__module__
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, "--port", str(port), "--key", KEY)
    engine = provider.engine(f"http://127.0.0.1:{port}", KEY)
    try:
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            await _responds(port)
        assert provider.voice("steady") in [voice.voice_id for voice in await engine.voices()]
    finally:
        await engine.close()
        process.terminate()
        await process.wait()


async def _responds(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}/stand-in/counts")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            else:
                return
