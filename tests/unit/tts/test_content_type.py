"""Each parameter of a content type is obeyed or refused."""

import pytest

from services.tts.providers.content_type import Declared, Kind, declared_by
from services.tts.providers.http_errors import UnusableBody


def declared(value: str) -> Declared:
    return declared_by({"content-type": value})


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        ("audio/L16; rate=8000; channels=1", 8000),
        ("audio/pcm;rate=4000", 4000),
        ("audio/pcm;rate=192000", 192_000),
        ('audio/pcm; rate="16000"', 16000),
        ("audio/pcm;rate=16000;rate=16000", 16000),
        ("audio/pcm;sample_rate=22050", 22050),
        ("AUDIO/PCM;Sample-Rate=22050;", 22050),
        ("audio/x-raw, format=S16LE, rate=44100, channels=1, layout=interleaved", 44100),
        ("audio/mpeg;rate=16000", 16000),
        ("audio/x-wav; codec=audio/pcm; samplerate=16000", 16000),
        ("audio/L16;codec=pcm;rate=24000", 24000),
        ("audio/x-pcm", None),
        ("application/octet-stream; charset=binary", None),
        ("audio/wav; codec=1", None),
        ("audio/wav; codecs=1", None),
        ("audio/pcm;bits=16;channels=1;encoding=signed-int", None),
        ("audio/pcm; codec=pcm_s16le", None),
        ("audio/pcm; encoding=linear16; container=none", None),
        ("audio/pcm, audio/pcm", None),
    ],
)
def test_a_parameter_that_can_be_obeyed_is(value: str, rate: int | None) -> None:
    assert declared(value).sample_rate_hz == rate


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("audio/pcm;rate=0", "says rate=0 of its audio, which is no rate of 4000 to 192000 Hz"),
        ("audio/pcm;rate=1", "says rate=1 of"),
        ("audio/pcm;rate=3999", "says rate=3999 of"),
        ("audio/pcm;rate=192001", "says rate=192001 of"),
        ("audio/pcm;rate=99999999999999999999", "says rate=99999999999999999999 of"),
        ("audio/pcm;rate=-8000", "says rate=-8000 of"),
        ("audio/pcm;rate=abc", "says rate=abc of"),
        ("audio/pcm;rate=24000.0", "says rate=24000.0 of"),
        ("audio/pcm;rate=24k", "says rate=24k of"),
        ('audio/pcm;rate=""', "says rate= of"),
        ("audio/pcm;rate=٢٤٠٠٠", "says rate=٢٤٠٠٠ of"),
        ("audio/L16;rate=24000;channels=2", "says channels=2 of its audio, where 16-bit mono was asked for"),
        ("audio/pcm;channels=0", "says channels=0 of"),
        ("audio/pcm;bits=8", "says bits=8 of"),
        ("audio/pcm;bits=24", "says bits=24 of"),
        ("audio/pcm;bit-depth=32", "says bit-depth=32 of"),
        ("audio/pcm;codec=opus", "says codec=opus of"),
        ("audio/pcm;encoding=mulaw", "says encoding=mulaw of"),
        ("audio/pcm;encoding=float", "says encoding=float of"),
        ("audio/pcm;signed=false", "says signed=false of"),
        ("audio/pcm;endianness=middle", "says endianness=middle of"),
        ("audio/pcm;speed=2", "says speed=2 of"),
        ("audio/wav;codec=7", "says codec=7 of"),
        ("audio/pcm;rate=8000;rate=16000", "says two things of its audio's rate"),
        ("audio/pcm;rate=8000;sample_rate=16000", "says two things of its audio's sample_rate"),
        ("audio/pcm;endian=big;codec=pcm_s16le", "says two things of its audio's codec"),
        ("audio/pcm, audio/wav", "says a content type that can't be read: audio/pcm, audio/wav"),
        ("audio/pcm;rate", "says a content type that can't be read"),
        ("audio/pcm;=8000", "says a content type that can't be read"),
        ('audio/pcm;rate="8000', "says a content type that can't be read"),
    ],
)
def test_a_parameter_that_can_not_be_obeyed_is_refused_by_name(value: str, words: str) -> None:
    with pytest.raises(UnusableBody) as caught:
        declared(value)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("value", "big_endian"),
    [
        ("audio/pcm", None),
        ("audio/pcm;endianness=little-endian", False),
        ("audio/pcm;endian=little", False),
        ("audio/pcm;codec=pcm_s16le", False),
        ("audio/pcm;endianness=big-endian", True),
        ("audio/L16;byte-order=BE", True),
        ("audio/x-raw,format=S16BE", True),
    ],
)
def test_the_order_of_bytes_is_taken_from_what_is_said(value: str, big_endian: bool | None) -> None:
    assert declared(value).big_endian is big_endian


@pytest.mark.parametrize(
    ("value", "kind", "label"),
    [
        ("", Kind.SAMPLES, "an untyped body"),
        ("  ", Kind.SAMPLES, "an untyped body"),
        ("application/octet-stream", Kind.SAMPLES, "application/octet-stream"),
        ("Audio/WAV", Kind.WAV, "audio/wav"),
        ("text/event-stream; charset=utf-8", Kind.EVENTS, "text/event-stream"),
        ("application/problem+json", Kind.TEXT, "application/problem+json"),
        ("application/vnd.api+json; v=1", Kind.TEXT, "application/vnd.api+json"),
        ("application/soap+xml", Kind.TEXT, "application/soap+xml"),
        ("text/plain; rate=0", Kind.TEXT, "text/plain"),
        ("audio/ogg; codecs=opus", Kind.OTHER, "audio/ogg"),
        ("multipart/mixed; boundary=x", Kind.OTHER, "multipart/mixed"),
        ("pcm", Kind.OTHER, "pcm"),
        ("\x1b[31mred", Kind.OTHER, "?[31mred"),
        ("x" * 200, Kind.OTHER, "x" * 60),
    ],
)
def test_a_type_promises_a_kind_of_body(value: str, kind: Kind, label: str) -> None:
    found = declared(value)
    assert (found.kind, found.label) == (kind, label)
