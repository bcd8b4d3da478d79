"""The clips that listeners hear, measured with the loudness meter of scoring."""

import io
import itertools
import math
import struct
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.recording import Recording
from services.shared.audio.rendering import (
    MAX_PEAK,
    MAX_TARGET_LUFS,
    clip,
    clip_seconds,
    gain,
    resampled,
    target_lufs,
)
from services.shared.audio.wav import WavError, read_wav

SEED = b"a seed"
DITHER = 2
"""The most that dither and rounding change a sample, in steps of 16-bit PCM."""


def render(given: bytes, target_lufs: float, seed: bytes = SEED) -> bytes:
    """Returns the clip made from stored speech."""
    played = resampled(given)
    return clip(played, target_lufs, clip_seconds(len(played) / 24_000), seed)


def samples_of(made: bytes) -> NDArray[np.float64]:
    """Returns the samples of a clip, with 1 as full scale."""
    return read_wav(made).samples / 32768


def stored(samples: NDArray[np.float64], rate: int) -> bytes:
    """Returns samples, with 1 as full scale, as the WAV that tts stores."""
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return written.getvalue()


def speech(seconds: float, rate: int, level: float) -> NDArray[np.float64]:
    """Returns a signal with the envelope of speech: harmonics of a voice in syllables with pauses."""
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
def test_every_clip_has_the_same_loudness_and_rate(rate: int, level: float) -> None:
    given = stored(speech(3, rate, level), rate)
    loudness, recording = measured(render(given, -23.0))
    assert loudness == pytest.approx(-23.0, abs=0.1)
    assert recording.sample_rate_hz == 24_000
    assert recording.duration_seconds == 3.25


def test_a_clip_has_a_header_of_44_bytes_and_samples() -> None:
    made = render(stored(speech(1, 24_000, 0.3), 24_000), -23.0)
    assert len(made) == 44 + 2 * 30_000
    head = b"RIFF", 36 + 60_000, b"WAVE", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16, b"data", 60_000
    assert struct.unpack("<4sI4s4sIHHIIHH4sI", made[:44]) == head


def test_silence_at_the_ends_stays() -> None:
    silence = np.zeros(12_000)
    given = stored(np.concatenate([silence, speech(1, 24_000, 0.3), silence, silence]), 24_000)
    samples = read_wav(render(given, -23.0)).samples
    loud = np.flatnonzero(np.abs(samples) > 10 * DITHER)
    assert (len(samples), loud[0] >= 12_000, loud[-1] < 36_000 + 600) == (66_000, True, True)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 0.97, 2.22, 3.0])
def test_the_length_of_a_clip_is_known_in_advance_and_is_a_multiple_of_a_step(seconds: float) -> None:
    whole = clip_seconds(seconds)
    assert whole % 0.25 == 0
    assert 0.03 - 1e-9 < whole - seconds < 0.28 + 1e-9
    made = render(stored(speech(seconds, 16_000, 0.3), 16_000), -23.0)
    assert len(made) == 44 + whole * 48_000


def test_a_clip_is_longer_if_its_speech_does_not_fit() -> None:
    played = resampled(stored(speech(2, 24_000, 0.3), 24_000))
    assert len(clip(played, -23.0, 1.0, SEED)) == 44 + 2.25 * 48_000
    assert len(clip(played, -23.0, 3.0, SEED)) == 44 + 3 * 48_000


def test_the_same_seed_gives_the_same_bytes() -> None:
    given = stored(speech(1, 22_050, 0.3), 22_050)
    assert render(given, -23.0) == render(given, -23.0)


def test_clips_of_the_same_speech_share_no_run_of_samples() -> None:
    given = stored(speech(1, 24_000, 0.3), 24_000)
    plain = np.rint(resampled(given)).astype("<i2").tobytes()
    clips = [render(given, -23.0, seed)[44:] for seed in (b"one", b"two", b"three")]
    for one, other in itertools.combinations([plain, *clips], 2):
        # Any 32 samples that are louder than silence.
        loud = np.abs(np.frombuffer(one, dtype="<i2")) > 10 * DITHER
        runs = {one[2 * at : 2 * at + 64] for at in range(6_000, 18_000) if loud[at]}
        assert len(runs) > 3000
        assert not [at for at in range(0, len(other) - 64, 2) if other[at : at + 64] in runs]


