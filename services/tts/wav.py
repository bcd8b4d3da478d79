"""WAV files, whole: written with a true header, and read."""

import struct
from dataclasses import dataclass

from services.tts.domain import FailureKind, SynthesisError
from services.tts.wav_reader import WavReader

BYTES_PER_SAMPLE = 2
HEADER_BYTES = 44
# What a streamed WAV claims, since its length is not known: the longest that a RIFF can be.
LONGEST_DATA = 0xFFFFFFFF - HEADER_BYTES
_PCM = 1


def header(sample_rate_hz: int, data_bytes: int = LONGEST_DATA) -> bytes:
    """Returns the 44 bytes before `data_bytes` bytes of signed 16-bit little-endian mono samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data_bytes + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        1,
        sample_rate_hz,
        sample_rate_hz * BYTES_PER_SAMPLE,
        BYTES_PER_SAMPLE,
        8 * BYTES_PER_SAMPLE,
        b"data",
        data_bytes,
    )


def encode(pcm: bytes, sample_rate_hz: int) -> bytes:
    """Returns a WAV whose header counts the bytes that are there."""
    return header(sample_rate_hz, len(pcm)) + pcm


@dataclass(frozen=True, slots=True)
class Sound:
    """Signed 16-bit little-endian mono samples."""

    pcm: bytes
    sample_rate_hz: int


def decode(content: bytes) -> Sound:
    """Reads a whole WAV; half a sample at its end is left out.

    Raises SynthesisError: bad_audio if it is not 16-bit mono PCM, provider_unavailable if it is shorter than it says.
    """
    reader = WavReader()
    try:
        pcm = reader.feed(content) + reader.finish()
    except SynthesisError as error:
        if error.kind is FailureKind.BAD_AUDIO:
            raise
        raise SynthesisError(error.kind, f"the audio was broken off {error.message}") from None
    return Sound(pcm[: len(pcm) - len(pcm) % BYTES_PER_SAMPLE], reader.sample_rate_hz)
