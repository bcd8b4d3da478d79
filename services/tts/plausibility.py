"""The limits on the length of speech for its text. Longer or shorter audio cannot be the spoken text."""

import unicodedata

from services.tts.domain import FailureKind, SynthesisError, Utterance

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


def min_seconds(utterance: Utterance) -> float:
    """Returns the minimum length of the speech of a text, in seconds."""
    return spoken_characters(utterance.text) / (MAX_CHARACTERS_PER_SECOND * (utterance.parameters.speed or 1.0))


def max_seconds(utterance: Utterance) -> float:
    """Returns the maximum length of the speech of a text, in seconds."""
    speed = utterance.parameters.speed or 1.0
    return MAX_EXTRA_SECONDS + MAX_SECONDS_PER_CHARACTER * len(utterance.text) / speed


def check_not_too_long(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if audio of this length is too long for its text."""
    if seconds > (limit := max_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"The audio is longer than {limit:.2f} s, the maximum for {len(utterance.text)} characters",
        )


def check_not_too_short(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if audio of this length is too short for its text."""
    if seconds < (limit := min_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"The audio lasts {seconds:.2f} s, but {len(utterance.text)} characters need at least {limit:.2f} s",
        )
