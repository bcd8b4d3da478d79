"""Cleans text and bytes from outside, so that they can be stored, logged, sent and shown.

Providers, webhook receivers, callers and events can send any text. PostgreSQL stores no NUL, protobuf accepts no lone
surrogate, a terminal obeys ESC, and characters that reverse or hide others mislead a reader. Only this module cleans
such text. It imports the standard library only, so that domain code can import it.
"""

import codecs
import re
import unicodedata
from typing import TypeGuard

# An error message that is stored or sent: long enough for a sentence of a provider, short enough for a line of a table.
MAX_MESSAGE_CHARACTERS = 500
# One value of a log line. A traceback has its own form and is limited by its number of frames.
MAX_LOGGED_CHARACTERS = 2000

ELLIPSIS = "…"
# How many characters are read for each one that can be kept. It limits the cost of a text of mostly invisible ones.
_READ_PER_KEPT = 8

# ECMA-48: CSI (parameters, then a final byte), string commands up to their terminator, and commands of two bytes.
# If a string command has no terminator, only its introducer matches.
_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# ZERO WIDTH NON-JOINER and JOINER. Persian, Indic scripts and emoji need them between characters that are not ASCII.
# Elsewhere they are removed.
_JOINERS = "\u200c\u200d"
_STRAY_JOINER = re.compile(rf"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])|[{_JOINERS}]{{2,}}")
# No language has more marks on one letter. More marks would cover other text.
_MAX_MARKS = 6
# Control characters that are white space. The text of a prompt can contain them.
_WHITE_SPACE_CONTROLS = frozenset("\t\n\v\f\r\x85")

_RANGES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which the standard library lacks."""
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
"""Control characters that are not white space."""

UNSEEN = re.compile(f"[{_RANGES}{_CONTROLS}]")
"""A pattern for one invisible character that is not white space."""
BLANKS = rf"[\s{_RANGES}{_CONTROLS}\u2800]*+"
"""A pattern for any number of invisible characters, white space included. U+2800 is the Braille pattern without
dots."""


def decoded(content: bytes) -> str:
    """Decodes bytes as UTF-16 if they begin with its byte order mark, else as UTF-8. Invalid bytes become U+FFFD."""
    in_two_bytes = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if in_two_bytes else "utf-8-sig", errors="replace")


def one_line(text: str, max_characters: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Returns a text as one safe line of at most `max_characters`. A longer text is cut and ends with an ellipsis.

    Terminal sequences, control characters, lone surrogates, and characters that reverse or hide others are removed. Any
    run of white space becomes one blank.
    """
    # Cutting first limits the cost of a long text.
    text = text[: _READ_PER_KEPT * max_characters]
    if not (text.isascii() and text.isprintable()):
        text = _visible(text)
    line = " ".join(text.split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + ELLIPSIS


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or the name of its class if the message is empty."""
    return one_line(str(error).strip().partition("\n")[0]) or type(error).__name__


def without_unseen(text: str) -> str:
    """Returns text without invisible characters. White space stays."""
    return UNSEEN.sub("", text)


def is_identifier(value: object, max_characters: int) -> TypeGuard[str]:
    """Returns whether a value is an id that people can read and type: a text of 1 to `max_characters` without blanks,
    control characters, lone surrogates, or invisible characters."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= max_characters
        and not any(unicodedata.category(character)[0] in "CZ" for character in value)
    )


def first_control(text: str) -> str:
    """Returns the first control character that is not white space, written as `U+001B`, or an empty string."""
    if text.isprintable():
        return ""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _WHITE_SPACE_CONTROLS:
            return f"U+{ord(character):04X}"
    return ""


def for_log(value: object) -> object:
    """Returns a value of a log line with every text in it cleaned, also in lists and mappings."""
    if isinstance(value, str):
        # Line breaks stay, because tracebacks have them.
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
