"""Text on share cards: what the font can draw of it, and how much of it fits."""

from __future__ import annotations

import unicodedata

from services.runtime.outside_text import ELLIPSIS, one_line
from services.shared.cards.fonts import Font, regular

MAX_CHARACTERS = 300
"""The longest text that is looked at. No line of a card has room for so many."""
MISSING = "\ufffd"
"""Stands for letters that the font does not have."""
_WRITTEN = "LNM"
"""The categories of letters, digits and marks."""


def drawable(text: str, otherwise: str = "") -> str:
    """Returns a text with only characters that the font has.

    A run of letters of another script becomes MISSING. Emoji and other symbols are left out. If no letter or digit is
    left, `otherwise` is returned, unless it is empty.
    """
    known = regular().advances
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", one_line(text, MAX_CHARACTERS)):
        if character in known:
            kept.append(character)
        elif unicodedata.category(character)[0] in _WRITTEN and kept[-1:] != [MISSING]:
            kept.append(MISSING)
    found = " ".join("".join(kept).split())
    return otherwise if otherwise and not any(character.isalnum() for character in found) else found


def fitted(text: str, font: Font, size: float, width: float) -> str:
    """Returns a text cut to a width. A text that was cut ends with an ellipsis."""
    if font.width(text, size) <= width:
        return text
    left = width - font.width(ELLIPSIS, size)
    kept = 0
    for character in text:
        left -= font.width(character, size)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + ELLIPSIS


def lines(text: str, font: Font, size: float, width: float, most: int) -> list[str]:
    """Returns a text as at most `most` lines of a width. The last one is cut if the text is longer."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < most - 1:
        line = words.pop(0)
        while words and font.width(f"{line} {words[0]}", size) <= width:
            line += f" {words.pop(0)}"
        found.append(fitted(line, font, size, width))
    if words:
        found.append(fitted(" ".join(words), font, size, width))
    return found
