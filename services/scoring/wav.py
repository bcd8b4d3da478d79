"""Reads WAV files, with distrust of what their headers say."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.scoring.domain import AudioUnreadable, Recording

BYTES_PER_SAMPLE = 2
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4000, 192_000
MOST_CHUNKS = 1000
"""No recorder writes nearly as many; a file that has more is made to keep its reader busy."""

_PCM, _EXTENSIBLE = 1, 0xFFFE
_FORMAT_BYTES = 16
_PCM_SUBFORMAT = bytes.fromhex("0100000000001000800000aa00389b71")


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: bytes
    body: memoryview


def read_wav(content: bytes | bytearray) -> Recording:
    """Reads 16-bit mono PCM of 4 to 192 kHz.

    The samples are those that are there: a data chunk that claims more (as of a file written to a pipe) or claims 0 at
    the end of the file is what follows it, and half a sample at its end is left out.

    Raises AudioUnreadable for anything else. Other formats and stereo are refused rather than converted, so that
    metrics always speak of the very samples that were stored.
    """
    sample_rate_hz: int | None = None
    for chunk in _chunks(content):
        if chunk.name == b"fmt ":
            sample_rate_hz = _sample_rate(bytes(chunk.body))
        elif chunk.name == b"data":
            if sample_rate_hz is None:
                raise _unreadable("its samples come before their format")
            whole = len(chunk.body) - len(chunk.body) % BYTES_PER_SAMPLE
            if not whole:
                raise AudioUnreadable("The audio has no samples.")
            return Recording(np.frombuffer(chunk.body[:whole], dtype="<i2"), sample_rate_hz)
    raise _unreadable("it has no data chunk")


def _chunks(content: bytes | bytearray) -> Iterator[_Chunk]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise _unreadable("it does not begin as one")
    view = memoryview(content)
    start = 12
    for _ in range(MOST_CHUNKS):
        if start + 8 > len(view):
            return
        name, size = bytes(view[start : start + 4]), int.from_bytes(view[start + 4 : start + 8], "little")
        body = view[start + 8 :]
        # A header that was written before the length was known says 0, or more than there is.
        known = size or name != b"data"
        yield _Chunk(name, body[:size] if known else body)
        # Chunks are padded to an even length.
        start += 8 + size + size % 2
    raise _unreadable(f"it has more than {MOST_CHUNKS} chunks")


def _sample_rate(body: bytes) -> int:
    if len(body) < _FORMAT_BYTES:
        raise _unreadable("its format is cut short")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:_FORMAT_BYTES])
    pcm = code == _PCM or (code == _EXTENSIBLE and body[24:40] == _PCM_SUBFORMAT)
    if not pcm or channels != 1 or bits != 8 * BYTES_PER_SAMPLE:
        raise _unreadable(f"it has format {code}, {channels} channels and {bits} bits, not 16-bit mono PCM")
    if not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise _unreadable(f"its sample rate is {rate} Hz, not {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}")
    return int(rate)


def _unreadable(why: str) -> AudioUnreadable:
    return AudioUnreadable(f"The audio is not a WAV that can be measured: {why}.")
