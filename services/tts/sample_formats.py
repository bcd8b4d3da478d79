"""Hears whether samples are what they are taken for: signed, 16 bits, little-endian, one channel.

Samples of another kind under the same name are noise to whoever plays them, and noise is quick. Each check asks whether
another reading of the same bytes goes on much more smoothly, or whether the bytes have a structure that sound has not.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import FULL_SCALE
from services.tts.domain import FailureKind, SynthesisError

# Below this many samples nothing is said of them: 1/24 s at 24 kHz.
MIN_JUDGED_SAMPLES = 1000
# By how much the steps from sample to sample must shrink for another reading to be the right one.
MIN_SMOOTHER = 4.0
# So many values at least has the byte of little weight in any recording.
MIN_LOW_BYTES = 16
# Of the samples that are not zero; a few may be NaN, infinite or clipped.
MIN_FLOAT_SHARE = 0.98
# The two bytes of a sample tell nothing of one another where it is loud: at most 0.21 in 166 voices of espeak, at 4
# levels and 5 rates. Neighbours of 8 bits are alike: at least 0.6.
MIN_LOUD = 4096
MAX_JUDGED_LOUD_SAMPLES = 20_000
MAX_BYTE_CORRELATION = 0.4
# Compressed or encrypted bytes that are taken for samples have every value alike, so their RMS is 0.58 of full scale,
# and no sample tells anything of the next. Speech is far from both.
MIN_NOISE_RMS = 0.4
MAX_NOISE_CORRELATION = 0.1
NOISE_LAGS = 8

Samples = NDArray[np.int16]


def check_samples(pcm: bytes) -> None:
    """Raises SynthesisError bad_audio if whole 16-bit samples can't be a recording of anything."""
    samples = np.frombuffer(pcm, dtype="<i2")
    if samples.size < MIN_JUDGED_SAMPLES or not samples.any():
        return
    for is_so, message in _FAULTS:
        if is_so(samples):
            raise SynthesisError(FailureKind.BAD_AUDIO, message)


def is_swapped(samples: Samples) -> bool:
    """Tells whether the bytes of each sample are in big-endian order.

    Samples of few values say nothing of their order: made of 8 bits, or clipped until two are left.
    """
    if _roughness(samples) <= MIN_SMOOTHER * _roughness(samples.byteswap()):
        return False
    low, high = np.bincount(samples & 0xFF, minlength=256), np.bincount(samples >> 8 & 0xFF, minlength=256)
    return bool(np.count_nonzero(low) > 1 and np.count_nonzero(high) >= MIN_LOW_BYTES)


def _are_unsigned(samples: Samples) -> bool:
    """Tells whether silence is in the middle of the unsigned numbers, around which signed samples alternate.

    So does sound that is clipped until two values are left.
    """
    if np.count_nonzero(np.bincount(samples & 0xFF)) < MIN_LOW_BYTES:
        return False
    return _roughness(samples) > MIN_SMOOTHER * _roughness(samples ^ np.int16(-32768))


def _are_floats(samples: Samples) -> bool:
    """Tells whether nearly all pairs of samples are floats of a size that audio has, 2^-24 to 2, or zero.

    Pairs of integers are floats of any size at all, or none.
    """
    upper = samples[1::2]
    exponents = upper >> 7 & 0xFF
    sounding = upper != 0
    if np.count_nonzero(sounding) < MIN_JUDGED_SAMPLES // 4:
        return False
    return bool(np.mean((exponents[sounding] >= 103) & (exponents[sounding] <= 127)) > MIN_FLOAT_SHARE)


def _have_24_bits(samples: Samples) -> bool:
    """Tells whether every third byte is the upper one."""
    content = samples.view(np.uint8)
    triples = content[: content.size - content.size % 3].reshape(-1, 3)
    upper = np.ascontiguousarray(triples[:, 1:]).view("<i2").ravel()
    return _roughness(samples) > MIN_SMOOTHER * _roughness(upper)


def _have_8_bits(samples: Samples) -> bool:
    """Tells whether both bytes of a sample are samples: linear or of a law, signed or not."""
    loud = samples[(samples > MIN_LOUD) | (samples < -MIN_LOUD)][:MAX_JUDGED_LOUD_SAMPLES]
    if loud.size < MIN_JUDGED_SAMPLES:
        return False
    low, high = loud & 0xFF, loud >> 8 & 0xFF
    if np.count_nonzero(np.bincount(low)) < 2 * MIN_LOW_BYTES:
        return False
    return any(_correlation(values[low], values[high]) > MAX_BYTE_CORRELATION for values in _READINGS)


def _have_gaps(samples: Samples) -> bool:
    return not (samples[::2].any() and samples[1::2].any())


def _are_doubled(samples: Samples) -> bool:
    return bool(np.array_equal(samples[: samples.size // 2 * 2 : 2], samples[1::2]))


def _is_noise(samples: Samples) -> bool:
    sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    energy = float(sound @ sound)
    if energy < MIN_NOISE_RMS**2 * sound.size:
        return False
    lags = range(1, NOISE_LAGS + 1)
    return all(abs(float(sound[:-lag] @ sound[lag:])) < MAX_NOISE_CORRELATION * energy for lag in lags)


def _roughness(samples: NDArray[np.int16]) -> float:
    wide = samples.astype(np.float32)
    return float(np.abs(wide[1:] - wide[:-1]).mean()) if samples.size > 1 else 0.0


def _correlation(first: NDArray[np.int16], second: NDArray[np.int16]) -> float:
    one, other = first.astype(np.float32), second.astype(np.float32)
    one, other = one - one.mean(), other - other.mean()
    energy = float(one @ one) * float(other @ other)
    return float(one @ other) / energy**0.5 if energy else 0.0


_BYTES = np.arange(256, dtype=np.int16)
_EVEN_BITS = _BYTES ^ 0x55
# What a byte stands for: unsigned, signed, mu-law and A-law, the last two in order of loudness.
_READINGS = (
    _BYTES,
    _BYTES ^ 0x80,
    np.where(_BYTES >= 128, 255 - _BYTES, _BYTES - 127),
    np.where(_EVEN_BITS >= 128, _EVEN_BITS & 127, -(_EVEN_BITS & 127)),
)

_FAULTS: tuple[tuple[Callable[[Samples], bool], str], ...] = (
    (_have_gaps, "every second sample is 0, as in samples of 32 bits"),
    (_are_doubled, "every sample comes twice, as in two channels"),
    (is_swapped, "the bytes of each sample are in big-endian order"),
    (_are_floats, "the samples are 32-bit floats, not 16-bit integers"),
    (_are_unsigned, "the samples are unsigned"),
    (_have_24_bits, "the samples have 24 bits, not 16"),
    (_have_8_bits, "the samples have 8 bits, not 16"),
    (_is_noise, "the audio is white noise at full scale, as compressed data are if taken for samples"),
)
