"""Reads WAV files as they come over a network, with distrust of what their headers say."""

import re
from enum import Enum, auto

from services.shared.audio.wav import WavError, parse_header

MAX_HEADER_BYTES = 64 * 1024
# What may follow the samples: metadata, text about the file. It is held back where the length is unknown.
MAX_CHUNK_AFTER_BYTES = 256 * 1024
# A server that does not know the length writes 0, or a number near the end of 31 or 32 bits, often less a header.
# A GiB is six hours at 24 kHz.
MIN_PLACEHOLDER_BYTES = 0x3FFFF000
# A header that was counted in by mistake: less than a millisecond.
MAX_MISCOUNTED_BYTES = 44

# The chunks that are known to follow samples. In a stream of unknown length they are looked for by these names.
_NAMES = (
    rb"LIST|id3 |ID3 |bext|cue |fact|smpl|inst|iXML|axml|_PMX|acid|afsp|levl|note|labl|JUNK|junk|PAD |FLLR|DISP|minf"
)
_AFTER = re.compile(rb"RIFF|" + _NAMES)
_CHUNK_NAME = re.compile(rb"[\x20-\x7e]{4}")


class WavBrokenOff(WavError):
    """The file ended before its own end. The message says where: "after 5 of the 10 bytes that its WAV declares"."""


class _Mode(Enum):
    HEADER = auto()
    DATA = auto()
    """As many bytes as the header says."""
    ENDLESS = auto()
    """All that come, but for the chunks at the end."""
    CHUNK = auto()
    """Inside a chunk after the samples."""
    AFTER = auto()
    TRAILING = auto()
    """Bytes after the end that may be chunks or anything else."""


