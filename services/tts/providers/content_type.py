"""Reads what the content type of an answer says of the audio, and refuses what could not be obeyed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from services.shared.audio.wav import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from services.tts.providers.http_errors import UnusableBody

MAX_SHOWN_CHARACTERS = 60
_T = TypeVar("_T")


class Kind(Enum):
    """What a content type promises. What the body begins with counts for more."""

    SAMPLES = auto()
    MPEG = auto()
    """What some servers call everything that they make, raw samples too."""
    WAV = auto()
    EVENTS = auto()
    TEXT = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Declared:
    """What a content type says. `label` is the type as it is shown to people."""

    label: str
    kind: Kind
    sample_rate_hz: int | None = None
    big_endian: bool | None = None
    """None if the type says nothing of the order of bytes: it is little-endian then, or to be found out."""
    order_varies: bool = False
    """By RFC 2586 audio/L16 is big-endian, but many speech servers send little-endian samples under that name."""


_RAW = ("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "audio/x-raw", "audio/lpcm")
_KINDS = {
    **dict.fromkeys((*_RAW, "application/octet-stream", "binary/octet-stream"), Kind.SAMPLES),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), Kind.MPEG),
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), Kind.WAV),
    "text/event-stream": Kind.EVENTS,
    **dict.fromkeys(("application/json", "application/xml", "application/x-ndjson"), Kind.TEXT),
}
_TEXT = re.compile(r"text/.*|.*\+(json|xml)")
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"\s*({_NAME}/{_NAME})\s*")
# GStreamer separates its parameters by commas. Header lines that are repeated are joined by commas, too.
_PARAMETER = re.compile(rf'[;,]\s*(?:({_NAME})\s*=\s*([^\s;,"=]+|"(?:[^"\\]|\\.)*")|({_NAME}/{_NAME}))?\s*')

_RATE_NAMES = {"rate", "samplerate", "samplingrate", "samplefrequency", "frequency", "sr", "hz"}
_CHANNELS_NAMES = {"channels", "channel", "ch", "channelcount", "numchannels"}
_BITS_NAMES = {"bits", "bitdepth", "bitspersample", "samplesize", "samplewidth", "width", "depth"}
_CODEC_NAMES = {"codec", "codecs", "encoding", "format", "sampleformat", "container"}
_ORDER_NAMES = {"endianness", "endian", "byteorder"}
_SIGN_NAMES = {"signed", "sign", "signedness"}
# These say nothing of the samples.
_IGNORED_NAMES = {"charset", "name", "filename", "layout", "ptime", "maxptime"}

_MONO = {"1", "mono"}
# "1" is the number of PCM among the codecs of WAV, RFC 2361.
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


def declared_by(headers: Mapping[str, str]) -> Declared:
    """Returns what the content type says. Raises UnusableBody if it says what can't be obeyed, or contradicts itself.

    Parameters count with every type that can hold samples. One that is not known is refused by its name, since it may
    say that the samples are none that are understood.
    """
    value = headers.get("content-type", "").strip()
    if not value:
        return Declared("an untyped body", Kind.SAMPLES)
    match = _TYPE.match(value)
    if match is None:
        return Declared(_shown(value), Kind.OTHER)
    label = match[1].lower()
    kind = _KINDS.get(label) or (Kind.TEXT if _TEXT.fullmatch(label) else Kind.OTHER)
    if kind in (Kind.EVENTS, Kind.TEXT, Kind.OTHER):
        return Declared(_shown(label), kind)
    rate: int | None = None
    big_endian: bool | None = None
    for name, told in _parameters(value, match.end(), label):
        plain = _plain(told)
        key = _plain(name)
        if key in _RATE_NAMES:
            rate = _only(_sample_rate(name, told), rate, name)
        elif (key in _ORDER_NAMES and plain in _LITTLE | _BIG) or (key in _CODEC_NAMES and plain in _LITTLE | _BIG):
            big_endian = _only(plain in _BIG, big_endian, name)
        elif not (
            (key in _CHANNELS_NAMES and plain in _MONO)
            or (key in _BITS_NAMES and plain == "16")
            or (key in _CODEC_NAMES and (plain in _PCM or plain in _SIGNED))
            or (key in _SIGN_NAMES and plain in _SIGNED)
            or key in _IGNORED_NAMES
        ):
            raise UnusableBody(f"says {_shown(f'{name}={told}')} of its audio, where 16-bit mono was asked for")
    return Declared(label, kind, rate, big_endian, order_varies=label == "audio/l16")


def _parameters(value: str, at: int, label: str) -> Iterator[tuple[str, str]]:
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None or (match[3] or label).lower() != label:
            raise UnusableBody(f"says a content type that can't be read: {_shown(value)}")
        if match[1]:
            told = match[2]
            quoted = told.startswith('"')
            yield match[1], re.sub(r"\\(.)", r"\1", told[1:-1]) if quoted else told
        at = match.end()


def _sample_rate(name: str, told: str) -> int:
    if told.isascii() and told.isdecimal() and len(told) < 10:
        rate = int(told)
        if MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
            return rate
    raise UnusableBody(
        f"says {_shown(f'{name}={told}')} of its audio, which is no rate of "
        f"{MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz"
    )


def _only(now: _T, before: _T | None, name: str) -> _T:
    if before not in (None, now):
        raise UnusableBody(f"says two things of its audio's {_shown(name)}")
    return now


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).lower()


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:MAX_SHOWN_CHARACTERS])
