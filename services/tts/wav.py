"""WAV files: written with a true header, read with distrust of theirs."""

import struct
from dataclasses import dataclass

from services.tts.domain import FailureKind, SynthesisError

BYTES_PER_SAMPLE = 2
HEADER_BYTES = 44
# What a streamed WAV claims, since its length is not known: the longest that a RIFF can be.
LONGEST_DATA = 0xFFFFFFFF - HEADER_BYTES
LARGEST_HEADER = 64 * 1024
_PCM, _EXTENSIBLE = 1, 0xFFFE


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
    """Reads a whole WAV; SynthesisError bad_audio if it is not 16-bit mono PCM.

    The data are all bytes that follow, or as many as the header says if it says fewer: engines that write to a pipe
    claim 0x7ffff000 or 0 bytes.
    """
    reader = WavReader()
    pcm = reader.feed(content)
    if not reader.sample_rate_hz:
        raise _bad("it ends within its header")
    return Sound(pcm[: len(pcm) - len(pcm) % BYTES_PER_SAMPLE], reader.sample_rate_hz)


class WavReader:
    """Takes a WAV in pieces of any size and gives back the samples in it as soon as they are there."""

    def __init__(self) -> None:
        self.sample_rate_hz = 0
        """0 until the whole header was read."""
        self._head = bytearray()
        self._left = 0

    def feed(self, piece: bytes) -> bytes:
        """Returns the audio in the next piece; SynthesisError bad_audio if this is no WAV that can be used."""
        if self.sample_rate_hz:
            return self._audio(piece)
        self._head += piece
        start = self._parse()
        if start is None:
            if len(self._head) > LARGEST_HEADER:
                raise _bad("its header does not end")
            return b""
        rest, self._head = bytes(self._head[start:]), bytearray()
        return self._audio(rest)

    def _audio(self, piece: bytes) -> bytes:
        taken = piece[: self._left]
        self._left -= len(taken)
        return taken

    def _parse(self) -> int | None:
        """Returns where the samples start, None if that is not reached yet."""
        head = self._head
        if bytes(head[:4]) != b"RIFF"[: len(head)]:
            raise _bad("it does not begin with RIFF")
        if len(head) < 12:
            return None
        if head[8:12] != b"WAVE":
            raise _bad("the RIFF is not of type WAVE")
        at, rate = 12, 0
        while len(head) >= at + 8:
            name, size = bytes(head[at : at + 4]), int.from_bytes(head[at + 4 : at + 8], "little")
            body = at + 8
            if name == b"data":
                if not rate:
                    raise _bad("it says nothing of its format")
                self.sample_rate_hz = rate
                self._left = size or LONGEST_DATA
                return body
            if size > LARGEST_HEADER:
                raise _bad("its header does not end")
            if name == b"fmt ":
                if len(head) < body + min(size, 16):
                    return None
                rate = _rate(bytes(head[body : body + size]))
            # Chunks are padded to an even length.
            at = body + size + size % 2
        return None


def _rate(chunk: bytes) -> int:
    if len(chunk) < 16:
        raise _bad("its format is cut short")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if code not in (_PCM, _EXTENSIBLE) or channels != 1 or bits != 16:
        raise _bad(f"it has format {code}, {channels} channels and {bits} bits, not 16-bit mono PCM")
    if not 4000 <= rate <= 192_000:
        raise _bad(f"it has a sample rate of {rate} Hz")
    return int(rate)


def _bad(why: str) -> SynthesisError:
    return SynthesisError(FailureKind.BAD_AUDIO, f"it is not a WAV that can be used: {why}")
