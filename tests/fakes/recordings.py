"""Recordings whose metrics are known."""

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import Recording


def recording(samples: object, sample_rate_hz: int = 24_000) -> Recording:
    """Returns a recording of these samples, which are on the 16-bit scale."""
    return Recording(np.asarray(samples, dtype=np.int16), sample_rate_hz)


def tone(
    seconds: float, *, dbfs: float = 0.0, frequency_hz: float = 997.0, sample_rate_hz: int = 24_000
) -> NDArray[np.int16]:
    """Returns a sine with its peak at `dbfs`."""
    at = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    amplitude = 32767 * 10 ** (dbfs / 20)
    return np.rint(amplitude * np.sin(2 * np.pi * frequency_hz * at)).astype(np.int16)


def silence(seconds: float, sample_rate_hz: int = 24_000) -> NDArray[np.int16]:
    """Returns digital silence."""
    return np.zeros(round(seconds * sample_rate_hz), dtype=np.int16)
