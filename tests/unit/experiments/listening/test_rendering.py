"""What a listener's clip is made of, measured with scoring's meter, which knows nothing of it."""

import io
import math
import struct
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from services.experiments.domain import Measurements
from services.experiments.listening.loudness import LARGEST_PEAK, TARGET_LUFS, gain, target_lufs
from services.experiments.listening.rendering import render
from services.scoring.domain import Recording
from services.scoring.metrics.loudness import integrated_lufs
from services.scoring.wav import read_wav


def stored(samples: NDArray[np.float64], rate: int) -> bytes:
    """Returns samples, full scale 1, as tts stores them."""
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return written.getvalue()


def speech(seconds: float, rate: int, level: float) -> NDArray[np.float64]:
    """Returns something with the swell of speech: harmonics of a voice in syllables, with pauses."""
    time = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    return np.asarray(level * voice / 3 * np.clip(np.sin(2 * np.pi * 2.5 * time), 0, 1))


def measured(wav: bytes) -> tuple[float, Recording]:
    recording = read_wav(wav)
    loudness = integrated_lufs(recording)
    assert loudness is not None
    return loudness, recording


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("level", [0.03, 0.3, 0.9])
def test_every_clip_has_the_same_loudness_and_rate_whatever_it_was(rate: int, level: float) -> None:
    given = stored(speech(3, rate, level), rate)
    loudness, recording = measured(render(given, -23.0, measured(given)[0]))
    assert loudness == pytest.approx(-23.0, abs=0.1)
    assert recording.sample_rate_hz == 24_000
    assert recording.duration_seconds == pytest.approx(3, abs=1e-3)


def test_a_clip_is_a_header_of_44_bytes_and_samples() -> None:
    clip = render(stored(speech(1, 24_000, 0.3), 24_000), -23.0, -20.0)
    assert len(clip) == 44 + 2 * 24_000
    head = b"RIFF", 36 + 48_000, b"WAVE", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16, b"data", 48_000
    assert struct.unpack("<4sI4s4sIHHIIHH4sI", clip[:44]) == head


def test_silence_at_the_ends_stays() -> None:
    silence = np.zeros(12_000)
    given = stored(np.concatenate([silence, speech(1, 24_000, 0.3), silence, silence]), 24_000)
    samples = read_wav(render(given, -23.0, -18.0)).samples
    loud = np.flatnonzero(samples)
    assert (len(samples), loud[0] >= 12_000, loud[-1] < 36_000) == (60_000, True, True)


def test_the_same_speech_gives_the_same_bytes() -> None:
    given = stored(speech(1, 22_050, 0.3), 22_050)
    assert render(given, -23.0, -20.0) == render(given, -23.0, -20.0)


def test_what_is_too_short_for_a_meter_goes_by_its_rms() -> None:
    time = np.arange(4800) / 24_000
    samples = read_wav(render(stored(0.01 * np.sin(2 * np.pi * 440 * time), 24_000), -23.0, None)).samples / 32768
    rms = math.sqrt(float(np.mean(np.square(samples))))
    assert -0.691 + 20 * math.log10(rms) == pytest.approx(-23.0, abs=0.05)


def test_what_is_too_short_for_a_meter_is_quieter_rather_than_distorted() -> None:
    click = np.zeros(4800)
    click[2400] = 0.5
    samples = read_wav(render(stored(click, 24_000), -23.0, None)).samples
    assert np.max(np.abs(samples)) == pytest.approx(LARGEST_PEAK * 32768, rel=1e-3)


def test_silence_and_nothing_at_all_stay_what_they_are() -> None:
    assert not read_wav(render(stored(np.zeros(2400), 24_000), -23.0, None)).samples.any()
    assert len(render(stored(np.zeros(0), 24_000), -23.0, None)) == 44


def test_what_is_not_16_bit_mono_is_refused() -> None:
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(b"\0" * 8)
    for bad in (written.getvalue(), b"", b"RIFF", b"<html>"):
        with pytest.raises(ValueError, match="stored speech"):
            render(bad, -23.0, -20.0)


def test_the_target_is_lowered_until_no_peak_comes_above_minus_1_dbfs() -> None:
    even = Measurements(loudness_lufs=-20.0, peak=0.5)
    peaky = Measurements(loudness_lufs=-30.0, peak=0.9)
    unknown = Measurements(peak=1.0)
    assert target_lufs([]) == target_lufs([even, unknown]) == TARGET_LUFS
    target = target_lufs([even, peaky, unknown])
    assert target == pytest.approx(-30.0 - 1 - 20 * math.log10(0.9))
    assert 0.9 * gain(target, -30.0, 0.1, 0.9) == pytest.approx(LARGEST_PEAK)


def test_a_peaky_clip_and_an_even_one_are_played_at_one_loudness_without_clipping() -> None:
    burst = speech(3, 24_000, 0.02)
    burst[1000:1010] = 0.8
    clips = [stored(burst, 24_000), stored(speech(3, 16_000, 0.5), 16_000)]
    known = []
    for clip in clips:
        loudness, recording = measured(clip)
        known.append(Measurements(loudness_lufs=loudness, peak=float(np.max(np.abs(recording.samples)) / 32768)))
    target = target_lufs(known)
    assert target < TARGET_LUFS
    for clip, one in zip(clips, known, strict=True):
        loudness, recording = measured(render(clip, target, one.loudness_lufs))
        assert loudness == pytest.approx(target, abs=0.1)
        assert np.max(np.abs(recording.samples)) < 32767
