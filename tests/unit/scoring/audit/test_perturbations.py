"""The changes of clips, on signals whose properties are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.scoring.audit.perturbations import PAUSE_SECONDS, PERTURBATIONS, Clip

RATE_HZ = 16_000


def tone(seconds: float, hz: float = 440.0, amplitude: float = 0.25) -> NDArray[np.float64]:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return amplitude * np.sin(2 * np.pi * hz * at)


@pytest.fixture
def words() -> Clip:
    """Ten tones of different pitch and 0.4 s, each followed by a gap of 0.1 s."""
    gap = np.zeros(round(0.1 * RATE_HZ))
    return Clip(np.concatenate([np.append(tone(0.4, 300 + 50 * n), gap) for n in range(10)]), RATE_HZ, "ten words")


def change(name: str, clip: Clip) -> Clip:
    return PERTURBATIONS[name].change(clip)


def rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def pitches(clip: Clip) -> list[float]:
    """Returns the pitch of each tone in the clip, in Hz."""
    quiet = np.convolve(np.abs(clip.samples), np.ones(320), "same") < 1e-6
    starts = np.flatnonzero(np.diff(np.concatenate(([True], quiet, [True])).astype(int)) == -1)
    ends = np.flatnonzero(np.diff(np.concatenate(([True], quiet, [True])).astype(int)) == 1)
    found = []
    for start, end in zip(starts, ends, strict=True):
        spectrum = np.abs(np.fft.rfft(clip.samples[start:end], RATE_HZ))
        found.append(float(spectrum.argmax()))
    return found


def test_the_original_is_the_clip_itself(words: Clip) -> None:
    assert change("original", words) is words
    assert [name for name, one in PERTURBATIONS.items() if one.swaps_text] == ["swapped_text"]
    assert change("swapped_text", words) is words


def test_silence_is_silent_and_noise_alone_has_the_level_of_the_clip(words: Clip) -> None:
    assert not change("silence", words).samples.any()
    assert len(change("silence", words).samples) == len(words.samples)
    alone = change("noise_alone", words)
    assert rms(alone.samples) == pytest.approx(rms(words.samples), rel=0.02)
    assert abs(np.corrcoef(alone.samples, words.samples)[0, 1]) < 0.02


@pytest.mark.parametrize("snr_db", [20, 10, 0])
def test_noise_has_the_ratio_that_its_name_says(words: Clip, snr_db: int) -> None:
    noisy = change(f"noise_{snr_db}_db", words)
    noise = noisy.samples - words.samples
    assert 20 * np.log10(rms(words.samples) / rms(noise)) == pytest.approx(snr_db, abs=0.2)
    assert np.array_equal(noisy.samples, change(f"noise_{snr_db}_db", words).samples)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_another_rate_keeps_length_and_pitch(words: Clip, rate_hz: int) -> None:
    changed = change(f"rate_{rate_hz // 1000}_khz", words)
    assert changed.sample_rate_hz == rate_hz
    assert len(changed.samples) / rate_hz == pytest.approx(5.0, abs=0.001)
    assert rms(changed.samples) == pytest.approx(rms(words.samples), rel=0.01)


@pytest.mark.parametrize("db", [10, 20])
def test_another_level_is_exact(words: Clip, db: int) -> None:
    changed = change(f"level_minus_{db}_db", words)
    assert 20 * np.log10(rms(words.samples) / rms(changed.samples)) == pytest.approx(db)


def test_cuts_are_between_words(words: Clip) -> None:
    order = pitches(words)
    assert len(order) == 10
    assert pitches(change("end_removed", words)) == order[:6]
    assert pitches(change("middle_removed", words)) == order[:3] + order[7:]
    assert pitches(change("part_repeated", words)) == order + order[4:]


def test_a_pause_is_added_between_words(words: Clip) -> None:
    paused = change("long_pause", words)
    assert pitches(paused) == pitches(words)
    assert len(paused.samples) - len(words.samples) == PAUSE_SECONDS * RATE_HZ


def test_nothing_exceeds_full_scale() -> None:
    loud = Clip(np.sign(tone(0.5)), RATE_HZ, "a square wave")
    for perturbation in PERTURBATIONS.values():
        assert np.abs(perturbation.change(loud).samples).max() <= 1


def test_a_clip_too_short_to_look_for_a_quiet_place_is_cut_anyway() -> None:
    short = Clip(np.ones(100), RATE_HZ, "a click")
    assert len(change("end_removed", short).samples) == 60
    assert len(change("part_repeated", short).samples) == 160
