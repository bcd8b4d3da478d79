"""Which voices of the installation take part in the arena."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

import pytest

from services.elo.catalogue.arena_voices import arena_voices
from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.domain import ModelKind
from tests.unit.elo.test_resolve import NOON, model

ESPEAK = [
    ("en-us", "eSpeak NG English (America)", "en-us"),
    ("en-us+f2", "eSpeak NG English (America), female", "en-us"),
    ("en-us+croak", "eSpeak NG English (America), creaking", "en-us"),
    ("en-gb", "eSpeak NG English (Great Britain)", "en-gb"),
    ("en-gb+f2", "eSpeak NG English (Great Britain), female", "en-gb"),
    ("de", "eSpeak NG German", "de"),
    ("en-029", "eSpeak NG English (Caribbean)", "en-029"),
]
FLITE = [
    ("slt", "Flite SLT, American female", "en-us"),
    ("rms", "Flite RMS, American male", "en-us"),
    ("awb", "Flite AWB, Scottish male", "en-gb-scotland"),
    ("kal16", "Flite KAL, American male, 16 kHz diphones", "en-us"),
    ("kal", "Flite KAL, American male, 8 kHz diphones", "en-us"),
]


def voices(provider: str, listed: Sequence[tuple[str, str, str]], first: int = 1) -> list[VoiceModel]:
    """Returns models of the installation for voices: id, name and language."""
    return [
        dataclasses.replace(model(seq, voice, provider=provider), name=name, voice_language=language)
        for seq, (voice, name, language) in enumerate(listed, first)
    ]


def provider(id_: str, *, local: bool = True, reason: str = "", at: datetime = NOON) -> Provider:
    return Provider(id_, at, reason, local=local)


LOCAL = [*voices("espeak", ESPEAK), *voices("flite", FLITE, 20)]
PROVIDERS = {id_: provider(id_) for id_ in ("espeak", "flite")}


def chosen(models: Sequence[VoiceModel], number: int = 6, *named: str, **providers: Provider) -> list[str]:
    found = arena_voices(models, {**PROVIDERS, **providers}, named, number)
    return [m.voice_id for m in models if m.id in found]


def test_six_local_voices_differ_in_engine_gender_region_and_family() -> None:
    assert chosen(LOCAL) == ["en-us", "en-gb+f2", "en-029", "slt", "rms", "awb"]


def test_the_choice_does_not_depend_on_the_order_in_which_providers_were_discovered() -> None:
    later = [*voices("espeak", ESPEAK, 30), *voices("flite", FLITE)]
    assert sorted(chosen(later)) == sorted(chosen(LOCAL))


@pytest.mark.parametrize("number", [0, 1, 3, 8, 100])
def test_never_more_than_the_number_of_voices_take_part(number: int) -> None:
    english = 11
    assert len(chosen(LOCAL, number)) == min(number, english)


def test_two_recordings_of_one_speaker_come_after_another_speaker() -> None:
    assert chosen(voices("flite", FLITE), 4) == ["slt", "rms", "awb", "kal16"]


def test_a_provider_that_cannot_be_used_has_no_voice() -> None:
    assert chosen(LOCAL, 3, flite=provider("flite", reason="flite is not installed")) == [
        "en-us",
        "en-gb+f2",
        "en-029",
    ]


def test_providers_that_cost_money_take_part_only_if_they_are_named() -> None:
    hosted = voices("cartesia", [("ann", "Ann", "en"), ("bob", "Bob", "de"), ("cy", "Cy", ""), ("di", "Di", "en")], 40)
    cartesia = provider("cartesia", local=False)
    assert chosen([*LOCAL, *hosted], 2, cartesia=cartesia) == ["en-us", "awb"]
    # A named provider has as many voices as all local ones together. Voices whose language is unknown may be English.
    assert chosen([*LOCAL, *hosted], 2, "cartesia", cartesia=cartesia) == ["en-us", "awb", "ann", "cy"]
    assert chosen([*LOCAL, *hosted], 9, "cartesia", cartesia=cartesia)[-3:] == ["ann", "cy", "di"]


def test_a_local_voice_of_unknown_language_takes_part_only_if_its_provider_is_named() -> None:
    own = voices("own", [("a", "A", "")], 40)
    assert chosen(own, 6, own=provider("own")) == []
    assert chosen(own, 6, "own", own=provider("own")) == ["a"]


def test_recorded_models_are_never_chosen() -> None:
    (one,) = voices("espeak", ESPEAK[:1])
    assert chosen([dataclasses.replace(one, kind=ModelKind.RECORDED)]) == []