def test_only_dither_and_leading_silence_are_added_to_speech() -> None:
    given = stored(speech(1, 24_000, 0.3), 24_000)
    played = resampled(given).astype(np.float64)
    leads = set()
    for number in range(20):
        samples = read_wav(render(given, -23.0, b"seed %d" % number)).samples.astype(np.float64)
        # The speech begins where the clip correlates best with it.
        lead = max(range(100, 620), key=lambda at: float(np.corrcoef(samples[at : at + 24_000], played)[0, 1]))
        leads.add(lead)
        level = float(np.dot(samples[lead : lead + 24_000], played) / np.dot(played, played))
        samples[lead : lead + 24_000] -= level * played
        assert np.max(np.abs(samples)) <= DITHER
        # Triangular dither of two steps and rounding have half a step RMS together, which is -96 dBFS.
        assert np.sqrt(np.mean(np.square(samples))) == pytest.approx(0.5, abs=0.02)
    assert len(leads) > 15
    assert all(120 <= lead <= 600 for lead in leads)


@pytest.mark.parametrize("seconds", [0.42, 0.55, 0.7, 0.95, 1.3])
def test_short_speech_has_the_target_loudness_including_the_silence_around_it(seconds: float) -> None:
    for number in range(5):
        loudness, _ = measured(render(stored(speech(seconds, 16_000, 0.1), 16_000), -23.0, b"seed %d" % number))
        assert loudness == pytest.approx(-23.0, abs=0.05)


def test_speech_too_short_to_measure_is_scaled_by_its_rms() -> None:
    time = np.arange(4800) / 24_000
    samples = samples_of(render(stored(0.01 * np.sin(2 * np.pi * 440 * time), 24_000), -23.0))
    assert len(samples) == 6000
    rms = math.sqrt(float(np.sum(np.square(samples))) / 4800)
    assert -0.691 + 20 * math.log10(rms) == pytest.approx(-23.0, abs=0.05)


def test_short_speech_with_high_peaks_is_quieter_but_not_distorted() -> None:
    click = np.zeros(4800)
    click[2400] = 0.5
    assert np.max(np.abs(samples_of(render(stored(click, 24_000), -23.0)))) == pytest.approx(MAX_PEAK, rel=1e-3)


def test_silent_and_empty_recordings_stay_silent() -> None:
    assert np.max(np.abs(read_wav(render(stored(np.zeros(2400), 24_000), -23.0)).samples)) <= DITHER
    assert len(render(stored(np.zeros(0), 24_000), -23.0)) == 44 + 12_000


def test_audio_other_than_16_bit_mono_is_refused() -> None:
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(b"\0" * 8)
    for bad in (written.getvalue(), b"", b"RIFF", b"<html>"):
        with pytest.raises(WavError):
            resampled(bad)


def test_the_target_is_lowered_until_no_peak_exceeds_minus_1_dbfs() -> None:
    even, peaky, unknown = (-20.0, 0.5), (-30.0, 0.9), (None, 1.0)
    assert target_lufs([]) == target_lufs([even, unknown]) == MAX_TARGET_LUFS
    target = target_lufs([even, peaky, unknown])
    assert target == pytest.approx(-30.0 - 1 - 20 * math.log10(0.9))
    assert 0.9 * gain(target, -30.0, 0.1, 0.9) == pytest.approx(MAX_PEAK)


def test_clips_with_high_and_low_peaks_get_the_same_loudness_without_clipping() -> None:
    burst = speech(3, 24_000, 0.02)
    burst[1000:1010] = 0.8
    clips = [stored(burst, 24_000), stored(speech(3, 16_000, 0.5), 16_000)]
    known = []
    for given in clips:
        loudness, recording = measured(given)
        known.append((loudness, float(np.max(np.abs(recording.samples)) / 32768)))
    target = target_lufs(known)
    assert target < MAX_TARGET_LUFS
    peaky, even = (measured(render(given, target)) for given in clips)
    assert even[0] == pytest.approx(target, abs=0.05)
    # The silence around it makes it a little quieter, and its peak allows no higher gain.
    assert target - 0.3 < peaky[0] < target + 0.05
    for _, recording in (peaky, even):
        assert np.max(np.abs(recording.samples)) <= MAX_PEAK * 32768 + DITHER
