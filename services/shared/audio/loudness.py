"""Integrated loudness after Recommendation ITU-R BS.1770-4, for one channel.

The recommendation prints its K-weighting filter for 48 kHz and asks for the same frequency response at other rates. So
its response is taken at the frequencies themselves and applied by Fourier transform of overlapping pieces
(overlap-save) rather than sample by sample: that is right to 0.01 LU at every rate, where filters redesigned for a low
rate are up to 0.3 dB off, and silence does not slow it down. It needs nothing but numpy, whose import takes a tenth of
the time and a quarter of the memory that scipy.signal takes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import FULL_SCALE, Recording

STEP_SECONDS = 0.1
"""Blocks start this often: a quarter of a block, as they overlap by 75%."""
STEPS_PER_BLOCK = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691
"""Cancels the K-weighting at 997 Hz: a full-scale sine there has -3.01 LUFS."""
K_WEIGHTING = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
"""Tables 1 and 2: the shelf that the head makes, and the high pass; of each numerator and denominator."""
K_WEIGHTING_RATE_HZ = 48_000

PIECE_SECONDS = 0.4
SETTLING_SECONDS = 0.1
"""After this long the filters' response to an impulse has fallen to 1e-9. Both add up to half a second, which at the
usual rates has few factors of two, and those transforms were seen to be the quick ones."""
STEPS_AT_A_TIME = 64
"""6.4 seconds, which fit the processor's cache."""


def integrated_lufs(recording: Recording) -> float | None:
    """The gated loudness, None below one block of 0.4 s or when all blocks are gated away."""
    starts = _step_starts(recording)
    if len(starts) <= STEPS_PER_BLOCK:
        return None
    block = np.ones(STEPS_PER_BLOCK)
    energies = np.convolve(_weighted_energies(recording, starts), block, "valid")
    powers = energies / np.convolve(np.diff(starts), block, "valid")
    powers = powers[powers > 10 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LUFS) / 10)]
    if not len(powers):
        return None
    loud = powers[powers > np.mean(powers) * 10 ** (RELATIVE_GATE_LU / 10)]
    return OFFSET_LUFS + 10 * math.log10(float(np.mean(loud)))


@lru_cache(maxsize=16)
def k_response(sample_rate_hz: int, size: int) -> NDArray[np.complex64]:
    """The frequency response of the K-weighting at the bins of a real Fourier transform of this size.

    Above 24 kHz, where the filter for 48 kHz ends and nobody hears, it stays what it is there.
    """
    bins_hz = np.arange(size // 2 + 1) * (sample_rate_hz / size)
    delay = np.exp(-2j * np.pi * np.minimum(bins_hz / K_WEIGHTING_RATE_HZ, 0.5))
    powers = delay ** np.arange(3)[:, np.newaxis]
    response: NDArray[np.complex128] = np.ones(len(delay), dtype=np.complex128)
    for numerator, denominator in K_WEIGHTING:
        response *= (numerator @ powers) / (denominator @ powers)
    return response.astype(np.complex64)


def _step_starts(recording: Recording) -> NDArray[np.int64]:
    """Where each whole step starts and, as the last entry, where the last one ends.

    Rounded, since not every rate has a whole number of samples in a step.
    """
    whole = int(recording.duration_seconds / STEP_SECONDS + 1e-9)
    exact = np.arange(whole + 1) * (recording.sample_rate_hz * STEP_SECONDS)
    starts: NDArray[np.int64] = np.rint(exact).astype(np.int64)
    return starts


def _weighted_energies(recording: Recording, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The sum of squares of the K-weighted samples, full scale 1, in each step."""
    energies = []
    for first in range(0, len(starts) - 1, STEPS_AT_A_TIME):
        steps = starts[first : first + STEPS_AT_A_TIME + 1]
        heard = weighted(recording, int(steps[0]), int(steps[-1]))
        np.square(heard, out=heard)
        energies.append(np.add.reduceat(heard, steps[:-1] - steps[0], dtype=np.float64))
    return np.concatenate(energies)


def weighted(recording: Recording, start: int, end: int) -> NDArray[np.float32]:
    """The K-weighted samples from `start` to `end`; before the recording was silence."""
    rate = recording.sample_rate_hz
    hop, settling = round(rate * PIECE_SECONDS), math.ceil(rate * SETTLING_SECONDS)
    pieces = -(-(end - start) // hop)
    signal = np.zeros(settling + pieces * hop, dtype=np.float32)
    known = recording.samples[max(start - settling, 0) : end]
    offset = settling - min(start, settling)
    signal[offset : offset + len(known)] = known
    signal /= FULL_SCALE
    # Each piece begins with what came before it, and its own beginning, which wraps around, is thrown away.
    size = settling + hop
    overlapping = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    spectra = np.fft.rfft(overlapping, axis=1)
    spectra *= k_response(rate, size)
    return np.fft.irfft(spectra, size, axis=1)[:, settling:].reshape(-1)[: end - start].astype(np.float32, copy=False)