class WavReader:
    """Takes a WAV in pieces of any size and returns its samples as soon as they arrive.

    Several WAVs of the same format, one after another, count as one. Chunks after the samples are left out. If the
    length is unknown, bytes that may be such a chunk are held back until that is certain; sound rarely looks like one.
    """

    def __init__(self) -> None:
        self.sample_rate_hz = 0
        """0 until the whole header was read."""
        self._mode = _Mode.HEADER
        self._rest = bytearray()
        self._left = 0
        self._size = 0
        self._pads = False

    @property
    def trailing(self) -> bytes:
        """What came after the end of the file, and is no chunk of it."""
        if self._mode is not _Mode.TRAILING:
            return b""
        rest = bytes(self._rest)
        return b"" if not rest.strip(b"\0") or _are_chunks(rest) else rest

    def feed(self, piece: bytes) -> bytes:
        """Returns the audio in the next piece; WavError if this is no WAV that can be used."""
        if self._mode is _Mode.DATA and len(piece) <= self._left:
            self._left -= len(piece)
            return piece
        self._rest += piece
        audio = bytearray()
        before = None
        while before != (before := (self._mode, len(self._rest))):
            audio += self._step()
        return bytes(audio)

    def finish(self) -> bytes:
        """Returns what was held back, when nothing follows.

        Raises WavError if not even the header is whole, WavBrokenOff if the file ended before its own end.
        """
        if self._mode is _Mode.HEADER:
            if not self.sample_rate_hz:
                raise WavError("it ends within its header")
            raise WavBrokenOff("in the header of another WAV")
        if self._mode is _Mode.DATA and self._left > MAX_MISCOUNTED_BYTES:
            raise WavBrokenOff(f"after {self._size - self._left} of the {self._size} bytes that its WAV declares")
        if self._mode is not _Mode.ENDLESS:
            return b""
        rest = bytes(self._rest)
        ends = (each.start() for each in _AFTER.finditer(rest))
        return rest[: next((end for end in ends if _are_chunks(rest[end:])), len(rest))]

    def _step(self) -> bytes:
        rest = self._rest
        if self._mode is _Mode.HEADER:
            self._parse()
        elif self._mode is _Mode.DATA:
            taken = self._take(min(self._left, len(rest)))
            self._left -= len(taken)
            if not self._left:
                self._mode = _Mode.AFTER
            return taken
        elif self._mode is _Mode.ENDLESS:
            return self._endless()
        elif self._mode is _Mode.CHUNK:
            self._left -= len(self._take(min(self._left, len(rest))))
            if not self._left:
                self._mode = _Mode.AFTER
        elif self._mode is _Mode.AFTER:
            self._after()
        elif len(rest) > MAX_CHUNK_AFTER_BYTES:
            raise WavError("it goes on after its end")
        return b""

    def _take(self, count: int) -> bytes:
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def _parse(self) -> None:
        """Goes on to the samples once the whole header is there."""
        found = parse_header(self._rest)
        if (found.start if found else len(self._rest)) > MAX_HEADER_BYTES:
            raise WavError("its header does not end")
        if found is None:
            return
        rate, size = found.sample_rate_hz, found.declared_bytes
        if self.sample_rate_hz not in (0, rate):
            raise WavError(f"it is followed by another one, of {rate} Hz instead of {self.sample_rate_hz} Hz")
        self.sample_rate_hz = rate
        self._take(found.start)
        self._size = self._left = size
        self._pads = size % 2 == 1
        self._mode = _Mode.ENDLESS if size == 0 or size >= MIN_PLACEHOLDER_BYTES else _Mode.DATA

    def _after(self) -> None:
        """Decides what follows the end of the samples: nothing, a chunk, another WAV, or what is no part of it."""
        rest = self._rest
        if self._pads and rest:
            self._pads = False
            if rest[0] == 0:
                self._take(1)
        if len(rest) < 8:
            return
        name, size = bytes(rest[:4]), int.from_bytes(rest[4:8], "little")
        if name == b"RIFF":
            self._mode = _Mode.HEADER
        elif _AFTER.fullmatch(name) and size <= MAX_CHUNK_AFTER_BYTES:
            self._take(8)
            self._left, self._pads = size, size % 2 == 1
            self._mode = _Mode.CHUNK if size else _Mode.AFTER
        else:
            self._mode = _Mode.TRAILING

    def _endless(self) -> bytes:
        """Returns the samples that are certain to be some."""
        rest = self._rest
        at = 0
        while candidate := _AFTER.search(rest, at):
            start = candidate.start()
            end = _end_of_chunks(rest, start)
            if end is not None:
                if len(rest) - start > 2 * MAX_CHUNK_AFTER_BYTES:
                    raise WavError("it goes on after its end")
                audio = self._take(start)
                if len(rest) >= end - start + 12:
                    # Another WAV begins here.
                    self._take(end - start)
                    self._mode = _Mode.HEADER
                return audio
            at = start + 4
        return self._take(len(rest) - _begun(rest))


def _begun(rest: bytearray) -> int:
    """Returns how many of the last bytes could be the beginning of a chunk's name."""
    names = [b"RIFF", *_NAMES.split(b"|")]
    return next((n for n in (3, 2, 1) if any(name.startswith(rest[-n:]) for name in names) and len(rest) >= n), 0)


def _end_of_chunks(rest: bytearray, start: int) -> int | None:
    """Returns where the known chunks end that begin here, which may be beyond the bytes that are there.

    None if these are no chunks: they must reach the end, or the beginning of another WAV.
    """
    at = start
    while at + 8 <= len(rest):
        name, size = bytes(rest[at : at + 4]), int.from_bytes(rest[at + 4 : at + 8], "little")
        if name == b"RIFF":
            return at if bytes(rest[at + 8 : at + 12]) == b"WAVE"[: len(rest) - at - 8] else None
        if not _AFTER.fullmatch(name) or size > MAX_CHUNK_AFTER_BYTES:
            return None
        at += 8 + size + size % 2
    return at


def _are_chunks(rest: bytes) -> bool:
    """Tells whether these bytes are nothing but whole chunks, the last one with or without its padding."""
    at = 0
    while at + 8 <= len(rest):
        if not _CHUNK_NAME.fullmatch(rest[at : at + 4]):
            return False
        size = int.from_bytes(rest[at + 4 : at + 8], "little")
        at += 8 + size
        if at == len(rest):
            return True
        at += size % 2
    return at == len(rest)
