"""Bodies that are not raw samples: the first bytes of formats, as their specifications define them, and WAVs."""

from __future__ import annotations

import base64
import json
import struct


def mp3_frames(count: int) -> bytes:
    """Returns frames of MPEG 1 layer 3, 128 kbit/s at 44.1 kHz, without a tag before them."""
    body = bytes(range(256)) * 2
    return b"".join(b"\xff\xfb\x90\x64" + body[: 417 - 4] for _ in range(count))


def mpeg2_frames(count: int) -> bytes:
    """Returns frames of MPEG 2 layer 3, 64 kbit/s at 24 kHz, as speech servers send them."""
    body = bytes(range(256)) * 2
    return b"".join(b"\xff\xf3\x84\xc4" + body[: 192 - 4] for _ in range(count))


def mp2_frames(count: int) -> bytes:
    """Returns frames of MPEG 1 layer 2, 128 kbit/s at 48 kHz."""
    return (b"\xff\xfd\x84\x04" + bytes(range(190)) * 2) * count


def ac3_frames(count: int) -> bytes:
    """Returns frames of AC-3, 64 kbit/s at 48 kHz."""
    return (b"\x0b\x77\x12\x34\x08\x40" + bytes(range(250))) * count


def adts_frames(count: int, length: int = 200) -> bytes:
    """Returns frames of AAC, low complexity, 24 kHz mono."""
    header = bytes([0xFF, 0xF1, 0x58, 0x40 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return (header + bytes(range(length - 7))) * count


def loas_frames(count: int, length: int = 200) -> bytes:
    """Returns frames of AAC in LATM, as broadcasts have it."""
    return (bytes([0x56, 0xE0 | length >> 8, length & 0xFF]) + bytes(range(length))) * count


def mp4(brand: bytes) -> bytes:
    """Returns the beginning of an MP4 file of a brand."""
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"isommp42" + struct.pack(">I", 8) + b"mdat" + bytes(40)


def ogg(codec: bytes) -> bytes:
    """Returns the first page of an Ogg stream."""
    return b"OggS\0\x02" + bytes(20) + bytes([1, len(codec) + 11]) + codec + bytes(40)


MATROSKA = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82"

# Each with the name that messages show.
FORMATS: list[tuple[str, bytes]] = [
    ("MP3", b"ID3\x04\x00\x00\x00\x00\x0f\x76" + bytes(2000)),
    ("MP3", mp3_frames(4)),
    ("MP3", mpeg2_frames(4)),
    ("MP2", mp2_frames(4)),
    ("AC-3", ac3_frames(4)),
    ("AAC (ADTS)", adts_frames(4)),
    ("AAC (LOAS)", loas_frames(4)),
    ("MP4", mp4(b"isom")),
    ("M4A", mp4(b"M4A ")),
    ("3GP", mp4(b"3gp5")),
    ("QuickTime", mp4(b"qt  ")),
    ("MP4", struct.pack(">I", 24) + b"styp" + b"msdh" + bytes(40)),
    ("Ogg Opus", ogg(b"OpusHead\x01\x01")),
    ("Ogg Vorbis", ogg(b"\x01vorbis\0\0\0\0\x01")),
    ("Ogg FLAC", ogg(b"\x7fFLAC\x01\0")),
    ("Ogg Speex", ogg(b"Speex   1.2")),
    ("FLAC", b"fLaC\0\0\0\x22" + bytes(60)),
    ("WebM", MATROSKA + b"\x84webm" + bytes(60)),
    ("Matroska", MATROSKA + b"\x88matroska" + bytes(60)),
    ("AIFF", b"FORM\0\0\x10\0AIFFCOMM" + bytes(60)),
    ("AIFF", b"FORM\0\0\x10\0AIFCFVER" + bytes(60)),
    ("AU", b".snd\0\0\0\x18\xff\xff\xff\xff\0\0\0\x03" + bytes(60)),
    ("CAF", b"caff\0\x01\0\0desc" + bytes(60)),
    ("AMR", b"#!AMR\n\x3c\x91" + bytes(60)),
    ("AMR", b"#!AMR-WB\n\x3c\x91" + bytes(60)),
    ("WavPack", b"wvpk\x2c\0\0\0" + bytes(60)),
    ("Windows Media (ASF)", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(60)),
    ("Wave64", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb" + bytes(60)),
    ("WAV of 64 bits (RF64)", b"RF64\xff\xff\xff\xffWAVEds64" + bytes(60)),
    ("big-endian WAV (RIFX)", b"RIFX\0\0\x10\0WAVEfmt " + bytes(60)),
    ("MIDI", b"MThd\0\0\0\x06\0\x01" + bytes(60)),
    ("MPEG transport stream", (b"\x47\x40\x11\x10" + bytes(184)) * 4),
    ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(60)),
    ("ZIP", b"PK\x03\x04\x14\0\0\0" + bytes(60)),
    ("Zstandard", b"\x28\xb5\x2f\xfd\x04\x58" + bytes(60)),
    ("XZ", b"\xfd7zXZ\0\0\x04" + bytes(60)),
    ("bzip2", b"BZh91AY&SY" + bytes(60)),
    ("PNG", b"\x89PNG\r\n\x1a\n" + bytes(60)),
    ("JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(60)),
    ("PDF", b"%PDF-1.7\n%\xe2\xe3" + bytes(60)),
]


def audio_event(pcm: bytes, **more: object) -> bytes:
    """Returns a server-sent event with samples and further fields."""
    return b"event: audio\ndata: " + json.dumps({"audio": base64.b64encode(pcm).decode(), **more}).encode() + b"\n\n"


def chunk(name: bytes, body: bytes, claimed: int | None = None) -> bytes:
    """Returns a RIFF chunk, padded to an even length. `claimed` is the length that its header states."""
    return name + struct.pack("<I", len(body) if claimed is None else claimed) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    """Returns a WAV of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", min(len(body), 2**32 - 1)) + body


def fmt(code: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, more: bytes = b"") -> bytes:
    """Returns the format chunk of a WAV."""
    width = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits) + more)


def extensible(code: int = 1, rate: int = 8000) -> bytes:
    """Returns the format chunk of an extensible WAV with this codec as its subformat."""
    guid = struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71")
    return fmt(0xFFFE, rate=rate, more=struct.pack("<HHI", 22, 16, 4) + guid)


def wav_of(pcm: bytes, rate: int = 24000, claimed: int | None = None, after: bytes = b"") -> bytes:
    """Returns a WAV of 16-bit mono samples. `claimed` is the length that it states, `after` follows the samples."""
    return riff(fmt(rate=rate), chunk(b"data", pcm, claimed) + after)
