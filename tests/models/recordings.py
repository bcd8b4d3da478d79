"""Reads the recordings of the tests."""

from pathlib import Path

import numpy as np
import soundfile

from services.scoring.backends.backend import RATE_HZ, Samples


def read_wav(path: Path) -> Samples:
    """Returns the samples of a mono file at 16 kHz."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ
    assert samples.ndim == 1
    return np.ascontiguousarray(samples)
