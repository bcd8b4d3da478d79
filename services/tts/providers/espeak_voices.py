"""Selects the voices of espeak-ng that are offered, and their order."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.tts.domain import Voice

PROVIDER = "espeak"
FIRST = ("en-us", "en-gb")

# Variants that sound clearly different, offered for the first two languages. The library has about a hundred; most of
# the others are very similar to these.
VARIANTS = {
    "f2": "female",
    "f3": "young female",
    "iven": "Iven",
    "Denis": "Denis",
    "robosoft8": "robot",
    "klatt2": "soft Klatt formants",
    "klatt4": "Klatt formants",
    "whisper": "whispering",
    "croak": "creaking",
    "Andy": "Andy",
    "announcer": "announcer",
    "steph": "Steph",
    "m3": "deep male",
    "grandpa": "old male",
}


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """A voice and its identifier in the library."""

    voice: Voice
    identifier: str


def offered_voices(
    languages: Iterable[tuple[str, str, list[str]]], variants: Iterable[str], sample_rate_hz: int
) -> dict[str, OfferedVoice]:
    """Returns the offered voices by id: en-us, en-gb, their variants, then every other language sorted by tag.

    `languages` are tuples of identifier, name and BCP 47 tags (the best first). The id of a voice is its best tag; a
    variant adds `+` and its name.
    """
    known = set(variants)
    plain: dict[str, OfferedVoice] = {}
    for identifier, name, tags in languages:
        if tags and tags[0] not in plain:
            voice = Voice(PROVIDER, tags[0], name, tuple(tags), sample_rate_hz=sample_rate_hz)
            plain[tags[0]] = OfferedVoice(voice, identifier)
    found = {tag: plain.pop(tag) for tag in FIRST if tag in plain}
    for tag in list(found):
        base = found[tag]
        for variant, character in VARIANTS.items():
            if variant in known:
                voice_id = f"{tag}+{variant}"
                title = f"{base.voice.display_name}, {character}"
                voice = Voice(PROVIDER, voice_id, title, base.voice.languages, sample_rate_hz=sample_rate_hz)
                found[voice_id] = OfferedVoice(voice, f"{base.identifier}+{variant}")
    return found | dict(sorted(plain.items()))
