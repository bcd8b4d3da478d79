"""What a card shows: its texts and the dots of its intervals."""

import html
import re


def texts(svg: str) -> list[str]:
    """Returns the texts of a card under its head (the name of the arena), in the order in which they are drawn."""
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)][1:]


def dots(svg: str) -> list[tuple[float, float]]:
    """Returns the places of the dots."""
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
