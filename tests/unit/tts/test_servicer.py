"""TtsService with scripted engines."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from voicearena.tts.v1 import tts_service_pb2 as pb

from services.runtime.errors import (
    Busy,
    CredentialsMissing,
    InvalidInput,
    NotFound,
    SynthesisFailed,
    Unauthenticated,
)
from services.runtime.identity import Caller, Identity, set_caller
from services.shared.audio import wav
from services.tts.domain import FailureKind, SynthesisError
from services.tts.servicer import TtsServicer
from tests.fakes.engine import ScriptedEngine
from tests.fakes.openai_server import tone
from tests.unit.tts.use_cases import LINKS, UseCases, job, kept, use_cases

CONTEXT = cast(Any, None)


def servicer(tts: UseCases) -> TtsServicer:
    return TtsServicer(tts.voices, tts.speech, tts.audio)


def speech(**fields: Any) -> pb.SynthesizeSpeechRequest:
    return pb.SynthesizeSpeechRequest(**{"text": "Hello.", "provider": "fake", "voice_id": "bob", **fields})


async def streamed(tts: UseCases, request: pb.SynthesizeSpeechRequest) -> list[tuple[str, bytes]]:
    return [(part.content_type, part.data) async for part in servicer(tts).SynthesizeSpeech(request, CONTEXT)]


def as_developer(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "token"))


@pytest.fixture(autouse=True)
def _nobody_calls() -> Iterator[None]:
    set_caller(None)
    yield
    set_caller(None)


async def test_providers_are_sorted_by_id_and_have_the_reason_if_unavailable(tmp_path: Path) -> None:
    engines = [ScriptedEngine("zeta"), ScriptedEngine("alpha", max_concurrency=7)]
    engines[0].fault = "set ZETA_API_KEY"
    listed = await servicer(await use_cases(tmp_path, engines)).ListProviders(pb.ListProvidersRequest(), CONTEXT)
    assert [(each.id, each.available, each.max_concurrency) for each in listed.providers] == [
        ("alpha", True, 7),
        ("zeta", False, 2),
    ]
    assert listed.providers[1].unavailable_reason == "set ZETA_API_KEY"
    assert not listed.providers[0].HasField("unavailable_reason")


async def test_pages_of_voices_are_complete(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine("a"), ScriptedEngine("b")])
    seen, token = [], ""
    while True:
        page = await servicer(tts).ListVoices(pb.ListVoicesRequest(page_size=4, page_token=token), CONTEXT)
        seen.append([f"{voice.provider}:{voice.voice_id}" for voice in page.voices])
        token = page.next_page_token
        if not token:
            break
    assert seen == [["a:ann", "a:bob", "a:cleo", "b:ann"], ["b:bob", "b:cleo"]]


async def test_a_page_token_belongs_to_its_provider(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine("a"), ScriptedEngine("b")])
    page = await servicer(tts).ListVoices(pb.ListVoicesRequest(provider="a", page_size=1), CONTEXT)
    with pytest.raises(InvalidInput, match="page_token: must be the next_page_token"):
        await servicer(tts).ListVoices(pb.ListVoicesRequest(provider="b", page_token=page.next_page_token), CONTEXT)


async def test_an_unknown_provider_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="provider: must be one of fake"):
        await servicer(await use_cases(tmp_path)).ListVoices(pb.ListVoicesRequest(provider="nobody"), CONTEXT)


async def test_voices_of_a_provider_that_is_down_are_not_listed(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.fault = "down"
    assert not (await servicer(tts).ListVoices(pb.ListVoicesRequest(provider="fake"), CONTEXT)).voices


async def test_speech_streams_as_a_wav_of_unknown_length(tmp_path: Path) -> None:
    parts = await streamed(await use_cases(tmp_path), speech())
    assert [kind for kind, _ in parts] == ["audio/wav", *[""] * (len(parts) - 1)]
    assert len(parts) > 2
    assert b"".join(data for _, data in parts) == wav.header(24000) + tone(0.5, 0.1)


async def test_speech_streams_as_raw_samples(tmp_path: Path) -> None:
    parts = await streamed(await use_cases(tmp_path), speech(format="pcm"))
    assert parts[0][0] == "audio/l16;rate=24000;channels=1"
    assert b"".join(data for _, data in parts) == tone(0.5, 0.1)


async def test_streamed_speech_is_not_stored(tmp_path: Path) -> None:
    await streamed(await use_cases(tmp_path), speech())
    assert kept(tmp_path) == []


async def test_without_a_voice_the_first_one_speaks(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await streamed(tts, speech(voice_id=""))
    assert tts.engine.utterances[0].voice_id == "ann"


async def test_every_bad_field_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        await streamed(await use_cases(tmp_path), speech(text="", voice_id="eve", parameters={"speed": 9.0}))
    assert [each.field for each in caught.value.violations] == ["text", "parameters.speed", "voice_id"]


async def test_an_unavailable_provider_is_a_violation_with_the_reason(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine("off"), ScriptedEngine("on")])
    tts.engine.fault = "set OFF_API_KEY"
    with pytest.raises(InvalidInput, match="provider: off can't be used: set OFF_API_KEY; available providers: on"):
        await streamed(tts, speech(provider="off"))


async def test_an_engine_that_fails_before_its_first_byte_fails_the_call(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.RATE_LIMITED, "too much")]
    with pytest.raises(SynthesisFailed, match="too much") as caught:
        await streamed(tts, speech())
    assert caught.value.metadata == {"kind": "rate_limited", "provider": "fake"}


async def test_an_engine_without_audio_fails_the_call(tmp_path: Path) -> None:
    with pytest.raises(SynthesisFailed, match="The provider returned no audio"):
        await streamed(await use_cases(tmp_path, [ScriptedEngine(audio=b"")]), speech())


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (tone(0.01), "The audio lasts 0.01 s, but 6 characters need at least 0.05 s"),
        (tone(23.0), "The audio is longer than 22.00 s, the maximum for 6 characters"),
    ],
    ids=["too short", "too long"],
)
async def test_speech_that_is_too_short_or_too_long_for_its_text_fails(
    audio: bytes, message: str, tmp_path: Path
) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(audio=audio)])
    got: list[bytes] = []

    async def listen() -> None:
        async for part in servicer(tts).SynthesizeSpeech(speech(format="pcm"), CONTEXT):
            got.append(part.data)  # noqa: PERF401

    with pytest.raises(SynthesisFailed, match=message) as caught:
        await listen()
    assert caught.value.metadata["kind"] == "bad_audio"
    assert len(b"".join(got)) <= 22 * 48000


async def test_half_a_sample_at_the_end_of_a_stream_is_dropped(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(audio=tone(0.5) + b"\x01")])
    assert b"".join(data for _, data in await streamed(tts, speech(format="pcm"))) == tone(0.5)


async def test_closing_the_stream_stops_the_engine(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.hold.clear()
    async with aclosing(servicer(tts).SynthesizeSpeech(speech(), CONTEXT)) as parts:
        await anext(parts)
        assert tts.engine.running == 1
    assert tts.engine.running == 0


async def test_a_call_that_is_cancelled_in_the_queue_frees_its_place(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=1)], max_waiting=1)
    tts.engine.hold.clear()
    async with aclosing(servicer(tts).SynthesizeSpeech(speech(), CONTEXT)) as parts:
        await anext(parts)
        waiting = asyncio.create_task(streamed(tts, speech()))
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"fake is busy and its queue is full \(1 waiting\)"):
            await streamed(tts, speech())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        tts.engine.hold.set()
        [_ async for _ in parts]
    assert len(await streamed(tts, speech())) > 1
    assert len(tts.engine.utterances) == 2


async def stored(tts: UseCases, name: str, **link: Any) -> bytes:
    request = pb.GetAudioRequest(name=name, **link)
    parts = [part async for part in servicer(tts).GetAudio(request, CONTEXT)]
    assert parts[0].content_type == "audio/wav"
    return b"".join(part.data for part in parts)


def signed(name: str) -> dict[str, Any]:
    query = parse_qs(urlsplit(LINKS.url(name)).query)
    return {"expires": int(query["expires"][0]), "signature": query["signature"][0]}


async def test_a_signed_link_fetches_audio_without_a_key(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    assert await stored(tts, "trl_1.wav", **signed("trl_1.wav")) == (tmp_path / "trl_1.wav").read_bytes()


async def test_the_owner_fetches_audio_with_the_key_alone(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    as_developer("dev_1")
    assert await stored(tts, "trl_1.wav") == (tmp_path / "trl_1.wav").read_bytes()


@pytest.mark.parametrize("change", [{"signature": "0" * 32}, {"signature": ""}, {"expires": 1}, {"expires": 0}])
async def test_a_link_that_was_changed_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    with pytest.raises(Unauthenticated, match="The link to this audio was changed"):
        await stored(tts, "trl_1.wav", **signed("trl_1.wav") | change)


async def test_audio_without_a_link_and_a_key_is_refused(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    with pytest.raises(CredentialsMissing, match="Audio needs the complete link"):
        await stored(tts, "trl_1.wav")


@pytest.mark.parametrize("name", ["trl_1.wav", "trl_2.wav", "trl_1.json", "../trl_1.wav", "", "x" * 300])
async def test_audio_of_others_is_refused_like_missing_audio(name: str, tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    as_developer("dev_2")
    with pytest.raises(NotFound, match="There is no audio"):
        await stored(tts, name)
