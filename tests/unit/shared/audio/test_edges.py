"""The edges of signals whose edges are known."""

import numpy as np
import pytest

from services.shared.audio.edges import Edges, find_edges
from services.shared.audio.recording import Recording

RATE = 16000


def sine(seconds: float, amplitude: float = 8000.0, rate: int = RATE) -> bytes:
    at = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * 1000 * at)).astype("<i2").tobytes()


def silence(seconds: float, rate: int = RATE, level: int = 0) -> bytes:
    return np.full(round(seconds * rate), level, dtype="<i2").tobytes()


def edges_of(pcm: bytes, rate: int) -> Edges | None:
    samples = np.frombuffer(pcm, dtype="<i2")
    return find_edges(Recording(samples, rate), float(samples.mean()))


def test_leading_silence_ends_with_the_first_frame_that_has_enough_sound() -> None:
    """A frame is audible once it has about 0.2 ms of this tone, so the first one starts 9 ms before the tone."""
    assert edges_of(silence(0.2) + sine(0.5) + silence(0.3), RATE) == Edges(191.0, 291.0)


def test_sound_from_the_first_sample_has_no_silence_before_it() -> None:
    assert edges_of(sine(0.5), RATE) == Edges(0.0, 0.0)


def test_a_constant_offset_is_not_sound() -> None:
    assert edges_of(silence(0.5, level=3000), RATE) is None


@pytest.mark.parametrize(("amplitude", "audible"), [(463, False), (465, True)])
def test_the_threshold_is_a_hundredth_of_full_scale(amplitude: float, audible: bool) -> None:
    """The RMS of a sine is its amplitude divided by the square root of 2: 0.01 of 32768 needs an amplitude of 463.4."""
    assert (edges_of(sine(0.5, amplitude), RATE) is not None) is audible


def test_frames_start_at_whole_milliseconds_even_if_these_are_no_whole_samples() -> None:
    edges = edges_of(silence(2.0, 22050) + sine(0.5, rate=22050), 22050)
    assert edges is not None
    assert edges.leading_ms == 1991.0
    assert 0 <= edges.trailing_ms < 1


@pytest.mark.parametrize(
    ("samples", "edges"),
    [
        (1, None),  # it equals the mean, which is subtracted
        (4, Edges(0.0, 0.0)),
        (160, Edges(0.0, 0.0)),
        (161, Edges(0.0, 0.0625)),  # one sample is after the last frame
        (176, Edges(0.0, 0.0)),
    ],
)
def test_a_recording_of_about_one_frame_is_measured(samples: int, edges: Edges | None) -> None:
    loud = np.where(np.arange(samples) % 2, -9000, 9000).astype("<i2").tobytes()
    assert edges_of(loud, RATE) == edges
