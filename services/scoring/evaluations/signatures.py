"""Recognises files with recordings by their first bytes."""

from __future__ import annotations

import re

HEAD_BYTES = 4096
"""How much of a file is looked at."""
FORMATS = "WAV, AIFF, FLAC, MP3, AAC, Ogg, M4A, WebM or Matroska"

# An MP3 without a tag only has frames, which begin with 11 bits that are 1. So do those of AAC. A frame need not come
# first, because some programs write other bytes before it.
_SIGNATURES = (
    (re.compile(rb"(RIFF|RF64|BW64).{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", re.DOTALL), "audio/wav"),
    (re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL), "audio/aiff"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "audio/webm"),
    (re.compile(rb"ID3"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
)
_MPEG_FRAME = re.compile(rb"\xff[\xe2-\xff]")


def content_type_of(head: bytes) -> str | None:
    """Returns the content type of a file that begins with these bytes, None if it is no recording.

    The bytes after the first ones are not looked at: a damaged recording is recognised, and decoding it fails later.
    """
    for signature, content_type in _SIGNATURES:
        if signature.match(head):
            return content_type
    return "audio/mpeg" if _MPEG_FRAME.search(head) else None
