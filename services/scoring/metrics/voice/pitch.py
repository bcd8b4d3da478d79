"""Pitch: the level and the movement of the fundamental frequency F0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_F0_HZ = 75.0
MAX_F0_HZ = 500.0
MIN_VOICED_SECONDS = 0.3
"""Less voice than this says nothing about its movement."""
LOWEST_OF_QUARTILE = 0.75
HIGHEST_OF_QUARTILE = 1.5
"""The second pass keeps F0 from 0.75 times the first quartile to 1.5 times the third. It removes octave errors."""
OCTAVE_SEMITONES = 12


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch of a recording. Semitones are relative to the median."""

    median_hz: float
    sd_semitones: float
    range_semitones: float
    """From the 5th to the 95th percentile."""
    voiced_seconds: float


def pitch(f0_hz: NDArray[np.floating], frame_seconds: float) -> Pitch | None:
    """Returns the pitch of frames at equal distances; NaN or 0 where there is no voice.

    None if less than 0.3 s is voiced.
    """
    voiced = f0_hz[np.isfinite(f0_hz) & (f0_hz >= MIN_F0_HZ) & (f0_hz <= MAX_F0_HZ)]
    if len(voiced):
        first, third = np.percentile(voiced, (25, 75))
        voiced = voiced[(voiced >= LOWEST_OF_QUARTILE * first) & (voiced <= HIGHEST_OF_QUARTILE * third)]
    if len(voiced) * frame_seconds < MIN_VOICED_SECONDS:
        return None
    median = float(np.median(voiced))
    semitones = OCTAVE_SEMITONES * np.log2(voiced / median)
    low, high = np.percentile(semitones, (5, 95))
    return Pitch(median, float(np.std(semitones)), float(high - low), len(voiced) * frame_seconds)
