"""What speech can be: how long for its text, and how its samples follow one another.

A provider that sends something else has not spoken, whatever its label says, and must not be compared with those that
have.
"""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from services.tts.domain import FailureKind, SynthesisError, Utterance

# The fastest speech that people follow has 30 characters in a second.
MAX_CHARACTERS_PER_SECOND = 100.0
# A digit or an emoji is a character that takes several syllables.
MAX_SECONDS_PER_CHARACTER = 2.0
# Silence before and after, and what an engine adds of its own.
MAX_SECONDS_BESIDE_TEXT = 10.0

# Of the squared samples, how much the squared steps between them shrink if the bytes of each sample are swapped.
MIN_SWAPPED_GAIN = 4.0
# So many values at least has the byte of little weight in any recording.
MIN_LOW_BYTES = 16
# Below this many samples nothing is said of their order or their colour: 1/24 s at 24 kHz.
MIN_JUDGED_SAMPLES = 1000
# Compressed or encrypted bytes that are taken for samples have every value alike, so their RMS is 0.58 of full scale,
# and no sample tells anything of the next. Speech is far from both.
MIN_NOISE_RMS = 0.4
MAX_NOISE_CORRELATION = 0.1
NOISE_LAGS = 8

# Of the samples that are not zero; a few may be NaN, infinite or clipped.
MIN_FLOAT_SHARE = 0.98

_FULL_SCALE = 32768.0


def spoken_characters(text: str) -> int:
    """Returns how many characters of a text take time to say at least.

    Each letter and digit counts, and each run of anything else between two of them counts as one: so a row of dots or
    blanks does not ask for seconds of speech. Marks on letters count as letters.
    """
    count, inside = 0, False
    for character in text:
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            count, inside = count + 1, True
        elif inside:
            count, inside = count + 1, False
    return count if inside or not count else count - 1


def shortest_seconds(utterance: Utterance) -> float:
    """Returns how long the speech of a text must be at least."""
    return spoken_characters(utterance.text) / (MAX_CHARACTERS_PER_SECOND * (utterance.parameters.speed or 1.0))


def longest_seconds(utterance: Utterance) -> float:
    """Returns how long the speech of a text may be at most."""
    speed = utterance.parameters.speed or 1.0
    return MAX_SECONDS_BESIDE_TEXT + MAX_SECONDS_PER_CHARACTER * len(utterance.text) / speed


def check_longest(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if so much audio is more than the text can take."""
    if seconds > (longest := longest_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"the audio is longer than the {longest:.2f} s that {len(utterance.text)} characters can take",
        )


def check_shortest(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if so little audio can't be the whole text."""
    if seconds < (shortest := shortest_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"the audio takes {seconds:.2f} s, but {len(utterance.text)} characters take at least {shortest:.2f} s",
        )


def check_samples(pcm: bytes) -> None:
    """Raises SynthesisError bad_audio if whole 16-bit samples can't be a recording of anything."""
    samples = np.frombuffer(pcm, dtype="<i2")
    if samples.size < MIN_JUDGED_SAMPLES:
        return
    if is_swapped(pcm):
        raise SynthesisError(FailureKind.BAD_AUDIO, "the bytes of each sample are in big-endian order")
    if _are_floats(samples):
        raise SynthesisError(FailureKind.BAD_AUDIO, "the samples are 32-bit floats, not 16-bit integers")
    if samples.any() and not (samples[::2].any() and samples[1::2].any()):
        raise SynthesisError(FailureKind.BAD_AUDIO, "every second sample is 0, as in samples of 32 bits")
    if _is_noise(samples.astype(np.float32) / np.float32(_FULL_SCALE)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO, "the audio is white noise at full scale, as compressed data are if taken for samples"
        )


def is_swapped(pcm: bytes) -> bool:
    """Tells whether whole 16-bit samples are big-endian: read that way, they go on much more smoothly.

    Samples of few values say nothing of their order: made of 8 bits, or clipped until two are left.
    """
    samples = np.frombuffer(pcm, dtype="<i2")
    if _roughness(samples) <= MIN_SWAPPED_GAIN * _roughness(samples.byteswap()):
        return False
    low, high = np.bincount(samples & 0xFF, minlength=256), np.bincount(samples >> 8 & 0xFF, minlength=256)
    return bool(np.count_nonzero(low) > 1 and np.count_nonzero(high) >= MIN_LOW_BYTES)


def _roughness(samples: NDArray[np.int16]) -> float:
    wide = samples.astype(np.float32)
    return float(np.abs(wide[1:] - wide[:-1]).mean()) if samples.size > 1 else 0.0


def _are_floats(samples: NDArray[np.int16]) -> bool:
    """Tells whether nearly all pairs of samples are floats of a size that audio has, 2^-24 to 2, or zero.

    Pairs of integers are floats of any size at all, or none.
    """
    upper = samples[1::2][: samples.size // 2]
    exponents = upper >> 7 & 0xFF
    sounding = upper != 0
    if np.count_nonzero(sounding) < MIN_JUDGED_SAMPLES // 4:
        return False
    return bool(np.mean((exponents[sounding] >= 103) & (exponents[sounding] <= 127)) > MIN_FLOAT_SHARE)


def _is_noise(samples: NDArray[np.float32]) -> bool:
    energy = float(samples @ samples)
    if energy < MIN_NOISE_RMS**2 * samples.size:
        return False
    lags = range(1, NOISE_LAGS + 1)
    return all(abs(float(samples[:-lag] @ samples[lag:])) < MAX_NOISE_CORRELATION * energy for lag in lags)
