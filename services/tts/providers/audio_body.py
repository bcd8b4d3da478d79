"""Extracts the samples from the body of an HTTP response, even if its content type is wrong."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from services.shared.audio.wav import WavError
from services.shared.audio.wav_reader import WavBrokenOff, WavReader
from services.tts.providers import formats
from services.tts.providers.content_type import ContentKind, declared_format
from services.tts.providers.http_errors import TextBody, TruncatedBody, UnusableBody
from services.tts.sample_formats import is_swapped

# The part of a text that is read, because it can be an error.
MAX_TEXT_BYTES = 64 * 1024
# The amount of sound that decides the byte order of samples.
ORDER_CHECK_BYTES = 2048
# After this much digital silence, the byte order is decided without waiting for sound.
MAX_SILENT_BYTES = 256 * 1024

TimedAudio = tuple[float, bytes]
"""The time at which bytes arrived, and their audio."""


class _Reader(Protocol):
    @property
    def sample_rate_hz(self) -> int: ...

    def feed(self, piece: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class AudioBody:
    """Takes the body in pieces and returns signed 16-bit little-endian mono samples.

    The first bytes decide what the body is, and the content type only if they do not: a WAV is accepted, and any other
    format or a text is refused, under every content type. Pieces are held back until that is decided, which takes 12
    bytes of most bodies. The byte order of audio/l16 takes up to 2048 bytes of sound. Each piece keeps the time at
    which it arrived. Raw samples have the sample rate of the content type, otherwise `sample_rate_hz`.
    """

    def __init__(self, headers: Mapping[str, str], sample_rate_hz: int, label: str | None = None) -> None:
        self._declared = declared_format(headers)
        self._label = label or self._declared.label
        if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            raise UnusableBody("compressed its response, although the request asked for no compression")
        self.sample_rate_hz = self._declared.sample_rate_hz or sample_rate_hz
        self._at = 0.0
        self._held: list[TimedAudio] = []
        self._begin = b""
        self._reader: _Reader | None = None

    def feed(self, piece: bytes, at: float) -> Iterator[TimedAudio]:
        """Yields the audio of the next piece, if any. Raises UnusableBody or TextBody if the body is not audio."""
        self._at = at
        if self._reader is not None:
            yield from self._read(at, piece)
            return
        self._held.append((at, piece))
        self._begin += piece
        yield from self._decide(ended=False)

    def finish(self) -> Iterator[TimedAudio]:
        """Yields the audio that was held back, at the end of the body.

        Raises UnusableBody or TextBody if the body is not audio, and TruncatedBody if its end is missing.
        """
        if self._reader is None:
            yield from self._decide(ended=True)
        if self._reader is not None:
            try:
                if audio := self._reader.finish():
                    yield self._at, audio
            except WavError as error:
                raise _as_body_error(error) from None

    def _decide(self, *, ended: bool) -> Iterator[TimedAudio]:
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
        """Returns the reader of a body whose format is known."""
        if found == formats.WAV:
            return _WavSamples(self._declared.sample_rate_hz)
        if found == formats.TEXT:
            return _Text(f"sent text as {self._label} instead of raw audio samples")
        raise UnusableBody(f"sent {found} as {self._label} instead of raw audio samples")

    def _reader_of_samples(self, ended: bool) -> _Reader | None:
        """Returns the reader of a body that can be samples, None if their byte order is not decided yet."""
        declared = self._declared
        if declared.kind is ContentKind.WAV:
            # It is not a WAV. The reader raises the error.
            return _WavSamples(declared.sample_rate_hz)
        if declared.kind not in (ContentKind.SAMPLES, ContentKind.MPEG):
            raise UnusableBody(f"returned {self._label} instead of raw audio samples")
        if declared.kind is ContentKind.MPEG and formats.is_mpeg_frame(self._begin):
            raise UnusableBody(f"sent MP3 as {self._label} instead of raw audio samples")
        big_endian = declared.big_endian
        if big_endian is None and declared.order_varies:
            big_endian = _is_big_endian(self._begin, ended)
            if big_endian is None:
                return None
        return _RawSamples(self.sample_rate_hz, bool(big_endian), self._label)

    def _read(self, at: float, piece: bytes) -> Iterator[TimedAudio]:
        assert self._reader is not None
        try:
            audio = self._reader.feed(piece)
        except WavError as error:
            raise _as_body_error(error) from None
        self.sample_rate_hz = self._reader.sample_rate_hz or self.sample_rate_hz
        if audio:
            yield at, audio


def _is_big_endian(begin: bytes, ended: bool) -> bool | None:
    """Returns whether samples are big-endian, None if that needs more of them. Digital silence does not show it."""
    silent = len(begin) - len(begin.lstrip(b"\0"))
    sound = begin[silent - silent % 2 :][:ORDER_CHECK_BYTES]
    if len(sound) < ORDER_CHECK_BYTES and silent < MAX_SILENT_BYTES and not ended:
        return None
    return is_swapped(np.frombuffer(sound[: len(sound) - len(sound) % 2], "<i2"))


class _RawSamples:
    """Reads samples without a header. Half a sample at the end is returned unchanged."""

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
            raise TextBody("sent text after its audio", text)
        if frames := formats.frames_within(self._begin):
            raise UnusableBody(f"sent {frames} as {self._label} instead of raw audio samples")
        return self._half


class _WavSamples:
    """Reads the samples of a WAV. Its sample rate must be that of the content type, if the type states one."""

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
            raise UnusableBody(f"declared a sample rate of {self._declared_rate_hz} Hz but sent a WAV at {rate} Hz")
        self._tail = (self._tail + audio[-formats.MAX_TAIL_BYTES :])[-formats.MAX_TAIL_BYTES :]
        return audio

    def finish(self) -> bytes:
        trailing = self._wav.trailing
        if text := formats.text_at_end(trailing or self._tail):
            raise TextBody("sent text after its audio", text)
        if trailing:
            raise UnusableBody(f"sent {len(trailing)} bytes after the end of its WAV")
        return self._wav.finish()


class _Text:
    """Reads text that came instead of audio, up to the maximum size of an error."""

    sample_rate_hz = 0

    def __init__(self, message: str) -> None:
        self._message = message
        self._content = b""

    def feed(self, piece: bytes) -> bytes:
        self._content += piece
        if len(self._content) > MAX_TEXT_BYTES:
            self.finish()
        return b""

    def finish(self) -> bytes:
        raise TextBody(self._message, self._content[:MAX_TEXT_BYTES])


def _as_body_error(error: WavError) -> Exception:
    if isinstance(error, WavBrokenOff):
        return TruncatedBody(str(error))
    return UnusableBody(f"sent a WAV that can't be used: {error}")
