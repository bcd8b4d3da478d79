"""Reads WAV files that arrive in pieces over a network. It does not trust the lengths in their headers."""

import re
from enum import Enum, auto

from services.shared.audio.wav import WavError, parse_header

MAX_HEADER_BYTES = 64 * 1024
# The limit for a chunk after the samples, such as metadata. In a WAV of unknown length it is buffered.
MAX_CHUNK_AFTER_BYTES = 256 * 1024
# A server that does not know the length declares 0, or a number near the maximum of 31 or 32 bits, often minus a
# header. Lengths from about 1 GiB on, six hours at 24 kHz, count as unknown.
MIN_PLACEHOLDER_BYTES = 0x3FFFF000
# Some servers count the header as samples by mistake. This many missing bytes, less than a millisecond, are accepted.
MAX_MISCOUNTED_BYTES = 44

# The known names of chunks that follow samples. In a WAV of unknown length the reader searches for these names.
_NAMES = (
    rb"LIST|id3 |ID3 |bext|cue |fact|smpl|inst|iXML|axml|_PMX|acid|afsp|levl|note|labl|JUNK|junk|PAD |FLLR|DISP|minf"
)
_AFTER = re.compile(rb"RIFF|" + _NAMES)
_CHUNK_NAME = re.compile(rb"[\x20-\x7e]{4}")


class WavBrokenOff(WavError):
    """The file is incomplete. The message says where it ended: "after 5 of the 10 bytes that its WAV declares"."""


class _Mode(Enum):
    HEADER = auto()
    DATA = auto()
    """Samples of a declared length."""
    UNKNOWN_LENGTH = auto()
    """Samples of unknown length, until known chunks or the end of the stream."""
    CHUNK = auto()
    """Inside a chunk after the samples."""
    AFTER = auto()
    """After the samples or after a chunk behind them."""
    TRAILING = auto()
    """Unknown bytes after the end: chunks or anything else."""


