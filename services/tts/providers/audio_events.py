"""Extracts the samples from server-sent events whose data is JSON with base64 audio."""

import base64
import re
from collections.abc import Iterator

from services.tts.providers import formats
from services.tts.providers.audio_body import MAX_TEXT_BYTES, AudioBody, TimedAudio
from services.tts.providers.event_stream import EventStream, ServerSentEvent
from services.tts.providers.http_errors import ReportedError, TextBody, TruncatedBody, UnusableBody, parse_json

# More audio than servers put into one event. It bounds the memory for an event that never ends.
MAX_EVENT_BYTES = 8 * 1024 * 1024

_LABEL = "text/event-stream"
_NO_EVENT = re.compile(rb"[\s\xef\xbb\xbf]*[{\[<]")
_WRAPPING = re.compile(rb"\s+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
# The two ways in which OpenAI ends its streams.
_DONE = b"[DONE]"
_DONE_TYPE = "speech.audio.done"


class AudioEvents:
    """Takes the body in pieces and returns the samples of `{"audio": base64}` until `{"done": true}`."""

    def __init__(self, sample_rate_hz: int) -> None:
        # The audio of the events has the same checks as a body: it can be a WAV, or no samples at all.
        self._samples = AudioBody({}, sample_rate_hz, "the audio of events")
        self._stream = EventStream()
        self._begin = b""
        self._events = 0
        self._done = False

    @property
    def sample_rate_hz(self) -> int:
        return self._samples.sample_rate_hz

    def feed(self, piece: bytes, at: float) -> Iterator[TimedAudio]:
        """Yields the audio of the events that this piece completes.

        Raises UnusableBody if an event is unreadable, and ReportedError if an event reports an error of the server.
        """
        if not self._events and len(self._begin) < MAX_TEXT_BYTES:
            self._begin += piece
            found = formats.format_of(self._begin)
            if found not in (formats.TEXT, formats.SAMPLES, formats.UNDECIDED):
                raise UnusableBody(f"sent {found} as {_LABEL} instead of raw audio samples")
        for event in self._stream.feed(piece):
            self._events += 1
            yield from self._audio(event, at)
        if self._stream.size > MAX_EVENT_BYTES:
            raise UnusableBody(f"sent an event of more than {MAX_EVENT_BYTES // 2**20} MiB")

    def finish(self) -> Iterator[TimedAudio]:
        """Yields the audio that was held back, at the end of the body.

        Raises TruncatedBody if the event that ends a stream is missing, and TextBody if the body is a text without any
        events.
        """
        if not self._events and _NO_EVENT.match(self._begin):
            raise TextBody(f"returned {_LABEL} without any events", self._begin)
        if not self._done:
            raise TruncatedBody
        yield from self._samples.finish()

    def _audio(self, event: ServerSentEvent, at: float) -> Iterator[TimedAudio]:
        if event.data.strip() == _DONE:
            self._done = True
            return
        try:
            value = parse_json(event.data)
        except ValueError:
            value = None
        if event.name == "error":
            raise ReportedError(event.data.decode(errors="replace") if value is None else value)
        if not isinstance(value, dict):
            raise UnusableBody("sent an unreadable event")
        # An empty error means no error: some servers send the field in every event.
        if value.get("error") or value.get("status") == "error" or value.get("type") == "error":
            raise ReportedError(value)
        self._done = self._done or value.get("done") is True or value.get("type") == _DONE_TYPE
        if samples := _decoded(value.get("audio") or ""):
            yield from self._samples.feed(samples, at)


def _decoded(text: object) -> bytes:
    """Returns the bytes of a base64 text. Accepts missing padding, wrapped lines and the alphabet for URLs."""
    try:
        if not isinstance(text, str):
            raise TypeError
        plain = _WRAPPING.sub(b"", text.encode("ascii")).rstrip(b"=").translate(_STANDARD)
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (ValueError, TypeError):
        raise UnusableBody("sent an unreadable event") from None
