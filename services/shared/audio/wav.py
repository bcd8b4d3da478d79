"""Reads and writes whole WAV files of 16-bit mono PCM, and parses their headers."""

import struct
from dataclasses import dataclass

import numpy as np

from services.shared.audio.recording import Recording

BYTES_PER_SAMPLE = 2
HEADER_BYTES = 44
# The length that a streamed WAV declares because its length is unknown: the maximum of a RIFF file.
MAX_DATA_BYTES = 0xFFFFFFFF - HEADER_BYTES
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 4000, 192_000
# No recorder writes nearly as many chunks before the samples. A file with more is an attack on its reader.
MAX_CHUNKS = 1000

_PCM, _EXTENSIBLE = 1, 0xFFFE
_FORMAT_BYTES, _EXTENSIBLE_BYTES = 16, 40
_CODECS = {
    2: "ADPCM",
    3: "float",
    6: "A-law",
    7: "mu-law",
    17: "IMA ADPCM",
    49: "GSM",
    80: "MPEG",
    85: "MP3",
    255: "AAC",
}
# The end of the GUID of a subformat. The first two bytes are the number of the codec.
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")


class WavError(Exception):
    """The bytes are not a usable WAV. The message is a clause such as "it does not begin with RIFF"."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a WAV: everything before the samples."""

    sample_rate_hz: int
    start: int
    """The position of the first sample, in bytes."""
    declared_bytes: int
    """The number of bytes of samples according to the file. 0 or far too large if the writer did not know it."""


def header(sample_rate_hz: int, data_bytes: int = MAX_DATA_BYTES) -> bytes:
    """Returns the header of 44 bytes for `data_bytes` bytes of signed 16-bit little-endian mono samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data_bytes + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        _FORMAT_BYTES,
        _PCM,
        1,
        sample_rate_hz,
        sample_rate_hz * BYTES_PER_SAMPLE,
        BYTES_PER_SAMPLE,
        8 * BYTES_PER_SAMPLE,
        b"data",
        data_bytes,
    )


def write_wav(pcm: bytes, sample_rate_hz: int) -> bytes:
    """Returns a WAV of these samples (signed 16-bit little-endian mono). Its header has their exact length."""
    return header(sample_rate_hz, len(pcm)) + pcm


def read_wav(content: bytes | bytearray) -> Recording:
    """Returns the recording in a whole WAV. Its samples are a view of `content`.

    If the data chunk declares more bytes than follow, as in a file written to a pipe, or declares 0, the samples are
    all bytes that follow. An incomplete sample at the end is dropped.

    Raises WavError if the WAV is damaged, or if it is not 16-bit mono PCM. Other formats are not converted.
    """
    found = parse_header(content)
    if found is None:
        raise WavError("it has no data chunk")
    body = memoryview(content)[found.start :]
    body = body[: found.declared_bytes or len(body)]
    whole = len(body) - len(body) % BYTES_PER_SAMPLE
    return Recording(np.frombuffer(body[:whole], dtype="<i2"), found.sample_rate_hz)


def parse_header(content: bytes | bytearray) -> Header | None:
    """Returns the header at the beginning of a WAV, None if the header is incomplete so far.

    Raises WavError for anything but 16-bit mono PCM at 4 to 192 kHz.
    """
    if content[:4] != b"RIFF"[: len(content)]:
        raise WavError("it does not begin with RIFF")
    if len(content) < 12:
        return None
    if content[8:12] != b"WAVE":
        raise WavError("the RIFF is not of type WAVE")
    at, rate = 12, 0
    for _ in range(MAX_CHUNKS):
        if len(content) < at + 8:
            return None
        name, size = bytes(content[at : at + 4]), int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            if not rate:
                raise WavError("its samples come before their format")
            return Header(rate, at, size)
        if name == b"fmt ":
            known = min(size, _EXTENSIBLE_BYTES)
            if len(content) < at + known:
                return None
            rate = _sample_rate(bytes(content[at : at + known]))
        # Chunks are padded to an even length.
        at += size + size % 2
    raise WavError(f"it has more than {MAX_CHUNKS} chunks before its samples")


def _sample_rate(chunk: bytes) -> int:
    if len(chunk) < _FORMAT_BYTES:
        raise WavError("its format chunk is too short")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:_FORMAT_BYTES])
    if code == _EXTENSIBLE:
        if len(chunk) < _EXTENSIBLE_BYTES or chunk[26:] != _SUBFORMAT:
            raise WavError("its extensible format names an unknown codec")
        code = int.from_bytes(chunk[24:26], "little")
    if code != _PCM or channels != 1 or bits != 8 * BYTES_PER_SAMPLE:
        codec = "PCM" if code == _PCM else _CODECS.get(code, f"codec {code}")
        raise WavError(f"it has {codec}, {channels} channels and {bits} bits, not 16-bit mono PCM")
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        raise WavError(f"its sample rate of {rate} Hz is not {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz")
    return int(rate)
