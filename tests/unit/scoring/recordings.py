"""Recordings whose metrics are known beforehand."""

import struct

import numpy as np
from numpy.typing import NDArray

from services.scoring.domain import Recording


def recording(samples: object, sample_rate_hz: int = 24_000) -> Recording:
    """These samples, on the 16-bit scale."""
    return Recording(np.asarray(samples, dtype=np.int16), sample_rate_hz)


def tone(
    seconds: float, *, dbfs: float = 0.0, frequency_hz: float = 997.0, sample_rate_hz: int = 24_000
) -> NDArray[np.int16]:
    """A sine whose peak is at `dbfs`."""
    at = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    amplitude = 32767 * 10 ** (dbfs / 20)
    return np.rint(amplitude * np.sin(2 * np.pi * frequency_hz * at)).astype(np.int16)


def silence(seconds: float, sample_rate_hz: int = 24_000) -> NDArray[np.int16]:
    """Digital silence."""
    return np.zeros(round(seconds * sample_rate_hz), dtype=np.int16)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A RIFF chunk, which claims `size` bytes if given."""
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def format_chunk(*, code: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, more: bytes = b"") -> bytes:
    """What a WAV says of its samples."""
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + more)


def wav(*chunks: bytes) -> bytes:
    """A WAV of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wav_of(samples: NDArray[np.int16], sample_rate_hz: int = 24_000) -> bytes:
    """A WAV as it should be."""
    return wav(format_chunk(rate=sample_rate_hz), chunk(b"data", samples.astype("<i2").tobytes()))
