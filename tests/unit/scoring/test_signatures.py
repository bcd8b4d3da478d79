"""Recordings are recognised by their first bytes, whatever their names."""

from __future__ import annotations

import pytest

from services.scoring.evaluations.signatures import content_type_of
from tests.fakes import bodies


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (bodies.wav_of(bytes(100)), "audio/wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
        (bytes.fromhex("726966662e91cf11a5d628db04c10000"), "audio/wav"),
        (b"FORM\x00\x00\x00\x10AIFFCOMM", "audio/aiff"),
        (b"fLaC\x00\x00\x00\x22", "audio/flac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x01", "audio/webm"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (bodies.mp3_frames(2), "audio/mpeg"),
        (bodies.mpeg2_frames(2), "audio/mpeg"),
        (bytes(1000) + bodies.mp3_frames(1), "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
    ],
)
def test_each_format_has_its_content_type(head: bytes, content_type: str) -> None:
    assert content_type_of(head) == content_type


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"This is a text, and its name ends with .wav.",
        "Grüße".encode(),
        b"RIFF\x00\x00\x00\x00AVI ",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b'{"audio_name": "a.wav"}',
        bytes(4096),
    ],
)
def test_anything_else_is_no_recording(head: bytes) -> None:
    assert content_type_of(head) is None
