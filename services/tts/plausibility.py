"""How long speech can be for its text. A provider that sends more or less has not spoken the text."""

import unicodedata

from services.tts.domain import FailureKind, SynthesisError, Utterance

# The fastest speech that people follow has 30 characters in a second.
MAX_CHARACTERS_PER_SECOND = 100.0
# A digit or an emoji is a character that takes several syllables.
MAX_SECONDS_PER_CHARACTER = 2.0
# Silence before and after, and what an engine adds of its own.
MAX_SECONDS_BESIDE_TEXT = 10.0


def spoken_characters(text: str) -> int:
    """Returns how many characters of a text take time to say at least.

    Each letter and digit counts, and each run of anything else between two of them counts as one: so a row of dots or
    blanks does not ask for seconds of speech. Marks on letters count as letters.
    """
    count, inside = 0, False
    for character in text:
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            count, inside = count + 1, True
        elif inside:
            count, inside = count + 1, False
    return count if inside or not count else count - 1


def shortest_seconds(utterance: Utterance) -> float:
    """Returns how long the speech of a text must be at least."""
    return spoken_characters(utterance.text) / (MAX_CHARACTERS_PER_SECOND * (utterance.parameters.speed or 1.0))


def longest_seconds(utterance: Utterance) -> float:
    """Returns how long the speech of a text may be at most."""
    speed = utterance.parameters.speed or 1.0
    return MAX_SECONDS_BESIDE_TEXT + MAX_SECONDS_PER_CHARACTER * len(utterance.text) / speed


def check_longest(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if so much audio is more than the text can take."""
    if seconds > (longest := longest_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"the audio is longer than the {longest:.2f} s that {len(utterance.text)} characters can take",
        )


def check_shortest(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if so little audio can't be the whole text."""
    if seconds < (shortest := shortest_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"the audio takes {seconds:.2f} s, but {len(utterance.text)} characters take at least {shortest:.2f} s",
        )
