"""Which of espeak-ng's many voices are offered, and in which order."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.tts.domain import Voice

PROVIDER = "espeak"
FIRST = ("en-us", "en-gb")

# Variants that a listener tells apart at once, for the two first languages. The library has a hundred; most of the
# others are near-copies of these.
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
class Offer:
    """A voice with the name by which the library finds it."""

    voice: Voice
    identifier: str


def offers(
    languages: Iterable[tuple[str, str, list[str]]], variants: Iterable[str], sample_rate_hz: int
) -> dict[str, Offer]:
    """Returns what is offered by voice id: en-us, en-gb, their variants, then every other language by its tag.

    `languages` are identifier, name and BCP 47 tags (the best first) as the worker tells them. A voice's id is the best
    tag, with `+` and the variant's name.
    """
    known = set(variants)
    plain: dict[str, Offer] = {}
    for identifier, name, tags in languages:
        if tags and tags[0] not in plain:
            voice = Voice(PROVIDER, tags[0], name, tuple(tags), sample_rate_hz=sample_rate_hz)
            plain[tags[0]] = Offer(voice, identifier)
    found = {tag: plain.pop(tag) for tag in FIRST if tag in plain}
    for tag in list(found):
        base = found[tag]
        for variant, character in VARIANTS.items():
            if variant in known:
                voice_id = f"{tag}+{variant}"
                title = f"{base.voice.display_name}, {character}"
                voice = Voice(PROVIDER, voice_id, title, base.voice.languages, sample_rate_hz=sample_rate_hz)
                found[voice_id] = Offer(voice, f"{base.identifier}+{variant}")
    return found | dict(sorted(plain.items()))
