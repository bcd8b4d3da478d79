"""The OpenAI-compatible engine against a server that is as strict as the provider, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import pytest_asyncio

from services.tts import wav
from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.providers.audio_body import AudioBody, UnusableBody
from services.tts.providers.deadline import Patience, speak_in_time
from services.tts.providers.http_audio import kind_of_status, retry_after_seconds
from services.tts.providers.openai_compatible import Endpoint, OpenAiCompatibleEngine, explain
from tests.fakes.openai_server import MODEL, OpenAiServer, Temper, tone

TONE = tone(1.0, 0.1)


def endpoint(server: OpenAiServer) -> Endpoint:
    return Endpoint("fake", "Fake", server.base_url, server.key, MODEL, ("steady", "silent"), 24000, 2)


@pytest_asyncio.fixture
async def engine(openai_server: OpenAiServer) -> AsyncIterator[OpenAiCompatibleEngine]:
    engine = OpenAiCompatibleEngine(endpoint(openai_server))
    yield engine
    await engine.close()


async def spoken(engine: OpenAiCompatibleEngine, voice: str, timing: Timing | None = None) -> bytes:
    audio = engine.synthesize(Utterance("Hello.", voice), timing or Timing())
    return b"".join([piece async for piece in audio])


async def failure(engine: OpenAiCompatibleEngine, voice: str) -> SynthesisError:
    with pytest.raises(SynthesisError) as caught:
        await spoken(engine, voice)
    return caught.value


async def test_samples_come_as_they_were_sent(engine: OpenAiCompatibleEngine, openai_server: OpenAiServer) -> None:
    assert await spoken(engine, "steady") == TONE
    assert openai_server.requests == [{"model": MODEL, "input": "Hello.", "voice": "steady", "response_format": "pcm"}]


async def test_speed_and_model_are_passed_on(engine: OpenAiCompatibleEngine, openai_server: OpenAiServer) -> None:
    utterance = Utterance("Hello.", "steady", MODEL, SpeechParameters(speed=1.5))
    async with aclosing(engine.synthesize(utterance, Timing())) as audio:
        await anext(audio)
    assert openai_server.requests[0]["speed"] == 1.5


async def test_the_second_request_goes_over_the_first_ones_connection(
    engine: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    first, second = Timing(), Timing()
    await spoken(engine, "steady", first)
    await spoken(engine, "steady", second)
    assert openai_server.connections == 1
    assert (first.connection_reused, second.connection_reused) == (False, True)
    assert first.connect_ms is not None
    assert second.connect_ms is None
    assert (second.transport, second.sample_rate_hz) == ("http/1.1", 24000)


async def test_the_clock_starts_after_the_handshake(engine: OpenAiCompatibleEngine) -> None:
    began, timing = asyncio.get_running_loop().time(), Timing()
    await spoken(engine, "steady", timing)
    assert timing.sent_at is not None
    assert timing.connect_ms is not None
    assert timing.first_byte_at is not None
    assert timing.last_byte_at is not None
    assert began + timing.connect_ms / 1000 <= timing.sent_at < timing.first_byte_at < timing.last_byte_at


@pytest.mark.parametrize(
    ("voice", "kind", "message", "worth_a_retry"),
    [
        ("broken", FailureKind.PROVIDER_UNAVAILABLE, "Fake broke its answer off", True),
        ("limited", FailureKind.RATE_LIMITED, "Fake answered 429: Rate limit reached", True),
        ("spent", FailureKind.QUOTA_EXCEEDED, "Fake answered 429: You exceeded your current quota", False),
        ("failing", FailureKind.PROVIDER_UNAVAILABLE, "Fake answered 500: The server had an error", True),
        ("redirecting", FailureKind.PROVIDER_UNAVAILABLE, "Fake answered 302", False),
        ("html", FailureKind.BAD_AUDIO, "Fake answered with text/html where audio samples were asked for", False),
        ("mp3", FailureKind.BAD_AUDIO, "Fake answered with audio/mpeg where audio samples were asked for", False),
        ("hidden_mp3", FailureKind.BAD_AUDIO, "Fake sent compressed audio under the type audio/pcm", False),
    ],
)
async def test_what_is_no_audio_fails_with_its_kind(
    engine: OpenAiCompatibleEngine, voice: str, kind: FailureKind, message: str, worth_a_retry: bool
) -> None:
    error = await failure(engine, voice)
    assert (error.kind, error.message, error.worth_a_retry) == (kind, message, worth_a_retry)


async def test_a_provider_that_says_when_to_come_back_is_heard(engine: OpenAiCompatibleEngine) -> None:
    assert (await failure(engine, "limited")).retry_after == 1.0


async def test_an_unknown_voice_is_an_invalid_request(engine: OpenAiCompatibleEngine) -> None:
    error = await failure(engine, "nobody")
    assert error.kind is FailureKind.INVALID_REQUEST
    assert error.message.startswith("Fake answered 400: voice: should be one of steady, hanging")


async def test_a_key_that_is_refused_is_in_no_error(openai_server: OpenAiServer) -> None:
    wrong = OpenAiCompatibleEngine(replace(endpoint(openai_server), api_key="sk-wrong-5678"))
    error = await failure(wrong, "steady")
    await wrong.close()
    assert (error.kind, error.message) == (FailureKind.CREDENTIALS_REJECTED, "Fake answered 401")


async def test_a_key_that_a_server_repeats_elsewhere_is_blotted_out(
    engine: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    openai_server.tempers["telltale"] = Temper(500, "text/plain", b'{"detail": "sk-secret-1234 made\\n me fail"}')
    assert (await failure(engine, "telltale")).message == "Fake answered 500: *** made me fail"


async def test_a_server_that_is_not_there_is_unavailable(openai_server: OpenAiServer) -> None:
    nowhere = OpenAiCompatibleEngine(replace(endpoint(openai_server), base_url="http://127.0.0.1:1"))
    error = await failure(nowhere, "steady")
    await nowhere.close()
    assert (error.kind, error.message) == (FailureKind.PROVIDER_UNAVAILABLE, "Fake can't be reached")


@pytest.mark.parametrize("content_type", ["audio/wav", "audio/x-wav", "application/octet-stream", "audio/pcm"])
@pytest.mark.parametrize("piece_bytes", [1, 44, 4800])
async def test_the_header_of_a_wav_is_not_audio(
    engine: OpenAiCompatibleEngine, openai_server: OpenAiServer, content_type: str, piece_bytes: int
) -> None:
    pcm = tone(0.005)
    openai_server.tempers["wav"] = Temper(
        content_type=content_type, body=wav.header(16000) + pcm, piece_bytes=piece_bytes
    )
    timing = Timing()
    assert await spoken(engine, "wav", timing) == pcm
    assert timing.sample_rate_hz == 16000


async def test_a_rate_in_the_content_type_counts(engine: OpenAiCompatibleEngine, openai_server: OpenAiServer) -> None:
    openai_server.tempers["slow"] = Temper(content_type="audio/L16; rate=8000; channels=1", body=TONE)
    timing = Timing()
    await spoken(engine, "slow", timing)
    assert timing.sample_rate_hz == 8000


@pytest.mark.parametrize(
    ("voice", "message"),
    [("hanging", "fake gave no audio within 0.05 s"), ("stuck", "fake was still speaking after 0.5 s")],
)
async def test_a_server_that_falls_silent_is_timed_out(
    engine: OpenAiCompatibleEngine, voice: str, message: str
) -> None:
    patience = Patience(first_byte_seconds=0.05 if voice == "hanging" else 0.5, whole_seconds=0.5)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in speak_in_time(engine, Utterance("Hello.", voice), Timing(), patience)]
    assert (caught.value.kind, caught.value.message) == (FailureKind.TIMED_OUT, message)


async def test_cancelling_hangs_up_before_the_first_byte_too(
    engine: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    speaking = asyncio.create_task(spoken(engine, "hanging"))
    async with asyncio.timeout(5):
        await openai_server.asked.wait()
        speaking.cancel()
        await openai_server.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_a_server_that_does_not_end_is_cut_off(engine: OpenAiCompatibleEngine) -> None:
    patience = Patience(first_byte_seconds=5, whole_seconds=5, largest_audio_bytes=9600)
    with pytest.raises(SynthesisError, match="fake gave more than 0 MiB of audio") as caught:
        [_ async for _ in speak_in_time(engine, Utterance("Hello.", "steady"), Timing(), patience)]
    assert caught.value.kind is FailureKind.BAD_AUDIO


async def test_closing_the_stream_hangs_up(engine: OpenAiCompatibleEngine, openai_server: OpenAiServer) -> None:
    async with aclosing(engine.synthesize(Utterance("Hello.", "stuck"), Timing())) as audio:
        await anext(audio)
    async with asyncio.timeout(5):
        await openai_server.gone.wait()


async def test_voices_are_those_of_the_setting(engine: OpenAiCompatibleEngine) -> None:
    voices = await engine.voices()
    assert [(each.voice_id, each.model_id, each.sample_rate_hz) for each in voices] == [
        ("steady", MODEL, 24000),
        ("silent", MODEL, 24000),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "no", "code": None}}, (None, "no")),
        ({"detail": "not so"}, (None, "not so")),
        ({"detail": {"error": "x", "message": "not so"}}, (None, "not so")),
        ({"error": {"message": "spent", "type": "insufficient_quota"}}, (FailureKind.QUOTA_EXCEEDED, "spent")),
        ("<html>", (None, "")),
        ([], (None, "")),
    ],
)
def test_errors_of_compatible_servers_are_read(body: object, expected: tuple[FailureKind | None, str]) -> None:
    assert explain(429, body) == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.INVALID_REQUEST),
        (401, FailureKind.CREDENTIALS_REJECTED),
        (402, FailureKind.QUOTA_EXCEEDED),
        (403, FailureKind.CREDENTIALS_REJECTED),
        (404, FailureKind.INVALID_REQUEST),
        (408, FailureKind.PROVIDER_UNAVAILABLE),
        (429, FailureKind.RATE_LIMITED),
        (503, FailureKind.PROVIDER_UNAVAILABLE),
    ],
)
def test_a_status_alone_has_a_kind(status: int, kind: FailureKind) -> None:
    assert kind_of_status(status) is kind


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after_seconds("12") == 12.0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds("") is None
    assert retry_after_seconds(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)) == 0.0
    later = retry_after_seconds(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert later is not None
    assert 3590 < later <= 3600


def test_a_compressed_body_and_one_without_a_type_are_refused() -> None:
    with pytest.raises(UnusableBody, match="compressed its answer"):
        AudioBody({"content-type": "audio/pcm", "content-encoding": "gzip"}, 24000)
    with pytest.raises(UnusableBody, match="answered with no content type"):
        AudioBody({}, 24000)


def test_audio_shorter_than_what_is_sniffed_is_kept() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    assert (body.feed(b"\x01\x02"), body.finish()) == (b"", b"\x01\x02")
