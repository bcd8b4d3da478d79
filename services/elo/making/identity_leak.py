"""Finds names by which a listener could tell who speaks."""

import re
from collections.abc import Iterable

UNRATED_IDENTITY_LEAK = (
    "identity_leak: the text or the speech names the provider, the model or the voice of a side, so a listener can"
    " tell who speaks."
)
MIN_NAME_CHARACTERS = 3
MIN_PART_CHARACTERS = 4
"""Of a part of an id. Shorter ones are languages and versions."""
# Languages have two or three letters. Ids of voices can look like other language tags.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# The parts of names that say how a voice speaks rather than who it is.
_PLAIN_WORDS = frozenset({"default", "english", "female", "male", "neutral", "voice", "standard", "speech"})


def names_of(name: str, provider: str, model_id: str, voice_id: str) -> frozenset[str]:
    """Returns the names by which a model could be recognized, in the form that `leaks` compares.

    These are its name, the ids, and each word of the id of the voice. Language tags and words that say how a voice
    speaks are no names.
    """
    whole = [each for each in (name, provider, model_id, voice_id) if each.isalpha() or not _LANGUAGE.fullmatch(each)]
    parts = _WORD.findall(voice_id) if voice_id in whole else []
    found = {
        *(joined for each in whole if len(joined := _joined(each)) >= MIN_NAME_CHARACTERS),
        *(part.casefold() for part in parts if part.isalpha() and len(part) >= MIN_PART_CHARACTERS),
    }
    return frozenset(found - _PLAIN_WORDS)


def leaks(names: Iterable[str], *texts: str) -> bool:
    """Returns whether one of the texts contains one of the names: whole words, whatever separates them."""
    wanted = set(names)
    return any(_contains(_WORD.findall(text.casefold()), wanted) for text in texts)


def _joined(name: str) -> str:
    return "".join(_WORD.findall(name.casefold()))


def _contains(words: list[str], names: set[str]) -> bool:
    longest = max(map(len, names), default=0)
    for start in range(len(words)):
        joined = ""
        for word in words[start:]:
            joined += word
            if len(joined) > longest:
                break
            if joined in names:
                return True
    return False
