"""Checks that samples have the expected format: signed, 16-bit, little-endian, mono.

Samples in another format play as noise, and a provider that sends noise can look fast. Each check tests whether another
reading of the same bytes gives a much smoother signal, or whether the bytes have a structure that sound does not have.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import FULL_SCALE
from services.tts.domain import FailureKind, SynthesisError

# Shorter audio is not checked. 1000 samples are 1/24 s at 24 kHz.
MIN_JUDGED_SAMPLES = 1000
# Another reading is right if its mean step between samples is smaller by this factor.
MIN_ROUGHNESS_RATIO = 4.0
# The low byte of the samples has at least this many different values in any recording.
MIN_LOW_BYTE_VALUES = 16
# The share of non-zero values that must be plausible floats. A few may be NaN, infinite or clipped.
MIN_FLOAT_SHARE = 0.98
# In loud 16-bit samples the two bytes are nearly independent: their correlation is at most 0.21 in 166 espeak voices,
# at 4 levels and 5 rates. In 8-bit audio the two bytes are neighbouring samples, with a correlation of at least 0.6.
MIN_LOUD_SAMPLE = 4096
MAX_JUDGED_LOUD_SAMPLES = 20_000
MAX_BYTE_CORRELATION = 0.4
# Compressed or encrypted bytes read as samples have a uniform distribution, so their RMS is 0.58 of full scale, and
# neighbouring samples are uncorrelated. Speech is far from both.
MIN_NOISE_RMS = 0.4
MAX_NOISE_CORRELATION = 0.1
NOISE_LAGS = 8

Samples = NDArray[np.int16]


def check_samples(pcm: bytes) -> None:
    """Raises SynthesisError bad_audio if the bytes cannot be signed 16-bit little-endian mono sound."""
    samples = np.frombuffer(pcm, dtype="<i2")
    if samples.size < MIN_JUDGED_SAMPLES or not samples.any():
        return
    for is_so, message in _FAULTS:
        if is_so(samples):
            raise SynthesisError(FailureKind.BAD_AUDIO, message)


def is_swapped(samples: Samples) -> bool:
    """Returns whether the bytes of each sample are in big-endian order.

    False for samples with few different values (made of 8 bits, or heavily clipped), where the order cannot be seen.
    """
    if _roughness(samples) <= MIN_ROUGHNESS_RATIO * _roughness(samples.byteswap()):
        return False
    low, high = np.bincount(samples & 0xFF, minlength=256), np.bincount(samples >> 8 & 0xFF, minlength=256)
    return bool(np.count_nonzero(low) > 1 and np.count_nonzero(high) >= MIN_LOW_BYTE_VALUES)


def _are_unsigned(samples: Samples) -> bool:
    """Returns whether the samples are unsigned: read as signed, they jump between the extremes around silence.

    Sound that is clipped to two values jumps too, so samples with few low bytes are left out.
    """
    if np.count_nonzero(np.bincount(samples & 0xFF)) < MIN_LOW_BYTE_VALUES:
        return False
    return _roughness(samples) > MIN_ROUGHNESS_RATIO * _roughness(samples ^ np.int16(-32768))


def _are_floats(samples: Samples) -> bool:
    """Returns whether nearly all pairs of samples are floats of a size that audio has: 2^-24 to 2, or zero.

    Pairs of 16-bit integers read as floats have any exponent.
    """
    upper = samples[1::2]
    exponents = upper >> 7 & 0xFF
    sounding = upper != 0
    if np.count_nonzero(sounding) < MIN_JUDGED_SAMPLES // 4:
        return False
    return bool(np.mean((exponents[sounding] >= 103) & (exponents[sounding] <= 127)) > MIN_FLOAT_SHARE)


def _have_24_bits(samples: Samples) -> bool:
    """Returns whether every third byte is the high byte of a 24-bit sample."""
    content = samples.view(np.uint8)
    triples = content[: content.size - content.size % 3].reshape(-1, 3)
    upper = np.ascontiguousarray(triples[:, 1:]).view("<i2").ravel()
    return _roughness(samples) > MIN_ROUGHNESS_RATIO * _roughness(upper)


def _have_8_bits(samples: Samples) -> bool:
    """Returns whether each byte is a sample: linear (signed or unsigned), mu-law or A-law."""
    loud = samples[(samples > MIN_LOUD_SAMPLE) | (samples < -MIN_LOUD_SAMPLE)][:MAX_JUDGED_LOUD_SAMPLES]
    if loud.size < MIN_JUDGED_SAMPLES:
        return False
    low, high = loud & 0xFF, loud >> 8 & 0xFF
    if np.count_nonzero(np.bincount(low)) < 2 * MIN_LOW_BYTE_VALUES:
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
# The value of each byte read as unsigned, signed, mu-law and A-law. The last two keep only the order of the values.
_READINGS = (
    _BYTES,
    _BYTES ^ 0x80,
    np.where(_BYTES >= 128, 255 - _BYTES, _BYTES - 127),
    np.where(_EVEN_BITS >= 128, _EVEN_BITS & 127, -(_EVEN_BITS & 127)),
)

_FAULTS: tuple[tuple[Callable[[Samples], bool], str], ...] = (
    (_have_gaps, "Every second sample is 0, as in 32-bit samples"),
    (_are_doubled, "Every sample is repeated, as in two-channel audio"),
    (is_swapped, "The samples are big-endian, not little-endian"),
    (_are_floats, "The samples are 32-bit floats, not 16-bit integers"),
    (_are_unsigned, "The samples are unsigned, not signed"),
    (_have_24_bits, "The samples have 24 bits, not 16"),
    (_have_8_bits, "The samples have 8 bits, not 16"),
    (_is_noise, "The audio is white noise at full scale, as compressed data is when read as samples"),
)
