"""Writes a recording as a WAV of 16-bit mono PCM, the format that blind comparisons take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr

from services.scoring.pipeline.decoding import DecodedAudio
from services.shared.audio.wav import write_wav

MAX_SECONDS = 300.0
"""A scenario has at most 2000 characters, which are spoken in 150 s."""
MAX_RATE_HZ = 48_000
BLOCK_SECONDS = 10


def write_mono_copy(audio: DecodedAudio, path: Path) -> None:
    """Writes the mean of the channels at the recording's own rate, at most MAX_RATE_HZ.

    Writes nothing if the recording is longer than MAX_SECONDS.
    """
    if audio.duration_seconds > MAX_SECONDS:
        return
    rate_hz = audio.format.sample_rate_hz
    copy_rate_hz = min(rate_hz, MAX_RATE_HZ)
    resampler = soxr.ResampleStream(rate_hz, copy_rate_hz, 1, dtype="int16") if copy_rate_hz < rate_hz else None
    pieces, block = [], BLOCK_SECONDS * rate_hz
    for start in range(0, len(audio.native), block):
        samples = np.rint(audio.native[start : start + block].mean(axis=1, dtype=np.float64)).astype("<i2")
        if resampler is not None:
            samples = resampler.resample_chunk(samples, last=start + block >= len(audio.native))
        pieces.append(samples.astype("<i2").tobytes())
    path.write_bytes(write_wav(b"".join(pieces), copy_rate_hz))
