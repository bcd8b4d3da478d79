"""Finds the samples in the body of an HTTP answer, whatever its sender calls them."""

from collections.abc import Mapping
from email.message import Message

from services.tts.domain import SynthesisError
from services.tts.wav import WavReader

_RAW_TYPES = {
    "audio/pcm",
    "audio/x-pcm",
    "audio/l16",
    "audio/raw",
    "audio/x-raw",
    "application/octet-stream",
    "binary/octet-stream",
}
# What some servers call everything that they make; whether it is MP3 is told by how it begins.
_MPEG_TYPES = {"audio/mpeg", "audio/mp3"}
_WAV_TYPES = {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"}
_SNIFFED_BYTES = 4
_RIFF = b"RIFF"
# What compressed audio begins with, should it come under the name of raw samples.
_COMPRESSED = (b"ID3", b"OggS", b"fLaC")


class UnusableBody(Exception):
    """The body holds no samples that can be used; the message goes on after the provider's name."""


class AudioBody:
    """Takes the body in pieces and gives back signed 16-bit little-endian mono samples.

    Which it is, raw or WAV, is told by the content type, and by the first four bytes: some servers send a WAV whatever
    they call it, and its header is not audio. Raw samples have the rate that the content type says, or else the one
    given.
    """

    def __init__(self, headers: Mapping[str, str], sample_rate_hz: int) -> None:
        declared = Message()
        declared["content-type"] = headers.get("content-type", "")
        self._type = declared.get_content_type() if headers.get("content-type") else "no content type"
        if self._type not in _RAW_TYPES | _WAV_TYPES | _MPEG_TYPES:
            raise UnusableBody(f"answered with {self._type} where audio samples were asked for")
        if headers.get("content-encoding", "identity") != "identity":
            raise UnusableBody("compressed its answer, which it was asked not to")
        rate = str(declared.get_param("rate", ""))
        self.sample_rate_hz = int(rate) if rate.isdecimal() and 0 < len(rate) < 7 else sample_rate_hz
        self._begin = b""
        self._sniffed = False
        self._wav = WavReader() if self._type in _WAV_TYPES else None

    def feed(self, piece: bytes) -> bytes:
        """Returns the audio in the next piece, which may be none yet; UnusableBody if it can't be audio."""
        if not self._sniffed:
            self._begin += piece
            if len(self._begin) < _SNIFFED_BYTES:
                return b""
            piece = self._sniff()
        if self._wav is None:
            return piece
        try:
            audio = self._wav.feed(piece)
        except SynthesisError as error:
            raise UnusableBody(f"sent what can't be read: {error.message}") from None
        self.sample_rate_hz = self._wav.sample_rate_hz or self.sample_rate_hz
        return audio

    def finish(self) -> bytes:
        """Returns what was held back, when nothing follows; UnusableBody if it ended within a header."""
        if not self._sniffed:
            rest = self._sniff()
            return rest if self._wav is None else b""
        if self._wav is not None and not self._wav.sample_rate_hz:
            raise UnusableBody("sent a WAV that ends within its header")
        return b""

    def _sniff(self) -> bytes:
        begin, self._begin, self._sniffed = self._begin, b"", True
        if self._type in _MPEG_TYPES and (begin.startswith(_COMPRESSED) or _is_mpeg_frame(begin)):
            raise UnusableBody(f"answered with {self._type} where audio samples were asked for")
        if begin.startswith(_COMPRESSED):
            raise UnusableBody(f"sent compressed audio under the type {self._type}")
        if self._wav is None and begin.startswith(_RIFF):
            self._wav = WavReader()
        return begin


def _is_mpeg_frame(begin: bytes) -> bool:
    """Tells whether these are the first bytes of a frame of MPEG audio, layer 3, with a bit rate and sample rate that
    there are."""
    if len(begin) < _SNIFFED_BYTES or begin[0] != 0xFF or begin[1] & 0xE6 != 0xE2:
        return False
    version, bit_rate, sample_rate = begin[1] >> 3 & 3, begin[2] >> 4, begin[2] >> 2 & 3
    return version != 1 and bit_rate not in (0, 15) and sample_rate != 3
