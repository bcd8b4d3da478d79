"""Draws share cards as SVG: pure functions that return elements.

Text comes from developers, so each text is cleaned, cut to its width and escaped here. A card therefore has a bounded
size whatever its names are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from services.shared.cards.fonts import FAMILY, bold, regular
from services.shared.cards.words import drawable, fitted, lines

WIDTH, HEIGHT = 1200, 630
"""The size of pictures that programs show for links."""
LEFT, RIGHT = 64, WIDTH - 64

BACKGROUND = "#10151c"
LINE = "#2b3542"
STRONG_LINE = "#55647a"
TEXT = "#f1f4f8"
MUTED = "#a3b0c0"
ACCENT = "#5cb8ff"

TITLE, HEADING, BODY, SMALL = 50, 34, 28, 22
"""Font sizes. A card is often shown at a third of its size, so the smallest is still legible then."""
MARGIN = 0.06
"""The part of an axis that stays free at both ends."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks."""

    size: int = BODY
    strong: bool = False
    colour: str = TEXT


@dataclass(frozen=True, slots=True)
class Value:
    """A value with the ends of its interval. Without an interval, the ends are None."""

    at: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, ...]:
        """The value and, if they are known, the ends of its interval."""
        return (self.at,) if self.low is None or self.high is None else (self.at, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Axis:
    """A horizontal scale from `low` to `high` between two places of the card."""

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, left: float, right: float, values: Sequence[Value], shortest: float) -> Axis:
        """Returns the axis on which all values fit. It is at least `shortest` long, so that almost equal values do not
        look far apart."""
        ends = [end for value in values for end in value.ends]
        low, high = min(ends), max(ends)
        missing = max(shortest - (high - low), 0.0) / 2
        free = MARGIN * max(high - low, shortest)
        return cls(left, right, low - missing - free, high + missing + free)

    def place(self, value: float) -> float:
        """Returns where a value is on the card."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)


def words(x: float, y: float, text: str, style: Style, width: float, *, anchor: str = "start", name: str = "") -> str:
    """Returns a line of text with its baseline at `y`, cut to `width`. `name` replaces a text that cannot be drawn."""
    font = bold() if style.strong else regular()
    shown = fitted(drawable(text, name), font, style.size, width)
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{style.size}" font-weight="{font.weight}" fill="{style.colour}"'
        f' text-anchor="{anchor}">{escape(shown, quote=False)}</text>'
    )


def paragraph(x: float, y: float, text: str, style: Style, width: float, most: int) -> list[str]:
    """Returns a text of at most `most` lines, the first with its baseline at `y`."""
    font = bold() if style.strong else regular()
    shown = lines(drawable(text), font, style.size, width, most)
    return [words(x, y + at * style.size * 1.35, line, style, width) for at, line in enumerate(shown)]


def rule(y: float, colour: str = LINE) -> str:
    """Returns a horizontal line over the width of the card."""
    return f'<path d="M{LEFT} {y:g}H{RIGHT}" stroke="{colour}" stroke-width="2"/>'


def interval(axis: Axis, y: float, value: Value, colour: str) -> list[str]:
    """Returns a dot for a value, and a line with ends for its interval."""
    found = []
    if value.low is not None and value.high is not None:
        low, high = axis.place(value.low), axis.place(value.high)
        found.append(
            f'<path d="M{low:.1f} {y - 8:g}V{y + 8:g}M{low:.1f} {y:g}H{high:.1f}M{high:.1f} {y - 8:g}V{y + 8:g}"'
            f' stroke="{colour}" stroke-width="4" fill="none"/>'
        )
    return [*found, f'<circle cx="{axis.place(value.at):.1f}" cy="{y:g}" r="9" fill="{colour}"/>']


def card(title: str, about: str, body: Iterable[str], notes: Sequence[str], *, name: str = "") -> str:
    """Returns a card. `about` is under its title, and `notes` are at the left and the right end of its last line.
    `name` replaces a title that cannot be drawn."""
    wide = RIGHT - LEFT
    last = Style(SMALL, colour=MUTED)
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{BACKGROUND}"/>',
        # The sign of the arena: two voices.
        f'<path d="M{LEFT} 46V66M{LEFT + 10} 38V74" stroke="{ACCENT}" stroke-width="5" stroke-linecap="round"/>',
        f'<path d="M{LEFT + 22} 50V62M{LEFT + 32} 42V70" stroke="{MUTED}" stroke-width="5" stroke-linecap="round"/>',
        words(LEFT + 52, 65, "Voice Arena", Style(26, True, MUTED), 300),
        words(LEFT, 132, title, Style(TITLE, True), wide, name=name),
        words(LEFT, 172, about, Style(26, colour=MUTED), wide),
        *body,
        rule(576),
        words(LEFT, 608, notes[0], last, wide * 0.6),
        *(words(RIGHT, 608, note, last, wide * 0.38, anchor="end") for note in notes[1:2]),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="{FAMILY}">{"".join(parts)}</svg>'
    )
