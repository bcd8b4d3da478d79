"""How long the speech of a text can be. Longer or shorter audio cannot be the spoken text."""

import unicodedata

# Three times the fastest speech that people can follow, which has about 30 characters per second.
MAX_CHARACTERS_PER_SECOND = 100.0
# One digit or emoji can take several syllables.
MAX_SECONDS_PER_CHARACTER = 2.0
# For silence before and after, and for anything that an engine adds.
MAX_EXTRA_SECONDS = 10.0


def spoken_characters(text: str) -> int:
    """Returns the number of characters of a text that must take time to say.

    Each letter and digit counts. A sequence of other characters between two of them counts as one character, so that a
    row of dots or spaces does not require seconds of speech. Combining marks count as letters.
    """
    count, inside = 0, False
    for character in text:
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            count, inside = count + 1, True
        elif inside:
            count, inside = count + 1, False
    return count if inside or not count else count - 1


def min_seconds(text: str, speed: float = 1.0) -> float:
    """Returns the minimum length of the speech of a text at a speed, in seconds."""
    return spoken_characters(text) / (MAX_CHARACTERS_PER_SECOND * speed)


def max_seconds(text: str, speed: float = 1.0) -> float:
    """Returns the maximum length of the speech of a text at a speed, in seconds."""
    return MAX_EXTRA_SECONDS + MAX_SECONDS_PER_CHARACTER * len(text) / speed
