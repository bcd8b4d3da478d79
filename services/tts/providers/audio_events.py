"""Finds the samples in a stream of server-sent events whose data is JSON with audio in base64."""

import base64
import re
from collections.abc import Iterator

from services.tts.providers import formats
from services.tts.providers.audio_body import MAX_TEXT_BYTES, AudioBody, Piece
from services.tts.providers.event_stream import Event, EventStream
from services.tts.providers.http_errors import BrokenOff, TextAnswer, ToldError, UnusableBody, parsed

# Seconds of audio in one event; a server that never ends its line is not read for ever.
MAX_EVENT_BYTES = 8 * 1024 * 1024

_LABEL = "text/event-stream"
_NO_EVENT = re.compile(rb"[\s\xef\xbb\xbf]*[{\[<]")
_WRAPPING = re.compile(rb"\s+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
# How OpenAI ends its streams.
_DONE = b"[DONE]"
_DONE_TYPE = "speech.audio.done"


class AudioEvents:
    """Takes the body in pieces and gives back the samples of `{"audio": base64}` until `{"done": true}`."""

    def __init__(self, sample_rate_hz: int) -> None:
        # What is in the events may be a WAV, or no samples at all, just as a body may.
        self._samples = AudioBody({}, sample_rate_hz, "the audio of events")
        self._stream = EventStream()
        self._begin = b""
        self._events = 0
        self._done = False

    @property
    def sample_rate_hz(self) -> int:
        return self._samples.sample_rate_hz

    def feed(self, piece: bytes, at: float) -> Iterator[Piece]:
        """Yields the audio of the events that are complete with this piece.

        Raises UnusableBody if one can't be read, ToldError if one says that the server failed.
        """
        if not self._events and len(self._begin) < MAX_TEXT_BYTES:
            self._begin += piece
            found = formats.format_of(self._begin)
            if found not in (formats.TEXT, formats.SAMPLES, formats.UNDECIDED):
                raise UnusableBody(f"sent {found} as {_LABEL} where audio samples were asked for")
        for event in self._stream.feed(piece):
            self._events += 1
            yield from self._audio(event, at)
        if self._stream.size > MAX_EVENT_BYTES:
            raise UnusableBody(f"sent an event of more than {MAX_EVENT_BYTES // 2**20} MiB")

    def finish(self) -> Iterator[Piece]:
        """Yields what was held back.

        Raises BrokenOff if the last event was not the end, TextAnswer if the body is a text and no events at all.
        """
        if not self._events and _NO_EVENT.match(self._begin):
            raise TextAnswer(f"answered with {_LABEL} that holds no events", self._begin)
        if not self._done:
            raise BrokenOff
        yield from self._samples.finish()

    def _audio(self, event: Event, at: float) -> Iterator[Piece]:
        if event.data.strip() == _DONE:
            self._done = True
            return
        try:
            value = parsed(event.data)
        except ValueError:
            value = None
        if event.name == "error":
            raise ToldError(event.data.decode(errors="replace") if value is None else value)
        if not isinstance(value, dict):
            raise UnusableBody("sent an event that can't be read")
        # An empty error is none: some servers send the field in every event.
        if value.get("error") or value.get("status") == "error" or value.get("type") == "error":
            raise ToldError(value)
        self._done = self._done or value.get("done") is True or value.get("type") == _DONE_TYPE
        if samples := _decoded(value.get("audio") or ""):
            yield from self._samples.feed(samples, at)


def _decoded(text: object) -> bytes:
    """Returns what base64 stands for; padding may be missing, lines wrapped, and the alphabet that for URLs."""
    try:
        if not isinstance(text, str):
            raise TypeError
        plain = _WRAPPING.sub(b"", text.encode("ascii")).rstrip(b"=").translate(_STANDARD)
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (ValueError, TypeError):
        raise UnusableBody("sent an event that can't be read") from None
