"""A recording is copied as mono PCM, the format of blind comparisons."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.scoring.pipeline.decoding import AudioFormat, DecodedAudio
from services.scoring.pipeline.mono_copy import MAX_SECONDS, write_mono_copy
from services.shared.audio.wav import read_wav


def decoded(native: NDArray[np.int16], rate_hz: int) -> DecodedAudio:
    form = AudioFormat("wav", "pcm_s16le", "s16", rate_hz, native.shape[1], False)
    return DecodedAudio(form, native, np.zeros((0, 1), np.int16))


def tones(*hertz: float, rate_hz: int, seconds: float) -> NDArray[np.int16]:
    """Returns one channel for each frequency."""
    at = np.arange(round(seconds * rate_hz))[:, np.newaxis] / rate_hz
    return np.asarray(np.rint(8000 * np.sin(2 * np.pi * at * np.array(hertz))), np.int16)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_a_copy_is_the_mean_of_the_channels_at_the_same_rate(tmp_path: Path, rate_hz: int) -> None:
    native = tones(300, 440, rate_hz=rate_hz, seconds=11.5)
    write_mono_copy(decoded(native, rate_hz), tmp_path / "copy.wav")
    copy = read_wav((tmp_path / "copy.wav").read_bytes())
    assert copy.sample_rate_hz == rate_hz
    assert copy.samples.tolist() == np.rint(native.mean(axis=1)).tolist()


def test_a_high_rate_is_lowered_without_a_seam_between_blocks(tmp_path: Path) -> None:
    write_mono_copy(decoded(tones(300, rate_hz=192_000, seconds=20.5), 192_000), tmp_path / "copy.wav")
    copy = read_wav((tmp_path / "copy.wav").read_bytes())
    assert (copy.sample_rate_hz, copy.duration_seconds) == (48_000, 20.5)
    expected = tones(300, rate_hz=48_000, seconds=20.5)[:, 0]
    # The ends of a resampled recording ring.
    inside = slice(4800, -4800)
    assert np.abs(copy.samples[inside].astype(int) - expected[inside]).max() <= 4


def test_a_recording_that_is_too_long_is_not_copied(tmp_path: Path) -> None:
    native = np.zeros((int(MAX_SECONDS * 4000) + 1, 1), np.int16)
    write_mono_copy(decoded(native, 4000), tmp_path / "copy.wav")
    assert list(tmp_path.iterdir()) == []
    write_mono_copy(decoded(native[:-1], 4000), tmp_path / "copy.wav")
    assert (tmp_path / "copy.wav").stat().st_size == 44 + 2 * len(native[:-1])
