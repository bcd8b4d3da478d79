import math
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from services.scoring.metrics import dnsmos, noise
from services.scoring.metrics.level import active_level, smoothed
from services.scoring.metrics.voice.pitch import Pitch, pitch
from services.scoring.metrics.voice.prosody import prosody_score
from services.scoring.metrics.voice.rhythm import Rhythm, count_syllables, rhythm
from services.scoring.metrics.voice.syllable_nuclei import count_nuclei
from tests.vectors import RATE_HZ, comb, lcg_noise, metric_vector, metric_vectors, syllable_pulses, times, within

LCG_RMS = math.sqrt(1 / 12)


def test_the_noise_of_the_vectors() -> None:
    expected = metric_vector("signal.lcg_noise")["expected"]["samples"]
    assert lcg_noise(8) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("nominal_db", [30, 20, 10, 0])
def test_signal_to_noise(nominal_db: int) -> None:
    vector = metric_vector(f"noise.snr_{nominal_db}")
    at = times(4)
    speech = within(at, (0.5, 1.5), (2, 3)) * math.sqrt(2) * 0.1 * np.sin(2 * np.pi * 440 * at)
    noisy = speech + lcg_noise(len(at)) / LCG_RMS * 0.1 * 10 ** (-nominal_db / 20)
    found = noise.signal_to_noise_db(noisy, RATE_HZ, vector["inputs"]["speech"])
    assert found == pytest.approx(vector["expected"]["snr_db"], abs=vector["tolerance"])


@pytest.mark.parametrize("speech", [[], [(0.0, 3.8)]], ids=["no speech", "too little pause"])
def test_signal_to_noise_is_absent_without(speech: list[tuple[float, float]]) -> None:
    assert noise.signal_to_noise_db(lcg_noise(4 * RATE_HZ), RATE_HZ, speech) is None


def test_signal_to_noise_is_absent_without_noise() -> None:
    at = times(2)
    assert noise.signal_to_noise_db(within(at, (0, 1)) * 0.5, RATE_HZ, [(0.0, 1.0)]) is None


@pytest.mark.parametrize(("name", "low", "high"), [("telephone", 300, 3400), ("wide", 100, 7000), ("full", 100, 7900)])
def test_bandwidth(name: str, low: int, high: int) -> None:
    vector = metric_vector(f"noise.bandwidth_{name}")
    found = noise.bandwidth_hz(comb(low, high), RATE_HZ)
    assert found == pytest.approx(vector["expected"]["bandwidth_hz"], abs=vector["tolerance"])


@pytest.mark.parametrize(("name", "low", "high"), [("telephone", 300, 3400), ("wide", 100, 7000)])
def test_a_telephone_is_recognised(name: str, low: int, high: int) -> None:
    vector = metric_vector(f"noise.narrowband_{name}")
    tones = comb(low, high)
    noisy = tones + lcg_noise(len(tones)) / LCG_RMS * 1e-4
    share = noise.share_above_telephone_db(noisy, RATE_HZ)
    assert share == pytest.approx(vector["expected"]["share_above_4500_hz_db"], abs=vector["tolerance"])
    assert noise.is_telephone(noisy, RATE_HZ) is vector["expected"]["telephone"]


def test_8_khz_is_always_telephone_and_silence_is_nothing() -> None:
    assert noise.is_telephone(comb(300, 3400), 8000) is True
    assert noise.is_telephone(np.zeros(RATE_HZ), RATE_HZ) is None
    assert noise.bandwidth_hz(np.zeros(RATE_HZ), RATE_HZ) is None
    assert noise.bandwidth_hz(np.ones(100), RATE_HZ) is None


def test_active_level() -> None:
    vector = metric_vector("loudness.active_level")
    at = times(8)
    found = active_level(within(at, (0, 2), (4, 6)) * 0.5 * np.sin(2 * np.pi * 440 * at), RATE_HZ)
    assert found is not None
    assert found.dbov == pytest.approx(vector["expected"]["active_level_dbov"], abs=vector["tolerance"])
    assert found.activity == pytest.approx(vector["expected"]["activity"], abs=0.01)
    assert active_level(np.zeros(RATE_HZ), RATE_HZ) is None


@pytest.mark.parametrize("decay", [0.5, 0.99, 0.99998])
@pytest.mark.parametrize("count", [1, 7, 9000])
def test_smoothing_equals_the_filter_of_scipy(decay: float, count: int) -> None:
    values = np.abs(np.random.default_rng(count).standard_normal(count))
    expected, _ = lfilter([1 - decay], [1, -decay], values, zi=[decay * 0.3])
    assert smoothed(values, decay, 0.3) == pytest.approx(expected, rel=1e-9)


