"""Finds the samples in a stream of server-sent events whose data is JSON with audio in base64."""

import base64

from services.tts.providers.audio_body import AudioBody, UnusableBody
from services.tts.providers.http_errors import parsed, text_of

# Seconds of audio in one event; a server that never ends its line is not read for ever.
LARGEST_EVENT_BYTES = 8 * 1024 * 1024


class AudioEvents:
    """Takes the body in pieces and gives back the samples of `{"audio": base64}` until `{"done": true}`."""

    def __init__(self, sample_rate_hz: int) -> None:
        # What is in the events may be a WAV, or no samples at all, just as a body may.
        self._samples = AudioBody({"content-type": "audio/pcm"}, sample_rate_hz)
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._done = False

    @property
    def sample_rate_hz(self) -> int:
        return self._samples.sample_rate_hz

    def feed(self, piece: bytes) -> bytes:
        """Returns the audio of the events that are complete with this piece; UnusableBody if one can't be read."""
        *lines, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        self._size += len(piece)
        audio = b""
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif not line and self._data:
                audio += self._event(b"\n".join(self._data))
                self._data, self._size = [], len(self._rest)
        if self._size > LARGEST_EVENT_BYTES:
            raise UnusableBody(f"sent an event of more than {LARGEST_EVENT_BYTES // 2**20} MiB")
        return audio

    def finish(self) -> bytes:
        """Returns what was held back; BrokenOff if the last event was not the end."""
        if not self._done:
            raise BrokenOff
        return self._samples.finish()

    def _event(self, data: bytes) -> bytes:
        try:
            event = parsed(data)
            if not isinstance(event, dict):
                raise ValueError
            self._done = self._done or event.get("done") is True
            if "error" in event or event.get("status") == "error":
                raise ToldError(text_of(event.get("message")) or text_of(event.get("error")))
            samples = base64.b64decode(event.get("audio") or "", validate=True)
        except (ValueError, TypeError):
            raise UnusableBody("sent an event that can't be read") from None
        return self._samples.feed(samples) if samples else b""


class BrokenOff(Exception):
    """The events ended before the one that says so."""


class ToldError(Exception):
    """The server said in an event that it failed; the message is its own."""
