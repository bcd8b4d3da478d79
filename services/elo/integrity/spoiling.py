"""Spoils speech so that everybody who listens hears it."""

import numpy as np

from services.shared.audio.recording import FULL_SCALE
from services.shared.audio.wav import read_wav, write_wav

GAP_SECONDS = 0.12
"""The length of each gap. Syllables take 0.1 to 0.3 s, so words get lost."""
SOUND_SECONDS = 0.2
"""The speech between two gaps."""


def spoiled(stored: bytes, seed: int) -> bytes:
    """Returns a WAV with the same length and sample rate: the speech with gaps, and with noise that is as loud.

    `seed` determines the noise. Raises WavError if the bytes are not 16-bit mono PCM.
    """
    recording = read_wav(stored)
    samples = recording.samples.astype(np.float64)
    gap, sound = (round(seconds * recording.sample_rate_hz) for seconds in (GAP_SECONDS, SOUND_SECONDS))
    rms = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    samples[np.arange(len(samples)) % (sound + gap) >= sound] = 0.0
    samples += np.random.default_rng(seed).normal(0.0, rms, len(samples))
    pcm = np.clip(np.rint(samples), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return write_wav(pcm.tobytes(), recording.sample_rate_hz)
