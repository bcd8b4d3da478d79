"""What travels over the pipes between tts and an espeak worker.

A frame is one byte of kind, four bytes of length (little-endian) and that many bytes. To the worker go SPEAK (JSON)
and CANCEL (empty). From it come READY (JSON, once), AUDIO (8 bytes of monotonic time in seconds as a double, then
samples), and for each SPEAK one of DONE (empty) or FAILED (a sentence). The clock is read where the audio is made,
since Linux and macOS give every process the same monotonic clock; a busy reader changes no figure.
"""

import struct
from enum import Enum

HEAD = struct.Struct("<cI")
STAMP = struct.Struct("<d")
MAX_FRAME_BYTES = 1024 * 1024


class Kind(Enum):
    """What a frame is, as its first byte."""

    SPEAK = b"S"
    CANCEL = b"C"
    READY = b"R"
    AUDIO = b"A"
    DONE = b"D"
    FAILED = b"F"


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    """Returns one frame; ValueError if it is larger than 1 MiB."""
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(payload)} bytes is too large")
    return HEAD.pack(kind.value, len(payload)) + payload


def unpack_head(head: bytes) -> tuple[Kind, int]:
    """Returns kind and length from a frame's first 5 bytes; ValueError if it is not one."""
    kind, length = HEAD.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes is too large")
    return Kind(kind), length
