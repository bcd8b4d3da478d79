from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from services.scoring.domain import AudioUnreadable
from services.scoring.metrics.noise import is_telephone
from services.scoring.pipeline.decoding import AudioFormat, DecodedAudio, decoded
from services.scoring.pipeline.telephone import PIECE_SECONDS, mulaw, over_telephone
from services.shared.audio.wav import write_wav
from tests.fakes.recordings import tone


def test_mulaw_has_the_levels_of_g711() -> None:
    everything = np.arange(-32768, 32768).astype(np.int16)
    levels = np.unique(mulaw(everything))
    # 8 bits, with one zero for both signs.
    assert len(levels) == 255
    assert levels[-1] == 32124
    assert levels[127:132].tolist() == [0, 8, 16, 24, 32]
    assert np.array_equal(mulaw(levels), levels)


@pytest.mark.parametrize(("sample", "expected"), [(0, 0), (100, 104), (-100, -104), (1000, 988), (32767, 32124)])
def test_mulaw_quantizes_loud_samples_more_coarsely(sample: int, expected: int) -> None:
    assert mulaw(np.array([sample], np.int16)).tolist() == [expected]


@contextmanager
def telephoned(samples: np.ndarray, rate_hz: int, folder: Path) -> Iterator[DecodedAudio]:
    path = folder / "recording.wav"
    path.write_bytes(write_wav(samples.astype("<i2").tobytes(), rate_hz))
    with decoded(path) as audio, over_telephone(audio) as version:
        yield version


def test_a_tone_of_a_voice_comes_through_and_a_high_tone_does_not(tmp_path: Path) -> None:
    low = tone(1.0, dbfs=-20, frequency_hz=1000, sample_rate_hz=48_000)
    high = tone(1.0, dbfs=-20, frequency_hz=6000, sample_rate_hz=48_000)
    with telephoned(low + high, 48_000, tmp_path) as version:
        assert version.format == AudioFormat("", "pcm_mulaw", "s16", 8000, 1, damaged=False)
        assert version.native.shape == (8000, 1)
        spectrum = np.abs(np.fft.rfft(version.mono()[4000:12_000]))
    assert int(np.argmax(spectrum)) * 2 == 1000
    assert spectrum[3000] < spectrum[500] / 300


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_a_recording_longer_than_a_piece_keeps_its_length(rate_hz: int, tmp_path: Path) -> None:
    seconds = PIECE_SECONDS * 2.5
    with telephoned(tone(seconds, dbfs=-12, sample_rate_hz=rate_hz), rate_hz, tmp_path) as version:
        assert version.duration_seconds == pytest.approx(seconds, abs=1 / 8000)
        assert len(version.model) == pytest.approx(seconds * 16_000, abs=2)
        # The tone goes on across the borders of pieces.
        assert np.abs(np.diff(version.mono()[1000:-1000])).max() < 0.11
        assert is_telephone(version.mono(), 16_000)


def test_a_recording_that_is_shorter_than_a_sample_of_a_telephone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match="too short"), telephoned(np.array([1000]), 48_000, tmp_path):
        pass
