"""Noise and bandwidth of a recording, from its samples and the times of speech."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

MIN_PAUSE_SECONDS = 0.3
"""Less silence than this says too little about the noise."""
BANDWIDTH_WINDOW_SECONDS = 0.032
BANDWIDTH_HOP_SECONDS = 0.010
BANDWIDTH_RANGE_DB = 50.0
"""How far below the peak of the spectrum a frequency still counts."""
TELEPHONE_EDGE_HZ = 4500.0
MAX_SPECTRUM_SECONDS = 600
"""Of longer recordings, the energies of pieces of this length are summed: one spectrum of two hours takes 3 GB."""
MAX_TELEPHONE_SHARE_DB = -40.0
"""Measured: wide-band speech has -9 to -25 dB above the edge, the same speech after G.711 -53 to -69 dB."""
TELEPHONE_RATE_HZ = 8000
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)

Times = Sequence[tuple[float, float]]
"""Starts and ends in seconds, in order, without overlap."""


def signal_to_noise_db(samples: NDArray[np.floating], rate_hz: int, speech: Times) -> float | None:
    """Returns 10 log10 of the power of speech over the power of the pauses, in dB.

    The pauses' power is subtracted from that of the spans of speech, since the noise goes on while somebody speaks.
    None if there is no speech, less than 0.3 s of pause, or no noise at all.
    """
    spoken = np.zeros(len(samples), dtype=bool)
    for start, end in speech:
        spoken[round(start * rate_hz) : round(end * rate_hz)] = True
    pauses = samples[~spoken]
    if not spoken.any() or len(pauses) < MIN_PAUSE_SECONDS * rate_hz:
        return None
    noise = float(np.mean(np.square(pauses, dtype=np.float64)))
    signal = float(np.mean(np.square(samples[spoken], dtype=np.float64))) - noise
    return 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else None


def bandwidth_hz(samples: NDArray[np.floating], rate_hz: int) -> float | None:
    """Returns the highest frequency whose mean power is within 50 dB of the strongest, in Hz.

    The spectrum is the mean over windows of 32 ms (Blackman-Harris), 10 ms apart. Broad noise raises it to half the
    sample rate. None if the recording is shorter than a window or silent.
    """
    length, hop = round(BANDWIDTH_WINDOW_SECONDS * rate_hz), round(BANDWIDTH_HOP_SECONDS * rate_hz)
    if len(samples) < length:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    power = np.zeros(length // 2 + 1)
    for start in range(0, len(frames), 1000):
        power += np.square(np.abs(np.fft.rfft(frames[start : start + 1000] * _window(length)))).sum(axis=0)
    if not power.any():
        return None
    audible = np.flatnonzero(power >= power.max() * 10 ** (-BANDWIDTH_RANGE_DB / 10))
    return float(audible[-1] * rate_hz / length)


def share_above_telephone_db(samples: NDArray[np.floating], rate_hz: int) -> float | None:
    """Returns the share of the energy above 4.5 kHz, in dB. None if there is no energy or no such frequency."""
    if rate_hz <= 2 * TELEPHONE_EDGE_HZ or not np.any(samples):
        return None
    above = total = 0.0
    size = MAX_SPECTRUM_SECONDS * rate_hz
    for start in range(0, len(samples), size):
        power = np.square(np.abs(np.fft.rfft(samples[start : start + size])))
        frequencies = np.arange(len(power)) * rate_hz / len(samples[start : start + size])
        above += float(power[frequencies > TELEPHONE_EDGE_HZ].sum())
        total += float(power.sum())
    return 10 * math.log10(above / total) if above > 0 else -math.inf


def is_telephone(samples: NDArray[np.floating], rate_hz: int) -> bool | None:
    """Returns whether the recording went through a telephone. None if it has no energy."""
    if rate_hz <= TELEPHONE_RATE_HZ:
        return True
    share = share_above_telephone_db(samples, rate_hz)
    return None if share is None else share < MAX_TELEPHONE_SHARE_DB


@cache
def _window(length: int) -> NDArray[np.float64]:
    phases = 2 * np.pi * np.arange(length) / (length - 1)
    window: NDArray[np.float64] = sum(weight * np.cos(order * phases) for order, weight in enumerate(_BLACKMAN_HARRIS))  # type: ignore[assignment]
    return window
