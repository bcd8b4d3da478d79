"""Integrated loudness after Recommendation ITU-R BS.1770-4, for one channel.

Source of the filters' parameters: the analogue prototypes behind the coefficients that the recommendation prints for
48 kHz, as found by B. De Man, Evaluation of implementations of the EBU R128 loudness measurement, 2018. They give those
coefficients back at 48 kHz and the same frequency response at every other rate.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

Samples = NDArray[np.float64]

STEP_SECONDS = 0.1
"""Blocks start this often: a quarter of a block, as 75% of overlap."""
STEPS_PER_BLOCK = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691
"""Cancels the K-weighting at 997 Hz: a full-scale sine there has -3.01 LUFS."""
HIGH_PASS_GAIN = 1.0049948987
"""So that the numerator at 48 kHz is the 1, -2, 1 of the recommendation."""
INAUDIBLE = 1e-12
"""Added to every sample. Filters fed with true zeros decay into subnormal numbers, which take ten times as long."""


@lru_cache(maxsize=32)
def k_weighting(sample_rate_hz: int) -> Samples:
    """The two filter stages as second-order sections (b0 b1 b2 a0 a1 a2): the head's high shelf, then the high pass."""
    frequency, gain_db, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * frequency / sample_rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / quality + k * k
    shelf = [
        (high + band * k / quality + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / quality + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / quality + k * k) / a0,
    ]
    frequency, quality = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency / sample_rate_hz)
    a0 = 1 + k / quality + k * k
    # The recommendation's numerator of 1, -2, 1 passes high frequencies with a gain of a0 at 48 kHz, which the offset
    # takes into account; elsewhere a0 differs (by 0.2 dB at 8 kHz) and the gain must not.
    gain = HIGH_PASS_GAIN / a0
    high_pass = [gain, -2 * gain, gain, 1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]
    return np.array([shelf, high_pass])


class LoudnessMeter:
    """Takes a recording in pieces, each a whole number of steps but for the last, and says how loud it was."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._stages = k_weighting(sample_rate_hz)
        self._state = np.zeros((len(self._stages), 2))
        self._energies: list[Samples] = []
        self._lengths: list[NDArray[np.int64]] = []

    def feed(self, piece: Samples, steps: NDArray[np.int64]) -> None:
        """Takes samples, full scale 1, and where in them each whole step starts and, as the last entry, where they end.

        What lies behind the last whole step is filtered and not measured, so it can only be the end of the recording.
        """
        weighted, self._state = sosfilt(self._stages, piece + INAUDIBLE, zi=self._state)
        if len(steps) > 1:
            np.square(weighted, out=weighted)
            self._energies.append(np.add.reduceat(weighted[: steps[-1]], steps[:-1]))
            self._lengths.append(np.diff(steps))

    def integrated_lufs(self) -> float | None:
        """The gated loudness of all that was fed, None below one block of 0.4 s or when all blocks are gated away."""
        energies, lengths = (
            np.concatenate([np.zeros(0), *self._energies]),
            np.concatenate([np.zeros(0, dtype=np.int64), *self._lengths]),
        )
        if len(energies) < STEPS_PER_BLOCK:
            return None
        block = np.ones(STEPS_PER_BLOCK)
        powers = np.convolve(energies, block, "valid") / np.convolve(lengths, block, "valid")
        powers = powers[powers > _power(ABSOLUTE_GATE_LUFS)]
        if not len(powers):
            return None
        return _lufs(float(np.mean(powers[powers > np.mean(powers) * 10 ** (RELATIVE_GATE_LU / 10)])))


def _lufs(power: float) -> float:
    return OFFSET_LUFS + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LUFS) / 10))
