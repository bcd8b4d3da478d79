"""Counts syllables in the sound itself, for recordings whose words are not known (after de Jong and Wempe 2009)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.010
WINDOW_SECONDS = 0.064
THRESHOLD_DB = 25.0
"""How far below the loudest frames (99th percentile) a nucleus can be."""
MIN_DIP_DB = 2.0
"""The intensity must fall at least this much between two nuclei."""


def count_nuclei(samples: NDArray[np.floating], rate_hz: int, voiced: NDArray[np.bool_]) -> int:
    """Returns the number of peaks of intensity that are voiced and followed by a dip.

    `voiced` has a value for each 10 ms. The count agrees only roughly with that of a text (r 0.5 to 0.8 on 12 clips).
    """
    # Imported here: the process that answers calls imports this module, and scipy would take 70 MB of its memory.
    from scipy.signal import find_peaks

    intensity = _intensity_db(samples, rate_hz)
    if not len(intensity):
        return 0
    threshold = float(np.quantile(intensity, 0.99)) - THRESHOLD_DB
    padded = np.concatenate(([intensity.min() - MIN_DIP_DB], intensity, [intensity.min() - MIN_DIP_DB]))
    peaks, _ = find_peaks(padded, height=threshold, prominence=MIN_DIP_DB)
    return sum(bool(voiced[max(peak - 2, 0) : peak + 1].any()) for peak in peaks)


def _intensity_db(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    length, hop = round(WINDOW_SECONDS * rate_hz), round(FRAME_SECONDS * rate_hz)
    if len(samples) < length:
        return np.empty(0)
    squares = np.square(np.pad(samples.astype(np.float64), length // 2))
    sums = np.concatenate(([0.0], np.cumsum(squares)))
    starts = np.arange(0, len(samples), hop)
    power = (sums[starts + length] - sums[starts]) / length
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))
