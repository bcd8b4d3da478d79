"""How long a file says that its audio is. A file that was cut off says more than it has."""

from __future__ import annotations

import struct
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

MAX_CHUNKS = 1000
MIN_UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that do not know the size of a WAV when they begin to write it state a size from here on, or 0."""
FRAME_COUNTS = (b"Xing", b"Info", b"VBRI")
"""The tags in the first frame of an MP3 that state its length. Without one, the length is an estimate."""
MP3_TAG_BYTES = 4096
MIN_MISSING_SECONDS = 0.2
"""Less can be missing because codecs pad the start and the end."""
MIN_MISSING_SHARE = 0.02


def claimed_seconds(source: IO[bytes], container: InputContainer, stream: AudioStream) -> float | None:
    """Returns the length that the file states, None if it states none. The position in `source` stays as it is."""
    name = container.format.name
    position = source.tell()
    try:
        if name == "aac" or (name == "mp3" and not _states_frames(source)):
            return None
        if stream.duration and stream.time_base:
            claimed = float(stream.duration * stream.time_base)
        elif container.duration:
            claimed = container.duration / av.time_base
        else:
            return None
        # FFmpeg states what is there instead of what a WAV says.
        return claimed / _present_share(source) if name == "wav" else claimed
    finally:
        source.seek(position)


def is_cut_off(seconds: float, claimed: float | None) -> bool:
    """Says whether so much of the claimed length is missing that the file was cut off."""
    return claimed is not None and claimed - seconds > max(MIN_MISSING_SECONDS, MIN_MISSING_SHARE * claimed)


def _states_frames(source: IO[bytes]) -> bool:
    source.seek(0)
    head = source.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    source.seek(start)
    first = source.read(MP3_TAG_BYTES)
    return any(tag in first for tag in FRAME_COUNTS)


def _present_share(source: IO[bytes]) -> float:
    """Returns the share of a WAV's samples that is in the file, 1 if the WAV does not say how many there should be."""
    end = source.seek(0, 2)
    source.seek(0)
    if source.read(12)[:4] != b"RIFF":
        return 1.0
    for _ in range(MAX_CHUNKS):
        header = source.read(8)
        if len(header) < 8:
            return 1.0
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            present = end - source.tell()
            known = 0 < size < MIN_UNKNOWN_BYTES
            return present / size if known and 0 < present < size else 1.0
        source.seek(size + size % 2, 1)
    return 1.0