def test_pitch_of_known_frames() -> None:
    frames = np.array([np.nan] * 10 + [100.0, 200.0] * 30)
    found = pitch(frames, 0.01)
    assert found is not None
    assert (found.median_hz, found.voiced_seconds) == (150.0, pytest.approx(0.6))
    assert found.sd_semitones == pytest.approx(6.0)
    assert found.range_semitones == pytest.approx(12.0)


def test_octave_errors_are_left_out_of_pitch() -> None:
    found = pitch(np.array([120.0] * 50 + [240.0] * 5 + [60.0] * 5 + [480.0]), 0.01)
    assert found == Pitch(120.0, 0.0, 0.0, 0.5)


def test_pitch_is_absent_with_too_little_voice() -> None:
    assert pitch(np.array([120.0] * 29), 0.01) is None
    assert pitch(np.empty(0), 0.01) is None


def test_rhythm_of_words_with_times() -> None:
    vector = metric_vector("rhythm.words_with_times")
    expected = vector["expected"]
    found = rhythm([tuple(word) for word in vector["inputs"]["words"]])
    assert found == Rhythm(
        words_per_minute=pytest.approx(expected["words_per_minute"]),
        syllables=expected["syllables"],
        speaking_rate=pytest.approx(expected["speaking_rate_syllables"]),
        articulation_rate=pytest.approx(expected["articulation_rate_syllables"]),
        pauses=tuple(map(tuple, expected["pauses"])),
        pause_share=pytest.approx(expected["pause_share"], abs=1e-6),
        longest_pause_seconds=expected["longest_pause"],
    )


@pytest.mark.parametrize("words", [[], [("a", 1.0, 1.0)]], ids=["no words", "no time"])
def test_rhythm_is_absent_with(words: list[tuple[str, float, float]]) -> None:
    assert rhythm(words) is None


@pytest.mark.parametrize(
    ("word", "syllables"),
    [("light", 1), ("kitchen", 2), ("table", 2), ("make", 1), ("the", 1), ("4815", 4), ("70", 4), ("b", 1), ("", 1)],
)
def test_syllables(word: str, syllables: int) -> None:
    assert count_syllables(word) == syllables


@pytest.mark.parametrize("per_second", [3, 4, 5])
def test_syllable_nuclei(per_second: int) -> None:
    expected = metric_vector(f"rhythm.syllable_pulses_{per_second}")["expected"]
    pulses = syllable_pulses(per_second, 3)
    assert count_nuclei(pulses, RATE_HZ, np.full(300, True)) == expected["nuclei"]
    assert count_nuclei(pulses, RATE_HZ, np.full(300, False)) == 0


@metric_vectors("prosody")
def test_prosody(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    parts = inputs["components"]
    movement = parts.get("f0_sd_semitones")
    voice = None if movement is None else Pitch(120.0, movement, 3 * movement, 2.0)
    rate = parts["articulation_rate"]
    pace = Rhythm(150.0, 10, rate, rate, (), parts["pause_share"], parts["longest_pause"])
    assert prosody_score(voice, pace) == pytest.approx(expected["prosody"], abs=tolerance)


def test_dnsmos_maps_raw_scores() -> None:
    vector = metric_vector("quality.dnsmos_mapping")
    for name, coefficients in (("sig", dnsmos.SIG), ("bak", dnsmos.BAK), ("ovrl", dnsmos.OVRL)):
        found = dnsmos.opinion_score(vector["inputs"]["raw"][name], coefficients)
        assert found == pytest.approx(vector["expected"][name], abs=1e-6)


def test_dnsmos_scores_the_windows_of_the_published_code() -> None:
    vector = metric_vector("quality.dnsmos_windows")
    for seconds, starts in zip(vector["inputs"]["seconds"], vector["expected"]["starts_in_seconds"], strict=True):
        clip = np.arange(int(seconds * RATE_HZ), dtype=np.float32)
        filled = dnsmos.fill(clip)
        assert dnsmos.window_starts(len(filled)) == starts
        assert len(filled) >= starts[-1] * RATE_HZ + dnsmos.WINDOW_SAMPLES
        assert np.array_equal(filled, np.tile(clip, len(filled) // len(clip)))


def test_dnsmos_needs_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        dnsmos.fill(np.empty(0, dtype=np.float32))
