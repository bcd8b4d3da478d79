"""DNSMOS: how a clip is cut into windows and how raw scores become opinion scores (arXiv 2110.01763)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
WINDOW_SECONDS = 9.01
WINDOW_SAMPLES = int(WINDOW_SECONDS * SAMPLE_RATE_HZ)
HOP_SECONDS = 1
SIG = (-0.08397278, 1.22083953, 0.0052439)
BAK = (-0.13166888, 1.60915514, -0.39604546)
OVRL = (-0.06766283, 1.11546468, 0.04602535)
"""Coefficients of x squared, x and 1, from Microsoft's published code."""


def opinion_score(raw: float, coefficients: tuple[float, float, float]) -> float:
    """Maps a raw score to the scale of listeners, 1 to 5."""
    square, linear, constant = coefficients
    return square * raw**2 + linear * raw + constant


def fill(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a clip at 16 kHz that fills a window: a shorter one is repeated. Raises ValueError if it is empty."""
    if not len(samples):
        raise ValueError("there are no samples")
    while len(samples) < WINDOW_SAMPLES:
        samples = np.concatenate((samples, samples))
    return samples


def window_starts(length: int) -> list[int]:
    """Returns the starts of the windows that DNSMOS scores in a clip of `length` samples, in seconds.

    Some are missing: in the published code a rounding error makes windows 7 to 23 and 119 to 122 one sample short, and
    short windows are left out. Of a clip of 30 s only the first 16 s count. They are left out here as well, so that
    scores equal those of other programs.
    """
    candidates = int(length // SAMPLE_RATE_HZ - WINDOW_SECONDS) + 1
    return [
        start
        for start in range(candidates)
        if int((start + WINDOW_SECONDS) * SAMPLE_RATE_HZ) - start * SAMPLE_RATE_HZ >= WINDOW_SAMPLES
    ]