class WavReader:
    """Takes a WAV in pieces of any size, and returns its samples as soon as they arrive.

    Several WAVs of the same format, one after another, are read as one. Chunks after the samples are dropped. If the
    length is unknown, bytes that may be such a chunk are buffered until it is certain. Sound rarely looks like one.
    """

    def __init__(self) -> None:
        self.sample_rate_hz = 0
        """0 until the header is complete."""
        self._mode = _Mode.HEADER
        self._buffer = bytearray()
        self._bytes_left = 0
        self._declared_bytes = 0
        self._padding_possible = False

    @property
    def trailing(self) -> bytes:
        """The bytes after the end of the file that are neither chunks nor zeros."""
        if self._mode is not _Mode.TRAILING:
            return b""
        buffer = bytes(self._buffer)
        return b"" if not buffer.strip(b"\0") or _are_chunks(buffer) else buffer

    def feed(self, piece: bytes) -> bytes:
        """Returns the samples in the next piece, as bytes. Raises WavError if this is not a usable WAV."""
        if self._mode is _Mode.DATA and len(piece) <= self._bytes_left:
            self._bytes_left -= len(piece)
            return piece
        self._buffer += piece
        audio = bytearray()
        before = None
        while before != (before := (self._mode, len(self._buffer))):
            audio += self._read_step()
        return bytes(audio)

    def finish(self) -> bytes:
        """Returns the buffered samples after the last piece.

        Raises WavError if the header is incomplete, WavBrokenOff if samples are missing.
        """
        if self._mode is _Mode.HEADER:
            if not self.sample_rate_hz:
                raise WavError("it ends within its header")
            raise WavBrokenOff("in the header of another WAV")
        if self._mode is _Mode.DATA and self._bytes_left > MAX_MISCOUNTED_BYTES:
            received = self._declared_bytes - self._bytes_left
            raise WavBrokenOff(f"after {received} of the {self._declared_bytes} bytes that its WAV declares")
        if self._mode is not _Mode.UNKNOWN_LENGTH:
            return b""
        buffer = bytes(self._buffer)
        ends = (each.start() for each in _AFTER.finditer(buffer))
        return buffer[: next((end for end in ends if _are_chunks(buffer[end:])), len(buffer))]

    def _read_step(self) -> bytes:
        buffer = self._buffer
        if self._mode is _Mode.HEADER:
            self._read_header()
        elif self._mode is _Mode.DATA:
            taken = self._take(min(self._bytes_left, len(buffer)))
            self._bytes_left -= len(taken)
            if not self._bytes_left:
                self._mode = _Mode.AFTER
            return taken
        elif self._mode is _Mode.UNKNOWN_LENGTH:
            return self._read_unknown_length()
        elif self._mode is _Mode.CHUNK:
            self._bytes_left -= len(self._take(min(self._bytes_left, len(buffer))))
            if not self._bytes_left:
                self._mode = _Mode.AFTER
        elif self._mode is _Mode.AFTER:
            self._read_after_samples()
        elif len(buffer) > MAX_CHUNK_AFTER_BYTES:
            raise WavError("it goes on after its end")
        return b""

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _read_header(self) -> None:
        """Continues with the samples once the header is complete."""
        found = parse_header(self._buffer)
        if (found.start if found else len(self._buffer)) > MAX_HEADER_BYTES:
            raise WavError(f"its header is longer than {MAX_HEADER_BYTES // 1024} KiB")
        if found is None:
            return
        rate, size = found.sample_rate_hz, found.declared_bytes
        if self.sample_rate_hz not in (0, rate):
            raise WavError(f"another WAV follows it, at {rate} Hz instead of {self.sample_rate_hz} Hz")
        self.sample_rate_hz = rate
        self._take(found.start)
        self._declared_bytes = self._bytes_left = size
        self._padding_possible = size % 2 == 1
        self._mode = _Mode.UNKNOWN_LENGTH if size == 0 or size >= MIN_PLACEHOLDER_BYTES else _Mode.DATA

    def _read_after_samples(self) -> None:
        """Decides what follows the samples: nothing yet, a chunk, another WAV, or unknown bytes."""
        buffer = self._buffer
        if self._padding_possible and buffer:
            self._padding_possible = False
            if buffer[0] == 0:
                self._take(1)
        if len(buffer) < 8:
            return
        name, size = bytes(buffer[:4]), int.from_bytes(buffer[4:8], "little")
        if name == b"RIFF":
            self._mode = _Mode.HEADER
        elif _AFTER.fullmatch(name) and size <= MAX_CHUNK_AFTER_BYTES:
            self._take(8)
            self._bytes_left, self._padding_possible = size, size % 2 == 1
            self._mode = _Mode.CHUNK if size else _Mode.AFTER
        else:
            self._mode = _Mode.TRAILING

    def _read_unknown_length(self) -> bytes:
        """Returns the bytes that are certainly samples."""
        buffer = self._buffer
        at = 0
        while candidate := _AFTER.search(buffer, at):
            start = candidate.start()
            end = _end_of_chunks(buffer, start)
            if end is not None:
                if len(buffer) - start > 2 * MAX_CHUNK_AFTER_BYTES:
                    raise WavError("it goes on after its end")
                audio = self._take(start)
                if len(buffer) >= end - start + 12:
                    # Another WAV begins after the chunks.
                    self._take(end - start)
                    self._mode = _Mode.HEADER
                return audio
            at = start + 4
        return self._take(len(buffer) - _begun_name_bytes(buffer))


def _begun_name_bytes(buffer: bytearray) -> int:
    """Returns how many of the last bytes could begin the name of a chunk."""
    names = [b"RIFF", *_NAMES.split(b"|")]
    return next((n for n in (3, 2, 1) if any(name.startswith(buffer[-n:]) for name in names) and len(buffer) >= n), 0)


def _end_of_chunks(buffer: bytearray, start: int) -> int | None:
    """Returns the end of the known chunks that begin at `start`, which may lie beyond the bytes received so far.

    Returns None if these bytes are not chunks: chunks must reach the end of the bytes or the beginning of another WAV.
    """
    at = start
    while at + 8 <= len(buffer):
        name, size = bytes(buffer[at : at + 4]), int.from_bytes(buffer[at + 4 : at + 8], "little")
        if name == b"RIFF":
            return at if bytes(buffer[at + 8 : at + 12]) == b"WAVE"[: len(buffer) - at - 8] else None
        if not _AFTER.fullmatch(name) or size > MAX_CHUNK_AFTER_BYTES:
            return None
        at += 8 + size + size % 2
    return at


def _are_chunks(buffer: bytes) -> bool:
    """Returns whether these bytes are only complete chunks, the last one with or without its padding."""
    at = 0
    while at + 8 <= len(buffer):
        if not _CHUNK_NAME.fullmatch(buffer[at : at + 4]):
            return False
        size = int.from_bytes(buffer[at + 4 : at + 8], "little")
        at += 8 + size
        if at == len(buffer):
            return True
        at += size % 2
    return at == len(buffer)
