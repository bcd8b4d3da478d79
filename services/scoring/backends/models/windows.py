"""Cuts recordings into the windows that Whisper takes."""

from __future__ import annotations

import numpy as np

from services.scoring.backends.backend import RATE_HZ, Samples

WINDOW_SECONDS = 30.0
MIN_WINDOW_SECONDS = 15.0
"""A long recording is cut at the quietest place between this and the length of a window."""
PAUSE_SECONDS = 0.3
"""The length of sound whose level is compared. A cut is in its middle."""
STEP_SECONDS = 0.05
FRAME_SAMPLES = 160
"""The hop of the spectrogram. Cuts are at multiples of it."""


def windows(samples: Samples) -> list[tuple[int, int]]:
    """Returns the first and the end sample of each window, of at most 30 s. They touch and cover the recording."""
    size = round(WINDOW_SECONDS * RATE_HZ)
    found, start = [], 0
    while len(samples) - start > size:
        cut = start + _quietest(samples[start : start + size])
        found.append((start, cut))
        start = cut
    found.append((start, len(samples)))
    return found


def _quietest(window: Samples) -> int:
    """Returns the middle of the quietest sound in the second half of a window; the last one of several."""
    first, length, step = (round(value * RATE_HZ) for value in (MIN_WINDOW_SECONDS, PAUSE_SECONDS, STEP_SECONDS))
    sums = np.concatenate(([0.0], np.cumsum(np.square(window[first:], dtype=np.float64))))
    starts = np.arange(0, len(sums) - length, step)
    energies = sums[starts + length] - sums[starts]
    last = len(energies) - 1 - int(np.argmin(energies[::-1]))
    return (first + int(starts[last]) + length // 2) // FRAME_SAMPLES * FRAME_SAMPLES
