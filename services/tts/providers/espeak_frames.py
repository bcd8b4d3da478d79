"""The protocol between tts and an espeak worker, over pipes.

A frame is one byte of kind, four bytes of length (little-endian) and that many bytes. The worker receives SPEAK (JSON)
and CANCEL (empty). It sends READY (JSON, once), AUDIO (8 bytes of monotonic time in seconds as a double, then samples),
and for each SPEAK one DONE (empty) or FAILED (a sentence). The worker reads the clock where the audio is made, so that
a busy reader does not change the measurements. Linux and macOS give every process the same monotonic clock.
"""

import struct
from enum import Enum

HEAD = struct.Struct("<cI")
STAMP = struct.Struct("<d")
MAX_FRAME_BYTES = 1024 * 1024


class FrameKind(Enum):
    """The kind of a frame. The value is its first byte."""

    SPEAK = b"S"
    CANCEL = b"C"
    READY = b"R"
    AUDIO = b"A"
    DONE = b"D"
    FAILED = b"F"


def pack(kind: FrameKind, payload: bytes = b"") -> bytes:
    """Returns one frame. Raises ValueError if its payload is larger than 1 MiB."""
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"the frame has {len(payload)} bytes; the maximum is {MAX_FRAME_BYTES}")
    return HEAD.pack(kind.value, len(payload)) + payload


def unpack_head(head: bytes) -> tuple[FrameKind, int]:
    """Returns kind and length from a frame's first 5 bytes. Raises ValueError if they are invalid."""
    kind, length = HEAD.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"the frame has {length} bytes; the maximum is {MAX_FRAME_BYTES}")
    return FrameKind(kind), length
