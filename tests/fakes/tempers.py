"""How a stand-in for a speech provider may answer a request that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

SAMPLE_RATE_HZ = 24000
PIECE_BYTES = 4800
RAW = "audio/pcm"


def tone(seconds: float, silence_seconds: float = 0.0) -> bytes:
    """Returns silence and then a 440 Hz tone at a quarter of full scale, 16-bit mono at 24 kHz."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = (8192 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()
    return bytes(round(silence_seconds * SAMPLE_RATE_HZ) * 2) + wave


@dataclass(frozen=True)
class Temper:
    """How the server answers a request that it takes.

    The first piece goes out `before_seconds` after the request, and the n-th `n * piece_seconds` after the first.
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
    """`Retry-After` as a date, so far from the answer."""


def wav(pcm: bytes) -> bytes:
    """Returns a WAV of the samples, whose header claims the longest length, as streams do."""
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0"
    rate = SAMPLE_RATE_HZ.to_bytes(4, "little") + (2 * SAMPLE_RATE_HZ).to_bytes(4, "little")
    return header + rate + b"\x02\0\x10\0data\xff\xff\xff\xff" + pcm


HTML = b"<html><body>Welcome to nginx!</body></html>"
TEMPERS: Mapping[str, Temper] = {
    "steady": Temper(),
    "slow": Temper(before_seconds=0.2),
    "trickle": Temper(piece_bytes=960, piece_seconds=0.005),
    "hanging": Temper(hang_after_pieces=0),
    "stuck": Temper(hang_after_pieces=2),
    "broken": Temper(cut_after_pieces=2),
    "empty": Temper(body=b""),
    "silent": Temper(body=bytes(SAMPLE_RATE_HZ * 2)),
    "odd": Temper(body=tone(0.2) + b"\x01", piece_bytes=333),
    "html": Temper(content_type="text/html", body=HTML),
    "mp3": Temper(content_type="audio/mpeg", body=b"ID3\x04" + bytes(2000)),
    "hidden_mp3": Temper(body=b"ID3\x04" + bytes(2000), piece_bytes=1),
    "wav": Temper(body=wav(tone(0.2, 0.1))),
    "bad_gateway": Temper(502, "text/html", b"<html><body>502 Bad Gateway</body></html>"),
    "redirecting": Temper(302, "text/plain", b"", {"location": "http://127.0.0.1:1/"}),
}
