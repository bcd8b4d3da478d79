"""Keeps out of messages, logs and events what a provider repeats in its answers: an API key, a developer's text."""

import base64
from collections.abc import Container, Iterator
from urllib.parse import quote

# Shorter pieces are in any text. A piece this long of a key of random characters is there because the key is.
_KEY_PIECE_CHARACTERS = 8
_HIDDEN_KEY = "***"
# Shorter pieces are in any two texts of a language.
_TEXT_PIECE_CHARACTERS = 12
_HIDDEN_TEXT = "..."


class Secret:
    """A key that may be looked for but is never shown.

    Providers repeat keys: whole, in part, percent-encoded in an address, or in base64 within a header that they echo.
    """

    def __init__(self, key: str) -> None:
        self._whole = key.lower()
        self._pieces = frozenset(piece for spelling in _spellings(key) for piece in _pieces_of(spelling.lower()))

    def redact(self, text: str) -> str:
        """Returns the text with `***` wherever eight or more characters of the key are, whatever their case."""
        lowered = text.lower()
        if not self._whole or len(lowered) != len(text):  # a few letters change their length with their case
            return text if not self._whole else _HIDDEN_KEY
        hidden = [False] * len(text)
        for length in {len(piece) for piece in self._pieces}:
            _hide(hidden, lowered, length, self._pieces)
        return _shown(text, hidden, _HIDDEN_KEY)

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
    length = min(_KEY_PIECE_CHARACTERS, len(spelling))
    for start in range(len(spelling) - length + 1):
        yield spelling[start : start + length]


def unquoted(message: str, text: str) -> str:
    """Returns a message without what it repeats of a text: all of a short one, else pieces of 12 characters or more."""
    length = min(_TEXT_PIECE_CHARACTERS, len(text))
    if not length:
        return message
    hidden = [False] * len(message)
    _hide(hidden, message, length, text)
    return _shown(message, hidden, _HIDDEN_TEXT)


def _hide(hidden: list[bool], text: str, length: int, pieces: Container[str]) -> None:
    """Marks the characters of a text that are in one of the pieces of a length."""
    for start in range(len(text) - length + 1):
        if text[start : start + length] in pieces:
            hidden[start : start + length] = [True] * length


def _shown(text: str, hidden: list[bool], instead: str) -> str:
    shown: list[str] = []
    for character, is_hidden in zip(text, hidden, strict=True):
        if not is_hidden:
            shown.append(character)
        elif not shown or shown[-1] != instead:
            shown.append(instead)
    return "".join(shown)
