"""Samples in another format are refused, and real sound is not."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.espeak import EspeakEngine
from services.tts.sample_formats import check_samples, is_swapped
from tests.fakes.behaviours import tone
from tests.fakes.bodies import mp3_frames

VOICES = ["en-us", "en-gb", "en-us+klatt4", "en-us+f3", "en-us+iven", "de", "hi", "cmn", "ru"]


@pytest.mark.parametrize("amplitude", [30, 1000, 30000])
@pytest.mark.parametrize("frequency", [50, 440, 3001, 7001])
@pytest.mark.parametrize("noise", [0, 3])
def test_the_byte_order_is_detected_in_any_sound(amplitude: int, frequency: int, noise: int) -> None:
    at = np.arange(24000) / 24000
    random_noise = np.random.default_rng(1).integers(-noise, noise, at.size, endpoint=True)
    sound = np.rint(amplitude * np.sin(2 * np.pi * frequency * at) + random_noise).astype("<i2")
    assert not is_swapped(sound)
    assert is_swapped(sound.byteswap()) is (amplitude < 30000 or frequency < 3001)


def test_samples_with_few_values_do_not_show_their_byte_order() -> None:
    sound = (np.frombuffer(tone(0.5), "<i2") >> 8 << 8).astype("<i2")
    assert not is_swapped(sound)
    assert not is_swapped(np.zeros(2500, "<i2"))
    assert not is_swapped(np.array([32767, -32768] * 1000, "<i2"))
    assert not is_swapped(np.array([], "<i2"))


def test_big_endian_samples_are_refused() -> None:
    with pytest.raises(SynthesisError, match="The samples are big-endian, not little-endian") as caught:
        check_samples(np.frombuffer(tone(0.5), "<i2").byteswap().tobytes())
    assert caught.value.kind is FailureKind.BAD_AUDIO


@pytest.mark.parametrize("body", [random.Random(1).randbytes(48000)], ids=["encrypted or compressed"])
def test_random_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(SynthesisError, match="white noise at full scale") as caught:
        check_samples(body)
    assert caught.value.kind is FailureKind.BAD_AUDIO


@pytest.mark.parametrize("loudness", [0.001, 0.1, 1.0])
@pytest.mark.parametrize("odd", [0.0, float("nan"), float("inf")])
def test_floats_are_refused(loudness: float, odd: float) -> None:
    sound = np.frombuffer(tone(0.5, 0.2), "<i2").astype("<f4") * np.float32(loudness / 8192)
    sound[::200] = odd
    with pytest.raises(SynthesisError, match="The samples are 32-bit floats"):
        check_samples(sound.tobytes())


def test_integers_of_32_bits_are_refused() -> None:
    sound = np.frombuffer(tone(0.5), "<i2").astype("<i4") << 16
    with pytest.raises(SynthesisError, match="Every second sample is 0"):
        check_samples(sound.astype("<i4").tobytes())


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.35), st.sampled_from([8000, 16000, 24000]))
@settings(max_examples=100, deadline=None)
def test_noise_below_full_scale_is_accepted(seed: int, rms: float, samples: int) -> None:
    noise = np.random.default_rng(seed).normal(0, rms * 32767, samples).clip(-32768, 32767)
    check_samples(noise.astype("<i2").tobytes())


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
def test_loud_tones_and_short_audio_are_accepted(seconds: float) -> None:
    check_samples(tone(seconds))
    clipped = np.where(np.frombuffer(tone(seconds), "<i2") > 0, 32767, -32768).astype("<i2")
    check_samples(clipped.tobytes())
    check_samples(mp3_frames(1)[:416])


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("gain", [0.02, 0.3, 1.0, 4.0])
async def test_speech_is_accepted_at_any_level(espeak: EspeakEngine, voice: str, gain: float) -> None:
    utterance = Utterance("Shh! She sells sea shells; hello, how can I help you?", voice)
    pcm = b"".join([piece async for piece in espeak.synthesize(utterance, Timing())])
    sound = (np.frombuffer(pcm, "<i2") * gain).clip(-32768, 32767).astype("<i2")
    check_samples(sound.tobytes())


@pytest.mark.parametrize("voice", VOICES)
async def test_speech_in_another_sample_format_is_refused(espeak: EspeakEngine, voice: str) -> None:
    utterance = Utterance("Shh! She sells sea shells; hello, how can I help you?", voice)
    pcm = b"".join([piece async for piece in espeak.synthesize(utterance, Timing())])
    for name, (content, why) in other_formats(np.frombuffer(pcm, "<i2")).items():
        with pytest.raises(SynthesisError) as caught:
            check_samples(content[: len(content) // 2 * 2])
        assert why in caught.value.message, name


def other_formats(sound: NDArray[np.int16]) -> dict[str, tuple[bytes, str]]:
    """Returns the sound in other sample formats, each with a part of its error message."""
    full = sound.astype(np.float64) / 32768
    upper = (sound >> 8).astype(np.int8)
    loudness = np.log1p(255 * np.abs(full)) / np.log1p(255) * 127
    mu_law = np.where(full >= 0, 255 - loudness.astype(int), 127 - loudness.astype(int)).astype(np.uint8)
    a_law = (np.where(full >= 0, 128, 0) | loudness.astype(int)).astype(np.uint8) ^ 0x55
    fine = (full * 8388607).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]
    return {
        "big-endian": (sound.byteswap().tobytes(), "big-endian"),
        "unsigned": ((sound ^ np.int16(-32768)).tobytes(), "unsigned"),
        "24 bits": (fine.tobytes(), "24 bits"),
        "32 bits": ((sound.astype("<i4") << 16).tobytes(), "32-bit"),
        "floats": (full.astype("<f4").tobytes(), "floats"),
        "two channels": (np.repeat(sound, 2).tobytes(), "Every sample is repeated"),
        "signed bytes": (upper.tobytes(), "8 bits"),
        "unsigned bytes": ((upper.view(np.uint8) ^ 0x80).tobytes(), "The samples"),
        "mu-law": (mu_law.tobytes(), "8 bits"),
        "A-law": (a_law.tobytes(), "8 bits"),
    }
