"""The font of share cards: which characters it has, and how wide they are."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "roboto"
FAMILY = "Roboto"
UNICODE_BMP = (3, 1)
"""The platform and the encoding of the character map that is read."""


@dataclass(frozen=True, slots=True)
class Font:
    """A weight of the font."""

    weight: int
    advances: Mapping[str, float]
    """The width of each character that the font has, in parts of the font size."""

    def width(self, text: str, size: float) -> float:
        """Returns how wide a text is. Characters that the font lacks count nothing."""
        return size * sum(self.advances.get(character, 0.0) for character in text)


@cache
def regular() -> Font:
    """Returns the normal weight."""
    return Font(400, _advances(FOLDER / "Roboto-Regular.ttf"))


@cache
def bold() -> Font:
    """Returns the bold weight."""
    return Font(700, _advances(FOLDER / "Roboto-Bold.ttf"))


def _advances(path: Path) -> Mapping[str, float]:
    """Reads the widths of all characters from a TrueType file (OpenType, tables head, hhea, hmtx and cmap)."""
    content = path.read_bytes()
    (tables,) = struct.unpack_from(">H", content, 4)
    offsets = {}
    for at in range(12, 12 + 16 * tables, 16):
        name, _, offset, _ = struct.unpack_from(">4sIII", content, at)
        offsets[name] = offset
    (units,) = struct.unpack_from(">H", content, offsets[b"head"] + 18)
    (metrics,) = struct.unpack_from(">H", content, offsets[b"hhea"] + 34)

    def advance(glyph: int) -> float:
        # Glyphs after the last one with its own metrics are as wide as that one.
        (value,) = struct.unpack_from(">H", content, offsets[b"hmtx"] + 4 * min(glyph, metrics - 1))
        return float(value) / float(units)

    return {chr(code): advance(glyph) for code, glyph in _glyphs(content, offsets[b"cmap"]).items()}


def _glyphs(content: bytes, cmap: int) -> Mapping[int, int]:
    """Returns the glyph of each code point, from a subtable of format 4."""
    (count,) = struct.unpack_from(">H", content, cmap + 2)
    records = [struct.unpack_from(">HHI", content, cmap + 4 + 8 * at) for at in range(count)]
    start = cmap + next(offset for *kind, offset in records if tuple(kind) == UNICODE_BMP)
    doubled, *_ = struct.unpack_from(">H", content, start + 6)
    segments = doubled // 2
    array = f">{segments}H"
    ends = struct.unpack_from(array, content, start + 14)
    starts = struct.unpack_from(array, content, start + 16 + doubled)
    deltas = struct.unpack_from(array, content, start + 16 + 2 * doubled)
    at_offsets = start + 16 + 3 * doubled
    found: dict[int, int] = {}
    for segment, (first, last, delta, offset) in enumerate(
        zip(starts, ends, deltas, struct.unpack_from(array, content, at_offsets), strict=True)
    ):
        for code in range(first, last + 1):
            glyph = code
            if offset:
                # The offset counts from its own place in the array.
                (glyph,) = struct.unpack_from(">H", content, at_offsets + 2 * segment + offset + 2 * (code - first))
            if (glyph or not offset) and (number := (glyph + delta) & 0xFFFF):
                found[code] = number
    return found
