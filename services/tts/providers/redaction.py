"""Removes from messages, logs and events what a provider can repeat in a response: the API key, a developer's text."""

import base64
from collections.abc import Container, Iterator
from urllib.parse import quote

# Shorter pieces occur in any text. A text that contains this many characters of a random key contains the key.
_KEY_PIECE_CHARACTERS = 8
_HIDDEN_KEY = "***"
# Shorter pieces can occur in any two texts of the same language.
_TEXT_PIECE_CHARACTERS = 12
_HIDDEN_TEXT = "..."


class KeyRedactor:
    """Removes one API key from texts.

    Providers repeat keys: complete, in part, percent-encoded in a URL, or as base64 in a header that they echo.
    """

    def __init__(self, key: str) -> None:
        self._whole = key.lower()
        self._pieces = frozenset(piece for spelling in _spellings(key) for piece in _pieces_of(spelling.lower()))

    def redact(self, text: str) -> str:
        """Returns the text with `***` instead of each 8 or more characters of the key, in upper or lower case."""
        lowered = text.lower()
        if not self._whole or len(lowered) != len(text):  # lower() changes the length of a few letters
            return text if not self._whole else _HIDDEN_KEY
        hidden = [False] * len(text)
        for length in {len(piece) for piece in self._pieces}:
            _hide(hidden, lowered, length, self._pieces)
        return _masked(text, hidden, _HIDDEN_KEY)

    def __repr__(self) -> str:
        return "KeyRedactor(***)"


def _spellings(key: str) -> Iterator[str]:
    if not key:
        return
    yield key
    yield quote(key, safe="")
    raw = key.encode()
    # The base64 of a text that contains the key, for each position of the key in a group of three bytes. Characters of
    # groups that the key shares with other text are left out.
    for before in range(3):
        first = -(-before * 8 // 6) if before else 0
        last = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + raw + bytes(3))[first:last].decode()


def _pieces_of(spelling: str) -> Iterator[str]:
    length = min(_KEY_PIECE_CHARACTERS, len(spelling))
    for start in range(len(spelling) - length + 1):
        yield spelling[start : start + length]


def without_text(message: str, text: str) -> str:
    """Returns a message with `...` instead of each 12 or more characters of a text, or of the whole text if shorter."""
    length = min(_TEXT_PIECE_CHARACTERS, len(text))
    if not length:
        return message
    hidden = [False] * len(message)
    _hide(hidden, message, length, text)
    return _masked(message, hidden, _HIDDEN_TEXT)


def _hide(hidden: list[bool], text: str, length: int, pieces: Container[str]) -> None:
    """Marks the characters of a text that belong to one of `pieces`, which have this length."""
    for start in range(len(text) - length + 1):
        if text[start : start + length] in pieces:
            hidden[start : start + length] = [True] * length


def _masked(text: str, hidden: list[bool], instead: str) -> str:
    masked: list[str] = []
    for character, is_hidden in zip(text, hidden, strict=True):
        if not is_hidden:
            masked.append(character)
        elif not masked or masked[-1] != instead:
            masked.append(instead)
    return "".join(masked)
