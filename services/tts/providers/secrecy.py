"""Keeps an API key out of what a provider's answers become: messages, logs, events."""

import base64
from collections.abc import Iterator
from urllib.parse import quote

# Shorter pieces are in any text. A piece this long of a key of random characters is there because the key is.
_TELLTALE_CHARACTERS = 8
_BLOT = "***"


class Secret:
    """A key that may be looked for but is never shown.

    Providers repeat keys: whole, in part, percent-encoded in an address, or in base64 within a header that they echo.
    """

    def __init__(self, key: str) -> None:
        self._whole = key.lower()
        self._pieces = frozenset(piece for spelling in _spellings(key) for piece in _pieces_of(spelling.lower()))

    def blot(self, text: str) -> str:
        """Returns the text with `***` wherever eight or more characters of the key are, whatever their case."""
        lowered = text.lower()
        if not self._whole or len(lowered) != len(text):  # a few letters change their length with their case
            return text if not self._whole else _BLOT
        hidden = [False] * len(text)
        for length in {len(piece) for piece in self._pieces}:
            for start in range(len(text) - length + 1):
                if lowered[start : start + length] in self._pieces:
                    hidden[start : start + length] = [True] * length
        shown: list[str] = []
        for character, is_hidden in zip(text, hidden, strict=True):
            if not is_hidden:
                shown.append(character)
            elif not shown or shown[-1] != _BLOT:
                shown.append(_BLOT)
        return "".join(shown)

    def __repr__(self) -> str:
        return "Secret(***)"


def _spellings(key: str) -> Iterator[str]:
    if not key:
        return
    yield key
    yield quote(key, safe="")
    raw = key.encode()
    # Base64 of a text that has the key in it, by where in its groups of three bytes the key begins. What shares a group
    # with other text is left out.
    for before in range(3):
        first = -(-before * 8 // 6) if before else 0
        last = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + raw + bytes(3))[first:last].decode()


def _pieces_of(spelling: str) -> Iterator[str]:
    length = min(_TELLTALE_CHARACTERS, len(spelling))
    for start in range(len(spelling) - length + 1):
        yield spelling[start : start + length]
