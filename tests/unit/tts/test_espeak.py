"""The espeak engine, with its real workers and with stand-ins that crash, hang or break the protocol."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing
from functools import partial

import pytest

from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.measurement import measure
from services.tts.providers import espeak_frames, espeak_voices
from services.tts.providers.espeak import EspeakEngine
from services.tts.providers.espeak_process import EspeakProcess, WorkerGone
from services.tts.providers.limits import SynthesisLimits, speak_within_limits

HELLO = "Hello, how can I help you today?"
LIMITS = SynthesisLimits(first_byte_timeout_seconds=10, timeout_seconds=10)

# A worker that follows the protocol until a request arrives, and then runs BEHAVE.
STAND_IN = """
import json, os, sys, time
from services.tts.providers.espeak_frames import HEAD, STAMP, FrameKind, pack
def write(kind, payload=b""):
    os.write(1, pack(kind, payload))
def read():
    head = os.read(0, HEAD.size)
    if head:
        os.read(0, HEAD.unpack(head)[1])
    return bool(head)
languages = [["gmw/en-US", "English", ["en-us"]]]
write(FrameKind.READY, json.dumps({"sample_rate_hz": 22050, "languages": languages, "variants": []}).encode())
AUDIO = STAMP.pack(1.0) + bytes(2000)
while read():
    BEHAVE
