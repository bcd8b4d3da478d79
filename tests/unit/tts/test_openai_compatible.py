"""What is specific to OpenAI and compatible servers. test_hosted tests what all hosted providers share."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.limits import SynthesisLimits, speak_within_limits
from services.tts.providers.openai_compatible import OpenAiCompatibleEngine, SpeechEndpoint
from tests.fakes.openai_server import MODEL, Behaviour, OpenAiServer, tone


def endpoint(server: OpenAiServer) -> SpeechEndpoint:
    return SpeechEndpoint("fake", "Fake", server.base_url, server.key, MODEL, ("steady", "af_heart"), 16000, 2)


@pytest_asyncio.fixture
async def engine(openai_server: OpenAiServer) -> AsyncIterator[OpenAiCompatibleEngine]:
    engine = OpenAiCompatibleEngine(endpoint(openai_server))
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def listing_engine(openai_server: OpenAiServer) -> AsyncIterator[OpenAiCompatibleEngine]:
    """An engine without configured voices."""
    engine = OpenAiCompatibleEngine(replace(endpoint(openai_server), voices=()))
    yield engine
    await engine.close()


async def test_the_clock_starts_after_the_handshake(engine: OpenAiCompatibleEngine) -> None:
    began, timing = asyncio.get_running_loop().time(), Timing()
    assert [_ async for _ in engine.synthesize(Utterance("Hello.", "steady"), timing)]
    assert timing.sent_at is not None
    assert timing.connect_ms is not None
    assert timing.first_byte_at is not None
    assert timing.last_byte_at is not None
    assert began + timing.connect_ms / 1000 <= timing.sent_at < timing.first_byte_at < timing.last_byte_at


async def test_raw_samples_have_the_rate_of_the_setting(engine: OpenAiCompatibleEngine) -> None:
    timing = Timing()
    assert [_ async for _ in engine.synthesize(Utterance("Hello.", "steady"), timing)]
    assert timing.sample_rate_hz == 16000


async def test_a_server_that_sends_without_end_is_stopped(engine: OpenAiCompatibleEngine) -> None:
    limits = SynthesisLimits(first_byte_timeout_seconds=5, timeout_seconds=5, max_audio_bytes=9600)
    with pytest.raises(SynthesisError, match="fake sent more than 0 MiB of audio") as caught:
        [_ async for _ in speak_within_limits(engine, Utterance("Hello.", "steady"), Timing(), limits)]
    assert caught.value.kind is FailureKind.BAD_AUDIO


@pytest.mark.parametrize(
    ("ending", "root"),
    [
        ("", "/v1"),
        ("/", "/v1"),
        ("/v1", "/v1"),
        ("/v1/", "/v1"),
        ("/v1/openai", "/v1/openai"),
        ("/v1/openai//", "/v1/openai"),
        ("/proxy", "/proxy"),
        ("/openai/deployments/tts?api-version=2025-03-01", "/openai/deployments/tts"),
        ("?key=1", "/v1"),
    ],
)
async def test_the_routes_are_appended_to_the_path_of_the_base_url(
    openai_server: OpenAiServer, ending: str, root: str
) -> None:
    openai_server.root = root
    address = openai_server.base_url.removesuffix(root) + ending
    engine = OpenAiCompatibleEngine(replace(endpoint(openai_server), base_url=address, voices=()))
    assert [voice.voice_id for voice in await engine.voices()] == list(openai_server.behaviours)
    audio = b"".join([piece async for piece in engine.synthesize(Utterance("Hello.", "steady"), Timing())])
    await engine.close()
    assert audio == tone(1.0, 0.1)
    assert openai_server.queries == [ending.partition("?")[2]] * 2


async def test_no_key_is_sent_if_none_is_configured() -> None:
    async with OpenAiServer().serving() as server:
        engine = OpenAiCompatibleEngine(endpoint(server))
        assert [_ async for _ in engine.synthesize(Utterance("Hello.", "steady"), Timing())]
        await engine.close()


async def test_configured_voices_are_not_requested_from_the_server(
    engine: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    voices = await engine.voices()
    assert [(each.voice_id, each.display_name, each.model_id, each.sample_rate_hz) for each in voices] == [
        ("steady", "Steady", MODEL, 16000),
        ("af_heart", "Af Heart", MODEL, 16000),
    ]
    assert openai_server.listings == 0


@pytest.mark.parametrize(
    ("body", "voices"),
    [
        (b'{"voices": ["af_heart", "am_adam"]}', [("af_heart", "Af Heart", ()), ("am_adam", "Am Adam", ())]),
        (b'["af_heart"]', [("af_heart", "Af Heart", ())]),
        (
            b'{"voices": [{"id": "vivian", "name": "Vivian", "language": "zh"}, {"name": "ono"}, {"id": 5}, 7, null]}',
            [("vivian", "Vivian", ("zh",)), ("ono", "ono", ())],
        ),
    ],
)
async def test_every_shape_of_a_list_of_voices_is_read(
    listing_engine: OpenAiCompatibleEngine,
    openai_server: OpenAiServer,
    body: bytes,
    voices: list[tuple[str, str, tuple[str]]],
) -> None:
    openai_server.listing = Behaviour(200, "application/json", body)
    listed = await listing_engine.voices()
    assert [(each.voice_id, each.display_name, each.languages) for each in listed] == voices


async def test_a_server_without_voices_is_an_error_that_names_the_setting(
    listing_engine: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    openai_server.listing = Behaviour(200, "application/json", b'{"voices": []}')
    with pytest.raises(SynthesisError, match="Fake lists no voices; name them in its voices setting"):
        await listing_engine.voices()
