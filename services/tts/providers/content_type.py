"""Reads the audio format from the content type of a response, and refuses formats that are not supported."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from services.shared.audio.wav import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from services.tts.providers.http_errors import UnusableBody

MAX_SHOWN_CHARACTERS = 60
_T = TypeVar("_T")


class ContentKind(Enum):
    """The kind of body that a content type declares. The first bytes of the body have priority."""

    SAMPLES = auto()
    MPEG = auto()
    """Some servers use this type for all audio, including raw samples."""
    WAV = auto()
    EVENTS = auto()
    TEXT = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class DeclaredFormat:
    """The format that a content type declares. `label` is the type as messages show it."""

    label: str
    kind: ContentKind
    sample_rate_hz: int | None = None
    big_endian: bool | None = None
    """None if the type does not state the byte order. Then it is little-endian, unless `order_varies`."""
    order_varies: bool = False
    """Whether the samples decide the byte order. True for audio/L16: RFC 2586 says big-endian, but many servers send
    little-endian samples."""


_RAW = ("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "audio/x-raw", "audio/lpcm")
_KINDS = {
    **dict.fromkeys((*_RAW, "application/octet-stream", "binary/octet-stream"), ContentKind.SAMPLES),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), ContentKind.MPEG),
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), ContentKind.WAV),
    "text/event-stream": ContentKind.EVENTS,
    **dict.fromkeys(("application/json", "application/xml", "application/x-ndjson"), ContentKind.TEXT),
}
_TEXT = re.compile(r"text/.*|.*\+(json|xml)")
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"\s*({_NAME}/{_NAME})\s*")
# GStreamer separates parameters by commas. Repeated header lines are joined by commas, too.
_PARAMETER = re.compile(rf'[;,]\s*(?:({_NAME})\s*=\s*([^\s;,"=]+|"(?:[^"\\]|\\.)*")|({_NAME}/{_NAME}))?\s*')

_RATE_NAMES = {"rate", "samplerate", "samplingrate", "samplefrequency", "frequency", "sr", "hz"}
_CHANNELS_NAMES = {"channels", "channel", "ch", "channelcount", "numchannels"}
_BITS_NAMES = {"bits", "bitdepth", "bitspersample", "samplesize", "samplewidth", "width", "depth"}
_CODEC_NAMES = {"codec", "codecs", "encoding", "format", "sampleformat", "container"}
_ORDER_NAMES = {"endianness", "endian", "byteorder"}
_SIGN_NAMES = {"signed", "sign", "signedness"}
# These parameters do not describe the samples.
_IGNORED_NAMES = {"charset", "name", "filename", "layout", "ptime", "maxptime"}

_MONO = {"1", "mono"}
# "1" is the codec number of PCM in a WAV, RFC 2361.
_PCM = {
    "pcm",
    "lpcm",
    "linear",
    "linear16",
    "pcm16",
    "l16",
    "s16",
    "int16",
    "i16",
    "raw",
    "none",
    "wav",
    "wave",
    "1",
    "audio/pcm",
}
_LITTLE = {"little", "littleendian", "le", "1234", "s16le", "pcms16le"}
_BIG = {"big", "bigendian", "be", "network", "4321", "s16be", "pcms16be"}
_SIGNED = {"signed", "true", "1", "yes", "signedint", "signedinteger"}


def declared_format(headers: Mapping[str, str]) -> DeclaredFormat:
    """Returns the format that the content type declares.

    Parameters are read for every type that can hold samples. Raises UnusableBody for a parameter with an unsupported
    value, for one that contradicts another, and for an unknown one, because it can mean samples in another format.
    """
    header = headers.get("content-type", "").strip()
    if not header:
        return DeclaredFormat("a body without a content type", ContentKind.SAMPLES)
    match = _TYPE.match(header)
    if match is None:
        return DeclaredFormat(_shown(header), ContentKind.OTHER)
    label = match[1].lower()
    kind = _KINDS.get(label) or (ContentKind.TEXT if _TEXT.fullmatch(label) else ContentKind.OTHER)
    if kind in (ContentKind.EVENTS, ContentKind.TEXT, ContentKind.OTHER):
        return DeclaredFormat(_shown(label), kind)
    rate: int | None = None
    big_endian: bool | None = None
    for name, value in _parameters(header, match.end(), label):
        plain = _plain(value)
        key = _plain(name)
        if key in _RATE_NAMES:
            rate = _only(_sample_rate(name, value), rate, name)
        elif (key in _ORDER_NAMES and plain in _LITTLE | _BIG) or (key in _CODEC_NAMES and plain in _LITTLE | _BIG):
            big_endian = _only(plain in _BIG, big_endian, name)
        elif not (
            (key in _CHANNELS_NAMES and plain in _MONO)
            or (key in _BITS_NAMES and plain == "16")
            or (key in _CODEC_NAMES and (plain in _PCM or plain in _SIGNED))
            or (key in _SIGN_NAMES and plain in _SIGNED)
            or key in _IGNORED_NAMES
        ):
            raise UnusableBody(
                f"declared {_shown(f'{name}={value}')} for its audio, but the request asked for 16-bit mono"
            )
    return DeclaredFormat(label, kind, rate, big_endian, order_varies=label == "audio/l16")


def _parameters(value: str, at: int, label: str) -> Iterator[tuple[str, str]]:
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None or (match[3] or label).lower() != label:
            raise UnusableBody(f"sent an unreadable content type: {_shown(value)}")
        if match[1]:
            parameter = match[2]
            quoted = parameter.startswith('"')
            yield match[1], re.sub(r"\\(.)", r"\1", parameter[1:-1]) if quoted else parameter
        at = match.end()


def _sample_rate(name: str, value: str) -> int:
    if value.isascii() and value.isdecimal() and len(value) < 10:
        rate = int(value)
        if MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
            return rate
    raise UnusableBody(
        f"declared {_shown(f'{name}={value}')} for its audio; a sample rate must be "
        f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz"
    )


def _only(now: _T, before: _T | None, name: str) -> _T:
    if before not in (None, now):
        raise UnusableBody(f"declared two different values of {_shown(name)} for its audio")
    return now


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).lower()


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:MAX_SHOWN_CHARACTERS])
