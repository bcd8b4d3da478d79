"""The signal metrics of recordings with known metrics."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.scoring.domain import LISTED_METRICS
from services.scoring.metrics.signal import BACKEND, SAMPLES_PER_BATCH, SignalMetrics, measure
from services.shared.metrics import Source
from tests.fakes.recordings import recording, silence, tone


def test_a_recording_calculated_by_hand() -> None:
    found = measure(recording([0, 299, -299, 300, -300, 0, 0, 0, 0, 1000], 4000))
    assert found.duration_seconds == 0.0025
    assert found.silence_ratio == 0.7
    assert found.peak == 1000 / 32768
    assert found.dc_offset == 100 / 32768
    # 2 * 299^2 + 2 * 300^2 + 1000^2
    assert found.rms == pytest.approx((1_358_802 / 10) ** 0.5 / 32768)
    assert found.clipping_ratio == 0
    assert found.loudness_lufs is None
    assert found.backend == BACKEND == "voicearena-signal/1"


def test_silence_at_both_ends_is_measured_in_audible_frames() -> None:
    # A frame is audible as soon as it has a few samples of a tone at full scale. Frames from 191 ms on reach the tone,
    # and the last audible one ends 9 ms after it.
    found = measure(recording(np.concatenate([silence(0.2), tone(1), silence(0.5)])))
    assert found.audible is True
    assert found.leading_silence_ms == 191
    assert found.trailing_silence_ms == 491
    assert found.duration_seconds == 1.7


def test_sound_from_end_to_end_has_no_silence() -> None:
    found = measure(recording(tone(1)))
    assert (found.leading_silence_ms, found.trailing_silence_ms) == (0, 0)


@pytest.mark.parametrize("sample_rate_hz", [8000, 11_025, 22_050, 44_100])
def test_edges_far_from_the_ends_are_found_at_every_rate(sample_rate_hz: int) -> None:
    quiet = silence(5, sample_rate_hz)
    sound = np.concatenate([quiet, tone(0.05, sample_rate_hz=sample_rate_hz), quiet])
    found = measure(recording(sound, sample_rate_hz))
    assert found.leading_silence_ms == pytest.approx(4991, abs=1)
    assert found.trailing_silence_ms == pytest.approx(4991, abs=1)


@pytest.mark.parametrize(("amplitude", "audible"), [(327, False), (328, True)])
def test_a_frame_is_audible_above_a_hundredth_of_full_scale(amplitude: int, audible: bool) -> None:
    # The RMS of a square wave is its amplitude. 0.01 of full scale is 327.68.
    found = measure(recording([amplitude, -amplitude] * 500))
    assert found.audible is audible


def test_an_inaudible_recording_is_silence_from_both_ends() -> None:
    found = measure(recording(silence(1.5)))
    assert found.audible is False
    assert (found.leading_silence_ms, found.trailing_silence_ms) == (1500, 1500)
    assert (found.silence_ratio, found.peak, found.rms, found.loudness_lufs) == (1, 0, 0, None)


def test_a_constant_offset_is_neither_sound_nor_silence() -> None:
    found = measure(recording(np.full(24_000, 8192)))
    assert (found.dc_offset, found.peak, found.rms) == (0.25, 0.25, 0.25)
    assert (found.audible, found.silence_ratio) == (False, 0)


@pytest.mark.parametrize(
    ("samples", "clipped"),
    [
        ([0, 32767, 0, 32767, 32767, 0], 0),
        ([0, 32767, 32767, 32767, 0], 3),
        ([32767, 32767, 32767, 32767, 0, -32768, -32768, -32768], 7),
        ([-32768, -32767, -32768], 3),
        ([32767, 32767, -32768, 32767], 0),
        ([32766, 32766, 32766], 0),
        ([32767, 32767, 32767], 3),
    ],
)
def test_clipping_is_three_samples_in_a_row_at_a_limit(samples: list[int], clipped: int) -> None:
    assert measure(recording(samples)).clipping_ratio == clipped / len(samples)


def test_the_lowest_value_is_full_scale() -> None:
    assert measure(recording([-32768])).peak == 1.0
    assert measure(recording([32767])).peak == 32767 / 32768


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_recordings_longer_than_a_batch_are_measured_exactly(extra: int) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 2 * SAMPLES_PER_BATCH + extra).astype(np.int16)
    found, exact = measure(recording(samples)), samples.astype(np.float64)
    assert found.dc_offset == pytest.approx(exact.mean() / 32768, abs=1e-12)
    assert found.rms == pytest.approx(np.sqrt(np.mean(exact**2)) / 32768)
    assert found.silence_ratio == np.mean(np.abs(exact) < 300)


@given(
    arrays(np.int16, st.integers(1, 400)),
    st.sampled_from([8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]),
)
def test_metrics_of_any_samples_are_in_their_range(samples: np.ndarray, sample_rate_hz: int) -> None:
    found = measure(recording(samples, sample_rate_hz))
    for name in ("silence_ratio", "peak", "clipping_ratio", "rms"):
        assert 0 <= getattr(found, name) <= 1
    assert abs(found.dc_offset) <= found.rms + 1e-12 <= found.peak + 2e-12
    assert 0 <= found.leading_silence_ms <= found.duration_seconds * 1000
    assert 0 <= found.trailing_silence_ms <= found.duration_seconds * 1000
    assert found == measure(recording(samples, sample_rate_hz))


def test_metrics_are_listed_in_the_order_of_reports() -> None:
    reported = [field.name for field in fields(SignalMetrics) if field.name != "backend"]
    assert [metric.name for metric in LISTED_METRICS][: len(reported)] == reported


def test_metrics_of_the_synthesis_are_listed_after_those_of_the_recording() -> None:
    assert [metric.name for metric in LISTED_METRICS if metric.source is Source.SYNTHESIS] == [
        "duration_seconds",
        "leading_silence_ms",
        "ttfb_ms",
        "generation_time_ms",
        "ttfa_ms",
        "real_time_factor",
        "connect_ms",
        "connection_reused",
        "sample_rate_hz",
    ]
