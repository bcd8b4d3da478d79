"""Text and bytes from outside, made fit to be stored, logged, sent and shown.

Providers, webhook receivers, callers and events say whatever they like. PostgreSQL stores no NUL, protobuf takes no
lone surrogate, a terminal obeys ESC, and characters that reverse or hide others mislead a reader. All of it is cleaned
here and nowhere else. This module imports the standard library only, so that domain code may import it.
"""

import codecs
import re
import unicodedata
from typing import TypeGuard

# An error that is stored or sent. Enough for a provider's sentence, little enough for a line of a table.
MAX_MESSAGE_CHARACTERS = 500
# One value of a log line. A traceback is a value of its own shape and is bounded by its frames.
MAX_LOGGED_CHARACTERS = 2000

ELLIPSIS = "…"
# Characters that are looked at for each one that may be kept, so that a text of mostly invisible ones costs little.
_READ_PER_KEPT = 8

# ECMA-48: CSI (parameters, then a final byte), the string commands up to their terminator, and commands of two bytes.
# Strings without a terminator lose their introducer only.
_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# ZERO WIDTH NON-JOINER and JOINER: Persian, Indic scripts and emoji are written with them, between characters that are
# not ASCII. Anywhere else they only hide.
_JOINERS = "\u200c\u200d"
_STRAY_JOINER = re.compile(rf"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])|[{_JOINERS}]{{2,}}")
# A letter with more marks on it than any language has covers its neighbours.
_MAX_MARKS = 6
# Control characters that are white space, which the text of a prompt may have.
_WHITE_SPACE_CONTROLS = frozenset("\t\n\v\f\r\x85")

_RANGES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which the standard library lacks."""
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
"""Control characters that are not white space."""

UNSEEN = re.compile(f"[{_RANGES}{_CONTROLS}]")
"""One character that can't be seen and is not white space."""
BLANKS = rf"[\s{_RANGES}{_CONTROLS}\u2800]*+"
"""A pattern for any run of white space and of characters that can't be seen; U+2800 is the Braille pattern without
dots."""


def decoded(content: bytes) -> str:
    """Returns bytes as text: UTF-8, or UTF-16 if its mark is there, and U+FFFD for each byte that is none of it."""
    in_two_bytes = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if in_two_bytes else "utf-8-sig", errors="replace")


def one_line(text: str, max_characters: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Returns a text as one line of at most `max_characters`, cut with an ellipsis, that is safe wherever it goes.

    Terminal sequences, control characters, lone surrogates, and characters that reverse or hide others are gone; any
    white space is one blank.
    """
    # What is cut off first is never shown, so that a long text costs little to look through.
    text = text[: _READ_PER_KEPT * max_characters]
    if not (text.isascii() and text.isprintable()):
        text = _visible(text)
    line = " ".join(text.split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + ELLIPSIS


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says, the name of its kind if it says nothing."""
    return one_line(str(error).strip().partition("\n")[0]) or type(error).__name__


def without_unseen(text: str) -> str:
    """Returns text without the characters that can't be seen; white space stays."""
    return UNSEEN.sub("", text)


def is_identifier(value: object, max_characters: int) -> TypeGuard[str]:
    """Tells whether a value is an id that can be asked for by what is shown of it: a text of 1 to `max_characters`
    without blanks, control characters, lone surrogates, or characters that can't be seen."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= max_characters
        and not any(unicodedata.category(character)[0] in "CZ" for character in value)
    )


def first_control(text: str) -> str:
    """Returns the first control character that is no white space as `U+001B`, or an empty string if there is none."""
    if text.isprintable():
        return ""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _WHITE_SPACE_CONTROLS:
            return f"U+{ord(character):04X}"
    return ""


def for_log(value: object) -> object:
    """Returns a value of a log line with every text in it cleaned, in lists and mappings too."""
    if isinstance(value, str):
        # Lines stay apart, since tracebacks have them.
        return "\n".join(one_line(line, MAX_LOGGED_CHARACTERS) for line in value[:MAX_LOGGED_CHARACTERS].splitlines())
    if isinstance(value, dict):
        return {one_line(str(name)): for_log(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [for_log(each) for each in value]
    return value


def _visible(text: str) -> str:
    text = _TERMINAL_SEQUENCE.sub(" ", text)
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp"):
            character = " "
        elif category == "Cs" or (category == "Cf" and character not in _JOINERS):
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MAX_MARKS:
            kept.append(character)
    return _STRAY_JOINER.sub("", "".join(kept))
