"""Brings a transcript and its reference into one form, so that only real differences count as errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from services.scoring.metrics.text.english_numbers import with_digits

ENGLISH = "en"
_LETTERS = str.maketrans("0123456789.", "abcdefghijk")
_SHIELD = re.compile(r"zq([a-k]+)qz")


def normalize(text: str, language: str) -> str:
    """Returns the text in lower case without punctuation, with words separated by single spaces.

    English texts also get one spelling, no contractions and no hesitations, by Whisper's normalizer (arXiv 2212.04356,
    appendix C), and their numbers as digits. Texts in other languages keep their numbers. `language` is a BCP 47 tag.
    """
    if language.partition("-")[0].lower() != ENGLISH:
        return _basic()(text).strip()
    shielded = _english()(with_digits(text, _shield))
    return " ".join(_SHIELD.sub(lambda match: _digits(match[1]), shielded).split())


def _shield(digits: str) -> str:
    """Writes digits as letters, because Whisper's normalizer would change them ("4 8 1 5" becomes "4 8 one 5")."""
    return f"zq{digits.translate(_LETTERS)}qz"


def _digits(letters: str) -> str:
    return "".join("." if letter == "k" else str(ord(letter) - ord("a")) for letter in letters)


@cache
def _english() -> Callable[[str], str]:
    # Imported here: the process that answers calls imports this module, and works without the package.
    from whisper_normalizer.english import EnglishTextNormalizer

    normalizer: Callable[[str], str] = EnglishTextNormalizer()
    return normalizer


@cache
def _basic() -> Callable[[str], str]:
    from whisper_normalizer.basic import BasicTextNormalizer

    normalizer: Callable[[str], str] = BasicTextNormalizer()
    return normalizer
