"""What speech can't be is refused, and nothing that it is."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.plausibility import (
    check_longest,
    check_samples,
    check_shortest,
    is_swapped,
    longest_seconds,
    shortest_seconds,
    spoken_characters,
)
from services.tts.providers.espeak import EspeakEngine
from tests.fakes.bodies import mp3_frames
from tests.fakes.tempers import tone

TEXTS = [
    "I",
    "5",
    "Hello.",
    "...",
    "?!",
    "— — —",
    "🙂🙂🙂",
    "1234567890123456789",
    "$1,234,567.89 on 2026-11-26 at 09:15:30 UTC+02:00",
    "https://example.com/a/very/long/path?with=query&and=more#fragment",
    "x = (a + b) ** 2 / [c - d] # {e}; f <= g && h != i",
    "WWW WWW WWW WWW WWW",
    "a" * 200,
    "." * 1000,
    "word\n\n\n\n\n          word",
    "| --- | --- | --- |\n| a | b | c |",
    "The quick brown fox jumps over the lazy dog. " * 20,
    "Strč prst skrz krk. Grüße, naïve façade, Œuvre.",
    "नमस्ते, आप कैसे हैं? मैं ठीक हूँ, धन्यवाद।",
    "你好，今天我能帮您什么忙？",
    "Привет, чем я могу помочь вам сегодня?",
    "e\u0301\u0302\u0303" * 30,
]


def said(text: str, speed: float | None = None) -> Utterance:
    return Utterance(text, "v", parameters=SpeechParameters(speed=speed))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Hello", 5),
        ("Hello, world.", 11),
        ("  Hello  ", 5),
        ("...", 0),
        ("a" + " " * 4000 + "b", 3),
        ("a.b", 3),
        ("你好", 2),
        ("हिन्दी", 6),
        ("e\u0301", 2),
        ("1,5", 3),
        ("🙂", 0),
    ],
)
def test_what_takes_no_time_to_say_does_not_count(text: str, count: int) -> None:
    assert spoken_characters(text) == count


def test_the_bounds_follow_text_and_speed() -> None:
    text = "a" * 200
    assert (shortest_seconds(said(text)), longest_seconds(said(text))) == (2.0, 410.0)
    assert (shortest_seconds(said(text, 2.0)), longest_seconds(said(text, 2.0))) == (1.0, 210.0)
    assert (shortest_seconds(said(text, 0.5)), longest_seconds(said(text, 0.5))) == (4.0, 810.0)


def test_audio_beyond_the_bounds_is_refused_with_both_numbers() -> None:
    utterance = said("a" * 200)
    check_shortest(utterance, 2.0)
    check_longest(utterance, 410.0)
    with pytest.raises(SynthesisError) as caught:
        check_shortest(utterance, 1.99)
    assert caught.value.kind is FailureKind.BAD_AUDIO
    assert caught.value.message == "the audio takes 1.99 s, but 200 characters take at least 2.00 s"
    with pytest.raises(SynthesisError) as caught:
        check_longest(utterance, 410.01)
    assert caught.value.kind is FailureKind.BAD_AUDIO
    assert caught.value.message == "the audio is longer than the 410.00 s that 200 characters can take"


@pytest.mark.parametrize("speed", [0.5, None, 2.0])
@pytest.mark.parametrize("text", TEXTS)
async def test_all_that_espeak_says_is_plausible(espeak: EspeakEngine, text: str, speed: float | None) -> None:
    """Also what it has no letters for, with a voice of another language."""
    utterance, timing = Utterance(text, "en-us", parameters=SpeechParameters(speed=speed)), Timing()
    pcm = b"".join([piece async for piece in espeak.synthesize(utterance, timing)])
    seconds = len(pcm) / 2 / timing.sample_rate_hz
    check_longest(utterance, seconds)
    check_shortest(utterance, seconds)
    check_samples(pcm)


@pytest.mark.parametrize("amplitude", [30, 1000, 30000])
@pytest.mark.parametrize("frequency", [50, 440, 3001, 7001])
@pytest.mark.parametrize("noise", [0, 3])
def test_the_order_of_bytes_is_heard_in_any_sound(amplitude: int, frequency: int, noise: int) -> None:
    at = np.arange(24000) / 24000
    random_noise = np.random.default_rng(1).integers(-noise, noise, at.size, endpoint=True)
    sound = np.rint(amplitude * np.sin(2 * np.pi * frequency * at) + random_noise).astype("<i2")
    assert not is_swapped(sound.tobytes())
    assert is_swapped(sound.byteswap().tobytes()) is (amplitude < 30000 or frequency < 3001)


def test_samples_of_eight_bits_say_nothing_of_their_order() -> None:
    sound = (np.frombuffer(tone(0.5), "<i2") >> 8 << 8).astype("<i2")
    assert not is_swapped(sound.tobytes())
    assert not is_swapped(bytes(5000))
    assert not is_swapped(b"\xff\x7f\x00\x80" * 1000)
    assert not is_swapped(b"")


def test_big_endian_samples_are_refused() -> None:
    with pytest.raises(SynthesisError, match="the bytes of each sample are in big-endian order") as caught:
        check_samples(np.frombuffer(tone(0.5), "<i2").byteswap().tobytes())
    assert caught.value.kind is FailureKind.BAD_AUDIO


@pytest.mark.parametrize("body", [random.Random(1).randbytes(48000)], ids=["encrypted or compressed"])
def test_bytes_that_are_no_samples_are_refused(body: bytes) -> None:
    with pytest.raises(SynthesisError, match="white noise at full scale") as caught:
        check_samples(body)
    assert caught.value.kind is FailureKind.BAD_AUDIO


@pytest.mark.parametrize("loudness", [0.001, 0.1, 1.0])
@pytest.mark.parametrize("odd", [0.0, float("nan"), float("inf")])
def test_floats_are_refused(loudness: float, odd: float) -> None:
    sound = np.frombuffer(tone(0.5, 0.2), "<i2").astype("<f4") * np.float32(loudness / 8192)
    sound[::200] = odd
    with pytest.raises(SynthesisError, match="the samples are 32-bit floats"):
        check_samples(sound.tobytes())


def test_integers_of_32_bits_are_refused() -> None:
    sound = np.frombuffer(tone(0.5), "<i2").astype("<i4") << 16
    with pytest.raises(SynthesisError, match="every second sample is 0"):
        check_samples(sound.astype("<i4").tobytes())


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.35), st.sampled_from([8000, 16000, 24000]))
@settings(max_examples=100, deadline=None)
def test_hiss_is_sound(seed: int, rms: float, samples: int) -> None:
    noise = np.random.default_rng(seed).normal(0, rms * 32767, samples).clip(-32768, 32767)
    check_samples(noise.astype("<i2").tobytes())


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
def test_loud_tones_and_little_audio_are_sound(seconds: float) -> None:
    check_samples(tone(seconds))
    clipped = np.where(np.frombuffer(tone(seconds), "<i2") > 0, 32767, -32768).astype("<i2")
    check_samples(clipped.tobytes())
    check_samples(mp3_frames(1)[:416])
