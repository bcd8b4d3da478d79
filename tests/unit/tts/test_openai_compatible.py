"""What is particular to OpenAI and the servers that are compatible with it; what all hosted have is in test_hosted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.deadline import Patience, speak_in_time
from services.tts.providers.openai_compatible import Endpoint, OpenAiCompatibleEngine
from tests.fakes.openai_server import MODEL, OpenAiServer, Temper, tone


def endpoint(server: OpenAiServer) -> Endpoint:
    return Endpoint("fake", "Fake", server.base_url, server.key, MODEL, ("steady", "af_heart"), 16000, 2)


@pytest_asyncio.fixture
async def engine(openai_server: OpenAiServer) -> AsyncIterator[OpenAiCompatibleEngine]:
    engine = OpenAiCompatibleEngine(endpoint(openai_server))
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def asking(openai_server: OpenAiServer) -> AsyncIterator[OpenAiCompatibleEngine]:
    """An engine that was told no voices."""
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


async def test_a_server_that_does_not_end_is_cut_off(engine: OpenAiCompatibleEngine) -> None:
    patience = Patience(first_byte_seconds=5, whole_seconds=5, largest_audio_bytes=9600)
    with pytest.raises(SynthesisError, match="fake gave more than 0 MiB of audio") as caught:
        [_ async for _ in speak_in_time(engine, Utterance("Hello.", "steady"), Timing(), patience)]
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
async def test_the_routes_follow_the_path_of_an_address(openai_server: OpenAiServer, ending: str, root: str) -> None:
    openai_server.root = root
    address = openai_server.base_url.removesuffix(root) + ending
    engine = OpenAiCompatibleEngine(replace(endpoint(openai_server), base_url=address, voices=()))
    assert [voice.voice_id for voice in await engine.voices()] == list(openai_server.tempers)
    audio = b"".join([piece async for piece in engine.synthesize(Utterance("Hello.", "steady"), Timing())])
    await engine.close()
    assert audio == tone(1.0, 0.1)
    assert openai_server.queries == [ending.partition("?")[2]] * 2


async def test_a_server_that_asks_for_no_key_is_sent_none() -> None:
    async with OpenAiServer().serving() as server:
        engine = OpenAiCompatibleEngine(endpoint(server))
        assert [_ async for _ in engine.synthesize(Utterance("Hello.", "steady"), Timing())]
        await engine.close()


async def test_voices_that_are_set_are_not_asked_for(
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
    asking: OpenAiCompatibleEngine, openai_server: OpenAiServer, body: bytes, voices: list[tuple[str, str, tuple[str]]]
) -> None:
    openai_server.listing = Temper(200, "application/json", body)
    told = await asking.voices()
    assert [(each.voice_id, each.display_name, each.languages) for each in told] == voices


async def test_a_server_that_lists_no_voices_says_what_to_set(
    asking: OpenAiCompatibleEngine, openai_server: OpenAiServer
) -> None:
    openai_server.listing = Temper(200, "application/json", b'{"voices": []}')
    with pytest.raises(SynthesisError, match="Fake lists no voices; name them in its setting"):
        await asking.voices()
