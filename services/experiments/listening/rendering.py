"""Makes the clip that a listener hears of stored speech: one rate, one loudness, and a header that says nothing."""

import io
import wave

import numpy as np
import soxr

from services.experiments.listening.loudness import gain

SAMPLE_RATE_HZ = 24_000
SAMPLE_BYTES = 2
FULL_SCALE = 32768.0


def render(stored: bytes, target_lufs: float, loudness_lufs: float | None) -> bytes:
    """Returns a WAV of 16-bit mono PCM at 24 kHz and the target loudness, with a header of 44 bytes.

    `stored` is 16-bit mono PCM at any rate, as tts stores it; `loudness_lufs` is what was measured of it. ValueError if
    it is not that. Silence at its ends stays, since it is part of what is compared.
    """
    samples, rate_hz = _samples(stored)
    peak = float(np.max(np.abs(samples), initial=0.0))
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) if len(samples) else 0.0
    played = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ, quality="HQ") if len(samples) else samples
    played = played * np.float32(gain(target_lufs, loudness_lufs, rms, peak) * FULL_SCALE)
    # Between samples, what was clipped when it was made may come above full scale.
    pcm = np.clip(np.rint(played), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return _wav(pcm.tobytes())


def _samples(stored: bytes) -> "tuple[np.typing.NDArray[np.float32], int]":
    try:
        with wave.open(io.BytesIO(stored), "rb") as reader:
            if (reader.getnchannels(), reader.getsampwidth()) != (1, SAMPLE_BYTES):
                raise ValueError("stored speech is 16-bit mono PCM")
            pcm = reader.readframes(reader.getnframes())
            rate_hz = reader.getframerate()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"stored speech can't be read: {error}") from error
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE), rate_hz


def _wav(pcm: bytes) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(SAMPLE_RATE_HZ)
        writer.writeframes(pcm)
    return written.getvalue()
