"""Recognises the format of a body by its first and last bytes.

Raw samples have no header, so a signature must not occur in sound. Libraries that recognise formats by two or three
bytes find some of them in speech. This table has only longer signatures, which are unlikely by chance.
"""

import codecs
import json
import re
from collections.abc import Callable

UNDECIDED, SAMPLES, WAV, TEXT = "undecided", "samples", "WAV", "text"

# A random byte is text with a probability of one in three, so this many in a row are not sound.
MIN_TEXT_BYTES = 64
# Three headers in a row: two complete frames and the start of the next.
FRAMES_COMPARED = 3
# Longer than most frames, so that a frame begins within these bytes. The second number is the part of the body that
# must be kept to find it.
MAX_BEFORE_FRAMES_BYTES = 2048
MAX_BEGIN_BYTES = 8192
# The part of a body's end that is searched for text.
MAX_TAIL_BYTES = 4096
# The minimum length of plain text at the end, which has no structure to recognise.
MIN_TEXT_BYTES_AT_END = 48

# Offset, signature, and name of the format. Each signature has at least 4 bytes.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", WAV),
    (0, b"RIFX", "big-endian WAV (RIFX)"),
    (0, b"RF64", "WAV of 64 bits (RF64)"),
    (0, b"BW64", "WAV of 64 bits (BW64)"),
    (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
    (0, b"OggS", "Ogg"),
    (0, b"fLaC", "FLAC"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b".snd", "AU"),
    (0, b"caff\x00", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"OpusHead", "Opus"),
    (0, b"MThd\x00\x00\x00\x06", "MIDI"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
    (0, b".SoX", "SoX"),
    (0, b"XoS.", "SoX"),
    (0, b"\x64\xa3\x01\x00", "IRCAM"),
    (0, b"nut/multimedia", "NUT"),
    (0, b"APETAGEX", "an APE tag"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b".RMF", "RealMedia"),
    (0, b"MAC \x96\x0f", "Monkey's Audio"),
    (0, b"MPCK", "Musepack"),
    (0, b"TTA1", "True Audio"),
    (0, b"DSD \x1c\x00", "DSF"),
    (0, b"qoaf", "QOA"),
    (0, b"#!SILK", "SILK"),
    (0, b"\x02#!SILK", "SILK"),
    (0, b"NIST_1A", "NIST SPHERE"),
    (0, b"Creative Voice File", "VOC"),
    (0, b"2BIT", "AVR"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"FLV\x01", "Flash Video"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"\xfd7zXZ\x00", "XZ"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"%PDF", "PDF"),
    (0, b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
    (0, b"\xff\xd8\xff\xe1", "JPEG"),
    (0, b"\xff\xd8\xff\xdb", "JPEG"),
    (4, b"ftyp", "MP4"),
    (4, b"styp", "MP4"),
    (4, b"moov", "MP4"),
    (4, b"moof", "MP4"),
    (4, b"sidx", "MP4"),
    (4, b"mdat", "MP4"),
)
# Formats with single bits to check: first bytes, number of bytes needed, pattern, and name of the format.
_PATTERNS: tuple[tuple[bytes, int, re.Pattern[bytes], str], ...] = (
    (b"ID3", 10, re.compile(rb"ID3[\x02-\x04][^\xff].[\x00-\x7f]{4}", re.DOTALL), "MP3"),
    (b"\x1f\x8b\x08", 10, re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04]", re.DOTALL), "gzip"),
    (b"BZh", 10, re.compile(rb"BZh[1-9]1AY&SY"), "bzip2"),
    (b"\x47", 565, re.compile(rb"(\x47.{187}){3}\x47", re.DOTALL), "MPEG transport stream"),
)
_OGG_CODECS = (
    (b"OpusHead", "Ogg Opus"),
    (b"\x01vorbis", "Ogg Vorbis"),
    (b"\x7fFLAC", "Ogg FLAC"),
    (b"Speex", "Ogg Speex"),
)
_MP4_BRANDS = ((b"ftypM4A", "M4A"), (b"ftypM4B", "M4A"), (b"ftyp3g", "3GP"), (b"ftypqt", "QuickTime"))
# The marks of codecs lie within these bytes.
_NAMING_BYTES = 64

_BIT_RATES = {
    # In kbit/s, by version (2 is MPEG 2 and 2.5, with lower sample rates) and layer.
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_AC3_BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_SAMPLE_RATES = (44100, 48000, 32000)

_FRAME_BEGINS = re.compile(rb"\xff[\xe2-\xff]|\x56[\xe0-\xff]|\x0b\x77")
_MARKUP = re.compile(rb"<(!doctype|html|head|body|\?xml|error|h1)\b", re.IGNORECASE)
_TEXT_BYTES_AT_END = re.compile(rb"[\t\n\r\x20-\x7e]+\Z")

Frame = tuple[int, tuple[int, ...]]
"""The length of a frame in bytes, and the values that all frames of a stream share."""


def format_of(begin: bytes, *, ended: bool = False) -> str:
    """Returns the name of the format of a body by its first bytes, as messages show it.

    Returns SAMPLES for an unknown format, and UNDECIDED if more bytes are needed, which is never the case once the body
    has `ended`. Raw samples usually need 12 bytes. Bytes that could be text need 64, and bytes that could be frames of
    MPEG or AAC need the headers of the next two frames.
    """
    for offset, signature, name in _SIGNATURES:
        there = begin[offset : offset + len(signature)]
        if there == signature:
            return _named(begin, name, ended)
        if not ended and signature.startswith(there):
            return UNDECIDED
    for prefix, length, pattern, name in _PATTERNS:
        if pattern.match(begin):
            return name
        if not ended and len(begin) < length and begin.startswith(prefix[: len(begin)]):
            return UNDECIDED
    return _as_text(begin, ended) or _as_frames(begin, ended) or SAMPLES


def frames_within(begin: bytes) -> str:
    """Returns the format whose frames follow one another within the first bytes of a body, "" if there are none.

    Silence, or a part of another frame, can precede the first complete frame of a stream.
    """
    for match in _FRAME_BEGINS.finditer(begin, 0, MAX_BEFORE_FRAMES_BYTES):
        frames = begin[match.start() :]
        if (found := _as_frames(frames, ended=False)) not in (None, UNDECIDED):
            return str(found)
    return ""


def is_mpeg_frame(begin: bytes) -> bool:
    """Returns whether these can be the first bytes of an MPEG audio frame. Sound can look like one frame by chance."""
    return _mpeg_frame(begin) is not None


def text_at_end(tail: bytes) -> bytes:
    """Returns the text after the samples at the end of a body, b"" if there is none.

    It is a non-empty JSON object, a page of markup, or at least 48 bytes of plain ASCII.
    """
    end = tail[-MAX_TAIL_BYTES:].rstrip(b" \t\r\n\0")
    if end.endswith(b"}"):
        at = end.find(b"{")
        while at >= 0:
            try:
                if isinstance(value := json.loads(end[at:]), dict) and value:
                    return end[at:]
            except (ValueError, RecursionError):
                pass
            at = end.find(b"{", at + 1)
    if end.endswith(b">") and (markup := _MARKUP.search(end)):
        return end[markup.start() :]
    words = _TEXT_BYTES_AT_END.search(end)
    return words[0] if words and len(words[0]) >= MIN_TEXT_BYTES_AT_END else b""


def _named(begin: bytes, name: str, ended: bool) -> str:
    """Returns the name with its codec or brand, for a format that has several."""
    if not ended and len(begin) < {"Ogg": _NAMING_BYTES, "Matroska": _NAMING_BYTES, "MP4": 12}.get(name, 0):
        return UNDECIDED
    if name == "Ogg":
        return next((full for mark, full in _OGG_CODECS if mark in begin[:_NAMING_BYTES]), name)
    if name == "Matroska":
        return "WebM" if b"webm" in begin[:_NAMING_BYTES] else name
    if name == "MP4":
        return next((full for mark, full in _MP4_BRANDS if begin.startswith(mark, 4)), name)
    return name


def _as_text(begin: bytes, ended: bool) -> str | None:
    """Returns TEXT, UNDECIDED while all bytes are text but too few, and None if the bytes are not text."""
    sample = begin[:MIN_TEXT_BYTES]
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, complete = "utf-16", len(sample) % 2 == 0
    else:
        encoding, complete = "utf-8", len(begin) <= MIN_TEXT_BYTES and ended
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, final=complete)
    except UnicodeDecodeError:
        return None
    text = text.removeprefix("\ufeff")
    if encoding == "utf-16" and not text.isascii():
        # Any samples are valid letters of UTF-16.
        return None
    if not all(character.isprintable() or character in "\t\n\r\f" for character in text):
        return None
    if len(sample) < MIN_TEXT_BYTES and not ended:
        return UNDECIDED
    return TEXT if text.strip() else None


def _as_frames(begin: bytes, ended: bool) -> str | None:
    """Returns the format whose frames follow one another, UNDECIDED if more bytes are needed, None if there is none."""
    for header_of, name in _FRAMES:
        at = 0
        kept: tuple[int, ...] = ()
        for number in range(FRAMES_COMPARED):
            if at + _HEADER_BYTES > len(begin):
                # A body that ends after two or more frames has nothing more to compare.
                if not ended:
                    return UNDECIDED
                if number >= 2 and at <= len(begin):
                    return name.format(*kept)
                break
            frame = header_of(begin[at : at + _HEADER_BYTES])
            if frame is None or (number and frame[1] != kept):
                break
            kept = frame[1]
            at += frame[0]
        else:
            return name.format(*kept)
    return None


def _mpeg_frame(header: bytes) -> Frame | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, bit_index, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index == 3 or bit_index in (0, 15) or header[3] & 3 == 2:
        return None
    # 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5.
    rate = _SAMPLE_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BIT_RATES[1 if version == 3 else 2, layer][bit_index] * 1000
    if layer == 1:
        length = (12 * bits // rate + padding) * 4
    else:
        length = (72 if layer == 3 and version != 3 else 144) * bits // rate + padding
    return length, (layer, version, rate_index)


def _adts_frame(header: bytes) -> Frame | None:
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or (header[2] >> 2 & 15) > 12:
        return None
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return (length, (header[1], header[2] & 0xFD, header[3] & 0xC0)) if length > 7 else None


def _loas_frame(header: bytes) -> Frame | None:
    if len(header) < 3 or header[0] != 0x56 or header[1] & 0xE0 != 0xE0:
        return None
    length = (header[1] & 0x1F) << 8 | header[2]
    return (length + 3, ()) if length > 7 else None


def _ac3_frame(header: bytes) -> Frame | None:
    if len(header) < 6 or header[:2] != b"\x0b\x77":
        return None
    rate_index, size_index, version = header[4] >> 6, header[4] & 63, header[5] >> 3
    if version == 16:
        return 2 * ((header[2] & 7) << 8 | header[3]) + 2, (version, rate_index)
    if version > 10 or rate_index == 3 or size_index >= 2 * len(_AC3_BIT_RATES):
        return None
    words = 96_000 * _AC3_BIT_RATES[size_index // 2] // (48_000, 44_100, 32_000)[rate_index]
    return 2 * (words + (size_index & 1 if rate_index == 1 else 0)), (version, rate_index)


_HEADER_BYTES = 6
_FRAMES: tuple[tuple[Callable[[bytes], Frame | None], str], ...] = (
    (_mpeg_frame, "MP{}"),
    (_adts_frame, "AAC (ADTS)"),
    (_loas_frame, "AAC (LOAS)"),
    (_ac3_frame, "AC-3"),
)
