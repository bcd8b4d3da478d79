"""Each parameter of a content type is applied or refused."""

import pytest

from services.tts.providers.content_type import ContentKind, DeclaredFormat, declared_format
from services.tts.providers.http_errors import UnusableBody


def declared(value: str) -> DeclaredFormat:
    return declared_format({"content-type": value})


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
def test_a_supported_parameter_is_applied(value: str, rate: int | None) -> None:
    assert declared(value).sample_rate_hz == rate


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("audio/pcm;rate=0", "declared rate=0 for its audio; a sample rate must be 4000 to 192000 Hz"),
        ("audio/pcm;rate=1", "declared rate=1 for"),
        ("audio/pcm;rate=3999", "declared rate=3999 for"),
        ("audio/pcm;rate=192001", "declared rate=192001 for"),
        ("audio/pcm;rate=99999999999999999999", "declared rate=99999999999999999999 for"),
        ("audio/pcm;rate=-8000", "declared rate=-8000 for"),
        ("audio/pcm;rate=abc", "declared rate=abc for"),
        ("audio/pcm;rate=24000.0", "declared rate=24000.0 for"),
        ("audio/pcm;rate=24k", "declared rate=24k for"),
        ('audio/pcm;rate=""', "declared rate= for"),
        ("audio/pcm;rate=٢٤٠٠٠", "declared rate=٢٤٠٠٠ for"),
        ("audio/L16;rate=24000;channels=2", "declared channels=2 for its audio, but the request asked for 16-bit mono"),
        ("audio/pcm;channels=0", "declared channels=0 for"),
        ("audio/pcm;bits=8", "declared bits=8 for"),
        ("audio/pcm;bits=24", "declared bits=24 for"),
        ("audio/pcm;bit-depth=32", "declared bit-depth=32 for"),
        ("audio/pcm;codec=opus", "declared codec=opus for"),
        ("audio/pcm;encoding=mulaw", "declared encoding=mulaw for"),
        ("audio/pcm;encoding=float", "declared encoding=float for"),
        ("audio/pcm;signed=false", "declared signed=false for"),
        ("audio/pcm;endianness=middle", "declared endianness=middle for"),
        ("audio/pcm;speed=2", "declared speed=2 for"),
        ("audio/wav;codec=7", "declared codec=7 for"),
        ("audio/pcm;rate=8000;rate=16000", "declared two different values of rate for its audio"),
        ("audio/pcm;rate=8000;sample_rate=16000", "declared two different values of sample_rate for its audio"),
        ("audio/pcm;endian=big;codec=pcm_s16le", "declared two different values of codec for its audio"),
        ("audio/pcm, audio/wav", "sent an unreadable content type: audio/pcm, audio/wav"),
        ("audio/pcm;rate", "sent an unreadable content type"),
        ("audio/pcm;=8000", "sent an unreadable content type"),
        ('audio/pcm;rate="8000', "sent an unreadable content type"),
    ],
)
def test_an_unsupported_parameter_is_refused_by_name(value: str, words: str) -> None:
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
def test_the_declared_byte_order_is_read(value: str, big_endian: bool | None) -> None:
    assert declared(value).big_endian is big_endian


@pytest.mark.parametrize(
    ("value", "kind", "label"),
    [
        ("", ContentKind.SAMPLES, "a body without a content type"),
        ("  ", ContentKind.SAMPLES, "a body without a content type"),
        ("application/octet-stream", ContentKind.SAMPLES, "application/octet-stream"),
        ("Audio/WAV", ContentKind.WAV, "audio/wav"),
        ("text/event-stream; charset=utf-8", ContentKind.EVENTS, "text/event-stream"),
        ("application/problem+json", ContentKind.TEXT, "application/problem+json"),
        ("application/vnd.api+json; v=1", ContentKind.TEXT, "application/vnd.api+json"),
        ("application/soap+xml", ContentKind.TEXT, "application/soap+xml"),
        ("text/plain; rate=0", ContentKind.TEXT, "text/plain"),
        ("audio/ogg; codecs=opus", ContentKind.OTHER, "audio/ogg"),
        ("multipart/mixed; boundary=x", ContentKind.OTHER, "multipart/mixed"),
        ("pcm", ContentKind.OTHER, "pcm"),
        ("\x1b[31mred", ContentKind.OTHER, "?[31mred"),
        ("x" * 200, ContentKind.OTHER, "x" * 60),
    ],
)
def test_a_content_type_declares_a_kind_of_body(value: str, kind: ContentKind, label: str) -> None:
    found = declared(value)
    assert (found.kind, found.label) == (kind, label)
