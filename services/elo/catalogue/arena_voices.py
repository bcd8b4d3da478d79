"""Chooses the voices of the installation that take part in the arena."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.domain import ModelKind

LANGUAGE = "en"
"""The language of the built-in scenarios."""
_GENDER = re.compile(r"\b(?:fe)?male\b", re.IGNORECASE)


def arena_voices(
    models: Sequence[VoiceModel], providers: Mapping[str, Provider], named: Collection[str], number: int
) -> set[str]:
    """Returns the ids of the models of the installation that take part in the arena.

    These are up to `number` English voices of all local providers together, and up to `number` of each other provider
    in `named`, chosen to differ. A provider that can't be used has none. A named provider may have voices whose
    language is unknown, because some providers report none.
    """
    usable = [m for m in models if m.kind is ModelKind.TTS and m.provider in providers]
    usable = [m for m in usable if not providers[m.provider].error() and _speaks_english(m, m.provider in named)]
    local = [m for m in usable if providers[m.provider].local]
    chosen = set(most_different(local, number))
    for provider in named:
        if provider in providers and not providers[provider].local:
            chosen.update(most_different([m for m in usable if m.provider == provider], number))
    return chosen


def most_different(models: Sequence[VoiceModel], number: int) -> list[str]:
    """Returns the ids of up to `number` models, chosen one by one.

    The next one is of the provider with the fewest so far, then of the rarest gender, the rarest region and the rarest
    family so far. The catalogue's order decides between equal ones, in which a provider has its best voices first.
    """
    left = sorted(models, key=lambda m: (m.provider, m.seq))
    chosen: list[str] = []
    counts: Counter[tuple[int, str]] = Counter()
    while left and len(chosen) < number:
        best = min(left, key=lambda m: [counts[trait] for trait in _traits(m)])
        left.remove(best)
        counts.update(_traits(best))
        chosen.append(best.id)
    return chosen


def gender_of(name: str) -> str:
    """Returns `female` or `male` if the name of a voice says it, otherwise an empty text."""
    found = _GENDER.search(name)
    return found.group().lower() if found else ""


def _traits(model: VoiceModel) -> list[tuple[int, str]]:
    """Returns what is compared, most important first, each with its place: provider, gender, region and family."""
    language = model.spoken_language.lower()
    plain, _, variant = model.voice_id.lower().partition("+")
    # A provider's plain voices, whose ids are languages, are one family. Numbers are other recordings of a speaker.
    family = variant or ("" if plain == language else plain.rstrip("0123456789"))
    return list(enumerate((model.provider, gender_of(model.name), language, family)))


def _speaks_english(model: VoiceModel, unknown_is_enough: bool) -> bool:
    language = model.spoken_language.lower()
    return language.split("-")[0] == LANGUAGE or (unknown_is_enough and not language)