"""


def stand_in(behave: str) -> partial:
    return partial(EspeakProcess.start, (sys.executable, "-c", STAND_IN.replace("BEHAVE", behave)))


async def spoken(engine: EspeakEngine, utterance: Utterance, timing: Timing | None = None) -> bytes:
    return b"".join([piece async for piece in speak_within_limits(engine, utterance, timing or Timing(), LIMITS)])


async def failure(engine: EspeakEngine, limits: SynthesisLimits = LIMITS) -> SynthesisError:
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in speak_within_limits(engine, Utterance(HELLO, "en-us"), Timing(), limits)]
    return caught.value


async def test_audio_arrives_in_pieces_that_the_worker_timed(espeak: EspeakEngine) -> None:
    timing, pieces = Timing(), []
    async with aclosing(espeak.synthesize(Utterance(HELLO, "en-us"), timing)) as audio:
        pieces = [piece async for piece in audio]
    measured = measure(b"".join(pieces), timing)
    assert len(pieces) > 20
    assert 1.8 < measured.duration_seconds < 2.2
    assert 0 < measured.ttfb_ms < measured.generation_time_ms
    assert (measured.transport, measured.sample_rate_hz, measured.connection_reused) == ("pipe", 22050, True)


async def test_the_two_first_voices_are_american_and_british(espeak: EspeakEngine) -> None:
    voices = await espeak.voices()
    assert [(voice.voice_id, voice.languages[0]) for voice in voices[:2]] == [("en-us", "en-us"), ("en-gb", "en-gb")]
    assert len({voice.voice_id for voice in voices}) == len(voices) > 100


async def test_every_offered_english_voice_sounds_different(espeak: EspeakEngine) -> None:
    ids = [voice.voice_id for voice in await espeak.voices() if voice.voice_id.startswith("en-")]
    audio = {voice_id: await spoken(espeak, Utterance("butter", voice_id)) for voice_id in ids}
    assert len({*audio.values()}) == len(ids) > 20


async def test_a_language_does_not_depend_on_the_previous_one(espeak: EspeakEngine) -> None:
    """The library keeps the previous voice if it does not find a name, such as en-gb."""
    engine = EspeakEngine(max_concurrency=1)
    american = await spoken(engine, Utterance("butter", "en-us"))
    german = await spoken(engine, Utterance("butter", "de"))
    british = await spoken(engine, Utterance("butter", "en-gb"))
    await engine.close()
    assert len({len(american), len(german), len(british)}) == 3


async def test_speed_shortens_speech(espeak: EspeakEngine) -> None:
    lengths = [
        len(await spoken(espeak, Utterance(HELLO, "en-us", parameters=SpeechParameters(speed))))
        for speed in (0.5, None, 2.0)
    ]
    assert lengths[0] > 1.5 * lengths[1] > 1.5 * 1.5 * lengths[2]


async def test_a_voice_that_is_not_offered_is_unknown(espeak: EspeakEngine) -> None:
    with pytest.raises(SynthesisError) as caught:
        await spoken(espeak, Utterance(HELLO, "en-us+nobody"))
    assert (caught.value.kind, caught.value.message) == (
        FailureKind.UNKNOWN_VOICE,
        "espeak has no voice 'en-us+nobody'",
    )


async def test_closing_a_stream_stops_the_speech_and_keeps_the_worker(espeak: EspeakEngine) -> None:
    engine, timing = EspeakEngine(max_concurrency=1), Timing()
    whole = await spoken(engine, Utterance(HELLO, "en-us"))
    async with aclosing(engine.synthesize(Utterance("word " * 900, "en-us"), Timing())) as audio:
        await anext(audio)
    after = await spoken(engine, Utterance(HELLO, "en-us"), timing)
    await engine.close()
    assert timing.connection_reused
    assert abs(len(after) - len(whole)) < 0.01 * len(whole)


async def test_a_killed_worker_fails_its_request_and_is_replaced() -> None:
    engine = EspeakEngine(max_concurrency=1)
    async with aclosing(engine.synthesize(Utterance("word " * 900, "en-us"), Timing())) as audio:
        await anext(audio)
        (worker,) = engine._all
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerGone, match="the espeak worker ended unexpectedly"):
            [_ async for _ in audio]
    timing = Timing()
    assert await spoken(engine, Utterance(HELLO, "en-us"), timing)
    await engine.close()
    assert not timing.connection_reused
    assert timing.connect_ms is not None


async def test_a_worker_that_died_while_idle_is_replaced_without_an_error() -> None:
    engine = EspeakEngine(max_concurrency=1)
    await engine.start()
    (worker,) = engine._all
    os.kill(worker.pid, signal.SIGKILL)
    await worker._process.wait()
    assert await spoken(engine, Utterance(HELLO, "en-us"))
    await engine.close()


@pytest.mark.parametrize(
    ("behave", "kind", "message"),
    [
        ("sys.exit(3)", FailureKind.PROVIDER_UNAVAILABLE, "the espeak worker ended unexpectedly"),
        ("write(FrameKind.AUDIO, AUDIO); sys.exit(3)", FailureKind.PROVIDER_UNAVAILABLE, "the espeak worker ended"),
        ("os.write(1, b'Segmentation fault')", FailureKind.PROVIDER_UNAVAILABLE, "the espeak worker ended"),
        ("write(FrameKind.READY)", FailureKind.PROVIDER_UNAVAILABLE, "the espeak worker sent an unexpected message"),
        (
            "write(FrameKind.FAILED, b'espeak-ng could not speak')",
            FailureKind.PROVIDER_UNAVAILABLE,
            "espeak-ng could not",
        ),
        ("time.sleep(600)", FailureKind.TIMED_OUT, "espeak sent no audio within 0.05 s"),
        (
            "write(FrameKind.AUDIO, AUDIO); time.sleep(600)",
            FailureKind.TIMED_OUT,
            "espeak had not sent all audio after 0.1 s",
        ),
    ],
)
async def test_a_worker_that_misbehaves_fails_its_request_with_the_reason(
    behave: str, kind: FailureKind, message: str
) -> None:
    engine = EspeakEngine(1, stand_in(behave))
    await engine.start()
    error = await failure(engine, SynthesisLimits(first_byte_timeout_seconds=0.05, timeout_seconds=0.1))
    await engine.close()
    assert error.kind is kind
    assert error.message.startswith(message)


async def test_a_worker_that_hangs_is_killed() -> None:
    engine = EspeakEngine(1, stand_in("time.sleep(600)"))
    await engine.start()
    (worker,) = engine._all
    await failure(engine, SynthesisLimits(first_byte_timeout_seconds=0.05, timeout_seconds=0.05))
    assert worker._process.returncode == -signal.SIGKILL
    assert not engine._all


async def test_a_program_that_is_not_a_worker_makes_the_provider_unavailable() -> None:
    engine = EspeakEngine(1, partial(EspeakProcess.start, (sys.executable, "-c", "pass")))
    await engine.start()
    assert engine.unavailable_reason() == "the espeak worker ended unexpectedly"
    missing = EspeakEngine(1, partial(EspeakProcess.start, ("/no/such/program",)))
    await missing.start()
    assert missing.unavailable_reason() == "the espeak worker could not be started: No such file or directory"


async def test_workers_end_with_the_engine() -> None:
    engine = EspeakEngine(max_concurrency=2)
    await engine.start()
    workers = list(engine._all)
    await engine.close()
    assert [worker._process.returncode is not None for worker in workers] == [True, True]


async def test_a_worker_has_no_api_key_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    engine = EspeakEngine(
        1, stand_in("write(FrameKind.FAILED, ','.join(k for k in os.environ if 'KEY' in k).encode() or b'none')")
    )
    await engine.start()
    assert (await failure(engine)).message == "none"
    await engine.close()


def test_a_frame_that_is_too_large_is_neither_sent_nor_read() -> None:
    with pytest.raises(ValueError, match="the frame has 1048577 bytes; the maximum is 1048576"):
        espeak_frames.pack(espeak_frames.FrameKind.AUDIO, bytes(2**20 + 1))
    with pytest.raises(ValueError, match="the frame has 1048577 bytes"):
        espeak_frames.unpack_head(espeak_frames.HEAD.pack(b"A", 2**20 + 1))


def test_variants_that_the_library_lacks_are_not_offered() -> None:
    languages = [
        ("zle/ru", "Russian", ["ru"]),
        ("gmw/en", "English", ["en-gb", "en"]),
        ("gmw/en-US", "English (America)", ["en-us", "en"]),
    ]
    offered = espeak_voices.offered_voices(languages, ["f3", "unheard"], 22050)
    assert {voice_id: voice.identifier for voice_id, voice in offered.items()} == {
        "en-us": "gmw/en-US",
        "en-gb": "gmw/en",
        "en-us+f3": "gmw/en-US+f3",
        "en-gb+f3": "gmw/en+f3",
        "ru": "zle/ru",
    }
    assert list(offered)[:2] == ["en-us", "en-gb"]


async def test_many_requests_share_few_workers(espeak: EspeakEngine) -> None:
    """The caller limits the concurrency. Two requests at a time never start a third worker."""
    slots = asyncio.Semaphore(2)

    async def one() -> int:
        async with slots:
            return len(await spoken(espeak, Utterance("one", "en-us")))

    lengths = await asyncio.gather(*(one() for _ in range(20)))
    assert min(lengths) > 0
    assert len(espeak._all) == 2
