"""Finds the samples in the body of an HTTP answer, whatever its sender calls them."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from services.shared.audio.wav import WavError
from services.shared.audio.wav_reader import WavBrokenOff, WavReader
from services.tts.providers import formats
from services.tts.providers.content_type import Kind, declared_by
from services.tts.providers.http_errors import BrokenOff, TextAnswer, UnusableBody
from services.tts.sample_formats import is_swapped

# As much of a text is read as may be an error.
MAX_TEXT_BYTES = 64 * 1024
# Enough samples to tell their order of bytes, once there is sound.
ORDER_BYTES = 2048
MAX_SILENT_BYTES = 256 * 1024

Piece = tuple[float, bytes]
"""Audio, and when the bytes that hold it arrived."""


class _Reader(Protocol):
    @property
    def sample_rate_hz(self) -> int: ...

    def feed(self, piece: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class AudioBody:
    """Takes the body in pieces and gives back signed 16-bit little-endian mono samples.

    What it is, is told by how it begins, and only then by the content type: a WAV is read under any name, another
    format or a text is refused under any name. Until that is certain, which takes the first 12 bytes of most bodies
    and never more than a few thousand, pieces are held back; each keeps the time at which it arrived, so the first
    sample has the time of its own bytes. Raw samples have the rate that the content type says, or else the one given.
    """

    def __init__(self, headers: Mapping[str, str], sample_rate_hz: int, label: str | None = None) -> None:
        self._declared = declared_by(headers)
        self._label = label or self._declared.label
        if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            raise UnusableBody("compressed its answer, which it was asked not to")
        self.sample_rate_hz = self._declared.sample_rate_hz or sample_rate_hz
        self._at = 0.0
        self._held: list[Piece] = []
        self._begin = b""
        self._reader: _Reader | None = None

    def feed(self, piece: bytes, at: float) -> Iterator[Piece]:
        """Yields the audio in the next piece, which may be none yet. UnusableBody or TextAnswer if it is no audio."""
        self._at = at
        if self._reader is not None:
            yield from self._read(at, piece)
            return
        self._held.append((at, piece))
        self._begin += piece
        yield from self._decide(ended=False)

    def finish(self) -> Iterator[Piece]:
        """Yields what was held back, when nothing follows.

        Raises UnusableBody or TextAnswer if the body turns out to be no audio, BrokenOff if its end is missing.
        """
        if self._reader is None:
            yield from self._decide(ended=True)
        if self._reader is not None:
            try:
                if audio := self._reader.finish():
                    yield self._at, audio
            except WavError as error:
                raise _as_body_error(error) from None

    def _decide(self, *, ended: bool) -> Iterator[Piece]:
        found = formats.format_of(self._begin, ended=ended)
        if found == formats.UNDECIDED:
            return
        reader = self._reader_of(found) if found != formats.SAMPLES else self._reader_of_samples(ended)
        if reader is None:
            return
        self._reader = reader
        held, self._held, self._begin = self._held, [], b""
        for at, piece in held:
            yield from self._read(at, piece)

    def _reader_of(self, found: str) -> _Reader:
        """Returns what reads a body that shows what it is."""
        if found == formats.WAV:
            return _WavSamples(self._declared.sample_rate_hz)
        if found == formats.TEXT:
            return _Text(self._refusal)
        raise UnusableBody(f"sent {found} as {self._label} where audio samples were asked for")

    def _reader_of_samples(self, ended: bool) -> _Reader | None:
        """Returns what reads a body that could be samples, None if their order of bytes is not certain yet."""
        declared = self._declared
        if declared.kind is Kind.WAV:
            # Which it is not; its reader says so.
            return _WavSamples(declared.sample_rate_hz)
        if declared.kind not in (Kind.SAMPLES, Kind.MPEG):
            raise UnusableBody(self._refusal)
        if declared.kind is Kind.MPEG and formats.is_mpeg_frame(self._begin):
            raise UnusableBody(f"sent MP3 as {self._label} where audio samples were asked for")
        big_endian = declared.big_endian
        if big_endian is None and declared.order_varies:
            big_endian = _order_of(self._begin, ended)
            if big_endian is None:
                return None
        return _RawSamples(self.sample_rate_hz, bool(big_endian), self._label)

    @property
    def _refusal(self) -> str:
        return f"answered with {self._label} where audio samples were asked for"

    def _read(self, at: float, piece: bytes) -> Iterator[Piece]:
        assert self._reader is not None
        try:
            audio = self._reader.feed(piece)
        except WavError as error:
            raise _as_body_error(error) from None
        self.sample_rate_hz = self._reader.sample_rate_hz or self.sample_rate_hz
        if audio:
            yield at, audio


def _order_of(begin: bytes, ended: bool) -> bool | None:
    """Returns whether samples are big-endian, None if that needs more of them. Digital silence is the same in both."""
    silent = len(begin) - len(begin.lstrip(b"\0"))
    sound = begin[silent - silent % 2 :][:ORDER_BYTES]
    if len(sound) < ORDER_BYTES and silent < MAX_SILENT_BYTES and not ended:
        return None
    return is_swapped(np.frombuffer(sound[: len(sound) - len(sound) % 2], "<i2"))


class _RawSamples:
    """Samples without a header. Half a sample at the end is given back as it is."""

    def __init__(self, sample_rate_hz: int, big_endian: bool, label: str) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._big_endian = big_endian
        self._label = label
        self._half = b""
        self._begin = b""
        self._tail = b""

    def feed(self, piece: bytes) -> bytes:
        if len(self._begin) < formats.MAX_BEGIN_BYTES:
            self._begin += piece[: formats.MAX_BEGIN_BYTES]
        self._tail = (self._tail + piece[-formats.MAX_TAIL_BYTES :])[-formats.MAX_TAIL_BYTES :]
        if not self._big_endian:
            return piece
        piece = self._half + piece
        whole = len(piece) - len(piece) % 2
        self._half = piece[whole:]
        swapped = bytearray(piece[:whole])
        swapped[::2], swapped[1::2] = swapped[1::2], swapped[::2]
        return bytes(swapped)

    def finish(self) -> bytes:
        if text := formats.text_at_end(self._tail):
            raise TextAnswer("sent text after its audio", text)
        if frames := formats.frames_within(self._begin):
            raise UnusableBody(f"sent {frames} as {self._label} where audio samples were asked for")
        return self._half


class _WavSamples:
    """The samples of a WAV, which must have the rate that the content type says, if it says one."""

    def __init__(self, declared_rate_hz: int | None) -> None:
        self._wav = WavReader()
        self._declared_rate_hz = declared_rate_hz
        self._tail = b""

    @property
    def sample_rate_hz(self) -> int:
        return self._wav.sample_rate_hz

    def feed(self, piece: bytes) -> bytes:
        audio = self._wav.feed(piece)
        rate = self._wav.sample_rate_hz
        if rate and self._declared_rate_hz not in (None, rate):
            raise UnusableBody(f"says a rate of {self._declared_rate_hz} Hz, and sent a WAV of {rate} Hz")
        self._tail = (self._tail + audio[-formats.MAX_TAIL_BYTES :])[-formats.MAX_TAIL_BYTES :]
        return audio

    def finish(self) -> bytes:
        trailing = self._wav.trailing
        if text := formats.text_at_end(trailing or self._tail):
            raise TextAnswer("sent text after its audio", text)
        if trailing:
            raise UnusableBody(f"sent {len(trailing)} bytes after the end of its WAV")
        return self._wav.finish()


class _Text:
    """Text where audio was asked for. It is read as far as an error may reach."""

    sample_rate_hz = 0

    def __init__(self, refusal: str) -> None:
        self._message = refusal
        self._content = b""

    def feed(self, piece: bytes) -> bytes:
        self._content += piece
        if len(self._content) > MAX_TEXT_BYTES:
            self.finish()
        return b""

    def finish(self) -> bytes:
        raise TextAnswer(self._message, self._content[:MAX_TEXT_BYTES])


def _as_body_error(error: WavError) -> Exception:
    if isinstance(error, WavBrokenOff):
        return BrokenOff(str(error))
    return UnusableBody(f"sent what can't be read: it is not a WAV that can be used: {error}")
