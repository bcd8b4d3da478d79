"""The level of speech while somebody speaks, after ITU-T P.56, method B."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMOOTHING_SECONDS = 0.03
HANGOVER_SECONDS = 0.2
MARGIN_DB = 15.9
THRESHOLDS = 2.0 ** -np.arange(1, 16)
"""Steps of 6 dB below full scale."""


@dataclass(frozen=True, slots=True)
class ActiveLevel:
    """The level of the active part of a recording."""

    dbov: float
    """dB relative to full scale."""
    activity: float
    """The share of the recording that is active, 0 to 1."""


def active_level(samples: NDArray[np.floating], rate_hz: int) -> ActiveLevel | None:
    """Returns the level of samples from -1 to 1. None if nothing in the recording is active."""
    # Imported here: the process that answers calls imports this module, and scipy would take 70 MB of its memory.
    from scipy.signal import lfilter

    decay = math.exp(-1 / (rate_hz * SMOOTHING_SECONDS))
    envelope = np.abs(samples, dtype=np.float64)
    for _ in range(2):
        envelope = lfilter([1 - decay], [1, -decay], envelope)
    energy = float(np.sum(np.square(samples, dtype=np.float64)))
    hangover = round(HANGOVER_SECONDS * rate_hz)
    before: tuple[float, float] | None = None
    for threshold in THRESHOLDS:
        active = _active_samples(envelope >= threshold, hangover)
        if not active:
            continue
        level = 10 * math.log10(energy / active)
        above = level - 20 * math.log10(threshold)
        if above >= MARGIN_DB:
            if before is not None:
                low, below = before
                level = low + (level - low) * (MARGIN_DB - below) / (above - below)
            return ActiveLevel(level, min(energy / (len(samples) * 10 ** (level / 10)), 1.0))
        before = level, above
    return None


def _active_samples(above: NDArray[np.bool_], hangover: int) -> int:
    """Returns how many samples are above the threshold or follow such a sample within the hangover."""
    positions = np.flatnonzero(above)
    if not len(positions):
        return 0
    gaps = np.diff(np.append(positions, len(above)))
    return int(np.minimum(gaps, hangover + 1).sum())
