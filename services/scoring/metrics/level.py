"""The level of speech while somebody speaks, after ITU-T P.56, method B."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMOOTHING_SECONDS = 0.03
HANGOVER_SECONDS = 0.2
MARGIN_DB = 15.9
PIECE_SECONDS = 60
MAX_DECAY = 1e-4
"""Over a block of this decay, sums keep 12 digits."""
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
    energy, active_samples = _measure(samples, rate_hz)
    before: tuple[float, float] | None = None
    for threshold, active in zip(THRESHOLDS, active_samples, strict=True):
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


def _measure(samples: NDArray[np.floating], rate_hz: int) -> tuple[float, list[int]]:
    """Returns the energy, and for each threshold how many samples are active: those whose envelope is above it, and
    those that follow within the hangover. It goes piece by piece, because a recording can be hours long."""
    decay = math.exp(-1 / (rate_hz * SMOOTHING_SECONDS))
    longest = round(HANGOVER_SECONDS * rate_hz) + 1
    states = [0.0, 0.0]
    energy, active, last = 0.0, [0] * len(THRESHOLDS), [-1] * len(THRESHOLDS)
    size = PIECE_SECONDS * rate_hz
    for start in range(0, len(samples), size):
        envelope = np.abs(samples[start : start + size], dtype=np.float64)
        energy += float(np.sum(np.square(envelope)))
        for stage in range(2):
            envelope = smoothed(envelope, decay, states[stage])
            states[stage] = float(envelope[-1])
        for index, threshold in enumerate(THRESHOLDS):
            positions = start + np.flatnonzero(envelope >= threshold)
            if len(positions):
                known = positions if last[index] < 0 else np.concatenate(([last[index]], positions))
                active[index] += int(np.minimum(np.diff(known), longest).sum())
                last[index] = int(positions[-1])
    return energy, [
        found + min(len(samples) - at, longest) if at >= 0 else 0 for found, at in zip(active, last, strict=True)
    ]


def smoothed(values: NDArray[np.float64], decay: float, before: float) -> NDArray[np.float64]:
    """Returns values with exponential smoothing: each is `decay` times the result before it, and the rest of the value.

    `before` is the result before the first one. It sums over blocks with numpy: scipy.signal has this filter, but takes
    most of a second and 70 MB to import, which is more than the whole measurement.
    """
    length = max(1, math.floor(math.log(MAX_DECAY) / math.log(decay)))
    blocks = np.zeros((-(-len(values) // length), length))
    blocks.reshape(-1)[: len(values)] = values
    decays = decay ** np.arange(1, length + 1)
    sums = np.cumsum(blocks * ((1 - decay) / decays), axis=1)
    starts = np.empty(len(blocks))
    for index, last in enumerate(sums[:, -1].tolist()):
        starts[index] = before
        before = float(decays[-1]) * (before + last)
    found: NDArray[np.float64] = ((starts[:, None] + sums) * decays).reshape(-1)[: len(values)]
    return found
