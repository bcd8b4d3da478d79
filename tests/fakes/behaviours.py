"""The behaviours of a stand-in for a speech provider: how it responds to a valid request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.fakes import bodies

SAMPLE_RATE_HZ = 24000
PIECE_BYTES = 4800
RAW = "audio/pcm"


def tone(seconds: float, silence_seconds: float = 0.0) -> bytes:
    """Returns silence and then a 440 Hz tone at a quarter of full scale, as 16-bit mono at 24 kHz."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = (8192 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()
    return bytes(round(silence_seconds * SAMPLE_RATE_HZ) * 2) + wave


@dataclass(frozen=True)
class Behaviour:
    """How the server responds to a valid request.

    The first piece is sent `before_seconds` after the request, and each further piece `piece_seconds` later.
    """

    status: int = 200
    content_type: str = RAW
    body: bytes = field(default_factory=lambda: tone(1.0, 0.1), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    piece_bytes: int = PIECE_BYTES
    before_seconds: float = 0.0
    piece_seconds: float = 0.0
    cut_after_pieces: int | None = None
    hang_after_pieces: int | None = None
    retry_after_date_seconds: int | None = None
    """Sends `Retry-After` as a date this many seconds after the response."""
    declared_bytes: int | None = None
    """Sends this `Content-Length` and no chunks. The connection ends with the body, even if it is shorter."""


def openai_error(message: str, code: str = "server_error") -> bytes:
    """Returns an error in OpenAI's shape. Some servers send it with status 200."""
    return json.dumps({"error": {"message": message, "type": code, "param": None, "code": code}}).encode()


def wav(pcm: bytes) -> bytes:
    """Returns a WAV whose header declares the maximum length, as streaming servers send it."""
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0"
    rate = SAMPLE_RATE_HZ.to_bytes(4, "little") + (2 * SAMPLE_RATE_HZ).to_bytes(4, "little")
    return header + rate + b"\x02\0\x10\0data\xff\xff\xff\xff" + pcm


SPENT = openai_error("You exceeded your current quota", "insufficient_quota")
LOST = openai_error("The voice was lost")
INFO = bodies.chunk(b"LIST", b"INFOISFT" + (14).to_bytes(4, "little") + b"Lavf60.16.100\0")
HTML = b"<html><body>Welcome to nginx!</body></html>"
BEHAVIOURS: Mapping[str, Behaviour] = {
    "steady": Behaviour(),
    "slow": Behaviour(before_seconds=0.2),
    "trickle": Behaviour(piece_bytes=960, piece_seconds=0.005),
    "hanging": Behaviour(hang_after_pieces=0),
    "stuck": Behaviour(hang_after_pieces=2),
    "broken": Behaviour(cut_after_pieces=2),
    "empty": Behaviour(body=b""),
    "silent": Behaviour(body=bytes(SAMPLE_RATE_HZ * 2)),
    "odd": Behaviour(body=tone(0.2) + b"\x01", piece_bytes=333),
    "html": Behaviour(content_type="text/html", body=HTML),
    "mp3": Behaviour(content_type="audio/mpeg", body=b"ID3\x04" + bytes(2000)),
    "hidden_mp3": Behaviour(body=b"ID3\x04" + bytes(2000), piece_bytes=1),
    "wav": Behaviour(body=wav(tone(0.2, 0.1))),
    "bad_gateway": Behaviour(502, "text/html", b"<html><body>502 Bad Gateway</body></html>"),
    "redirecting": Behaviour(302, "text/plain", b"", {"location": "http://127.0.0.1:1/"}),
    # Responses that are not what their content type says. Played as declared, they are noise, incomplete, or silent.
    "bare_mp3": Behaviour(body=bodies.mp3_frames(200)),
    "bare_aac": Behaviour(content_type="application/octet-stream", body=bodies.adts_frames(200)),
    "mp4": Behaviour(content_type="application/octet-stream", body=bodies.mp4(b"M4A ") + bytes(20_000)),
    "opus": Behaviour(body=bodies.ogg(b"OpusHead\x01\x01") + bytes(20_000)),
    "gzipped": Behaviour(body=b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(20_000)),
    "encrypted": Behaviour(body=np.random.default_rng(1).bytes(96_000)),
    "swapped": Behaviour(body=np.frombuffer(tone(1.0, 0.1), "<i2").byteswap().tobytes()),
    "json_as_pcm": Behaviour(body=LOST),
    "quota_as_pcm": Behaviour(body=b"\xef\xbb\xbf\r\n " + SPENT),
    "quota_as_json": Behaviour(content_type="application/json", body=SPENT),
    "quota_as_problem": Behaviour(content_type="application/problem+json", body=b'{"detail": "Your quota is used up"}'),
    "html_as_octets": Behaviour(content_type="application/octet-stream", body=HTML),
    "json_after_audio": Behaviour(body=tone(1.0) + LOST),
    "quota_after_audio": Behaviour(body=wav(tone(1.0)) + SPENT),
    "wavs": Behaviour(body=bodies.wav_of(tone(0.5, 0.1)) + bodies.wav_of(tone(0.5))),
    "mixed_wavs": Behaviour(body=bodies.wav_of(tone(0.5, 0.1)) + bodies.wav_of(tone(0.5), rate=16000)),
    "half_wav": Behaviour(content_type="audio/wav", body=bodies.wav_of(tone(0.5), claimed=48_000)),
    "wav_and_more": Behaviour(content_type="audio/wav", body=bodies.wav_of(tone(0.5)) + tone(1.0)),
    "wav_with_info": Behaviour(body=bodies.wav_of(tone(1.0, 0.1), claimed=0xFFFFFFFF, after=INFO)),
    "stereo_wav": Behaviour(body=bodies.riff(bodies.fmt(channels=2, rate=24000), bodies.chunk(b"data", tone(1.0)))),
    "rate_0": Behaviour(content_type="audio/pcm;rate=0"),
    "rate_1": Behaviour(content_type="audio/pcm; rate=1"),
    "two_channels": Behaviour(content_type="audio/L16;rate=24000;channels=2"),
    "untyped": Behaviour(content_type=""),
    "too_short": Behaviour(body=tone(0.02)),
    "too_long": Behaviour(body=tone(1.0) * 61),
    "part": Behaviour(206, body=tone(1.0)),
    "nothing": Behaviour(204, body=b""),
    "less_than_declared": Behaviour(body=tone(0.5), declared_bytes=48_000),
    "null_error": Behaviour(
        content_type="text/event-stream",
        body=b"\xef\xbb\xbf" + bodies.audio_event(tone(0.5, 0.1), error=None) + bodies.audio_event(b"", done=True),
        piece_bytes=333,
    ),
    "json_as_events": Behaviour(content_type="text/event-stream", body=SPENT),
    "error_event": Behaviour(
        content_type="text/event-stream",
        body=bodies.audio_event(tone(0.5)) + b"event: error\ndata: The voice was lost\n\n",
    ),
}
