"""Integrated loudness compared with the values in the recommendation, the test signals of EBU Tech 3341, and scipy."""

import numpy as np
import pytest
from scipy.signal import sosfilt

from services.shared.audio.loudness import K_WEIGHTING, integrated_lufs, weighted
from tests.fakes.recordings import recording, silence, tone

RATES = [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("rate", RATES)
def test_a_full_scale_sine_of_997_hz_has_minus_3_01_lufs_at_every_rate(rate: int) -> None:
    found = integrated_lufs(recording(tone(3, sample_rate_hz=rate), rate))
    assert found == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("dbfs", [-6.0, -20.0, -40.0])
def test_loudness_falls_with_the_level(dbfs: float) -> None:
    assert integrated_lufs(recording(tone(3, dbfs=dbfs))) == pytest.approx(dbfs - 3.01, abs=0.02)


# EBU Tech 3341 has the same sine in two channels, which is 3.01 LU louder than one channel.
@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(20, -23.0)], -23.0),
        ([(20, -33.0)], -33.0),
        ([(10, -36.0), (60, -23.0), (10, -36.0)], -23.0),
        ([(10, -72.0), (10, -36.0), (60, -23.0), (10, -36.0), (10, -72.0)], -23.0),
        ([(20, -26.0), (20.1, -20.0), (20, -26.0)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_the_test_signals_of_ebu_tech_3341_have_the_expected_loudness(
    parts: list[tuple[float, float]], lufs: float
) -> None:
    sound = np.concatenate([tone(s, dbfs=dbfs, frequency_hz=1000, sample_rate_hz=16_000) for s, dbfs in parts])
    assert integrated_lufs(recording(sound, 16_000)) == pytest.approx(lufs - 3.01, abs=0.1)


def test_pauses_are_gated_away() -> None:
    alone = integrated_lufs(recording(tone(5)))
    with_pause = integrated_lufs(recording(np.concatenate([tone(5), silence(20), tone(5)])))
    assert with_pause == pytest.approx(alone, abs=0.15)


@pytest.mark.parametrize("seconds", [0.0001, 0.1, 0.399])
def test_a_recording_shorter_than_a_block_has_no_loudness(seconds: float) -> None:
    assert integrated_lufs(recording(tone(seconds))) is None


def test_one_block_has_a_loudness() -> None:
    assert integrated_lufs(recording(tone(0.4))) == pytest.approx(-3.01, abs=0.1)


def test_a_recording_below_the_absolute_gate_has_no_loudness() -> None:
    assert integrated_lufs(recording(silence(3))) is None
    assert integrated_lufs(recording(tone(3, dbfs=-69))) is None


def test_a_constant_offset_is_loud_only_at_its_beginning() -> None:
    step = integrated_lufs(recording(np.full(24_000, 20_000)))
    longer = integrated_lufs(recording(np.full(240_000, 20_000)))
    assert step == longer


@pytest.mark.parametrize("rate", [4000, *RATES, 11_111])
@pytest.mark.parametrize("frequency_hz", [60.0, 440.0, 1700.0])
def test_a_frequency_has_the_same_loudness_at_every_rate(rate: int, frequency_hz: float) -> None:
    found = integrated_lufs(recording(tone(2, frequency_hz=frequency_hz, sample_rate_hz=rate), rate))
    reference = integrated_lufs(recording(tone(2, frequency_hz=frequency_hz, sample_rate_hz=48_000), 48_000))
    assert found == pytest.approx(reference, abs=0.01)


@pytest.mark.parametrize(("start", "end"), [(0, 60_000), (1234, 1235), (40_000, 55_555)])
def test_filtering_in_pieces_equals_filtering_sample_by_sample(start: int, end: int) -> None:
    noise = recording(np.random.default_rng(3).integers(-20_000, 20_000, 60_000), 48_000)
    theirs = sosfilt([[*numerator, *denominator] for numerator, denominator in K_WEIGHTING], noise.samples / 32768)
    assert np.abs(weighted(noise, start, end) - theirs[start:end]).max() < 1e-5
