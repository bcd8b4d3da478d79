"""The font of share cards: which characters it has, and how wide they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "roboto"
FAMILY = "Roboto"


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
    """Reads the widths of all characters from a TrueType file."""
    # It takes 9 MB, and most processes draw no card.
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        units, metrics = font["head"].unitsPerEm, font["hmtx"].metrics
        return {chr(code): metrics[glyph][0] / units for code, glyph in font.getBestCmap().items()}
