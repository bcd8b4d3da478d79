"""The providers and voices that tts publishes."""

from pathlib import Path

import pytest
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.tts.usecases.voices import Voices
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.use_cases import PAGES, UseCases, use_cases


def published(tts: UseCases) -> list[tuple[str, str | None, list[str], tuple[str, ...]]]:
    """Returns the facts since the last call: provider, why it can't be used, its voices, all providers with voices."""
    facts = [fact for fact in tts.facts if isinstance(fact, VoicesDiscovered)]
    tts.facts.clear()
    return [
        (
            fact.provider.id,
            fact.provider.unavailable_reason or None,
            [voice.voice_id for voice in fact.voices],
            tuple(fact.told_providers),
        )
        for fact in facts
    ]


VOICES = ["ann", "bob", "cleo"]


async def test_every_provider_is_published_and_an_unavailable_one_with_the_reason(tmp_path: Path) -> None:
    up, down = ScriptedEngine("up"), ScriptedEngine("down")
    down.fault = "set DOWN_API_KEY"
    tts = await use_cases(tmp_path, [up, down])
    await tts.voices.discover()
    assert published(tts) == [("down", "set DOWN_API_KEY", [], ("up",)), ("up", None, VOICES, ("up",))]


async def test_between_discoveries_only_changes_are_published(tmp_path: Path) -> None:
    one, other = ScriptedEngine("one"), ScriptedEngine("other")
    tts = await use_cases(tmp_path, [one, other])
    await tts.voices.discover()
    published(tts)
    await tts.voices.publish_changes()
    assert published(tts) == []
    tts.providers.get("one").voices.pop()
    await tts.voices.publish_changes()
    assert published(tts) == [("one", None, ["ann", "bob"], ("one", "other"))]
    other.fault = "out of order"
    await tts.voices.publish_changes()
    assert published(tts) == [("one", None, ["ann", "bob"], ("one",)), ("other", "out of order", [], ("one",))]


async def test_each_discovery_publishes_every_provider_again(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.voices.discover()
    await tts.voices.discover()
    assert published(tts) == [("fake", None, VOICES, ("fake",))] * 2


async def test_a_fact_that_could_not_be_published_is_published_next_time(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tries = 0

    async def once_away(fact: Message) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError("no bus")
        tts.facts.append(fact)

    voices = Voices(tts.providers, once_away, PAGES)
    with pytest.raises(ConnectionError):
        await voices.discover()
    await voices.publish_changes()
    assert published(tts) == [("fake", None, VOICES, ("fake",))]


async def test_a_provider_whose_voices_cannot_be_published_does_not_block_the_others(
    tmp_path: Path,
) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine("odd"), ScriptedEngine("sound")])

    async def strict(fact: Message) -> None:
        assert isinstance(fact, VoicesDiscovered)
        if fact.provider.id == "odd" and fact.voices:
            "\ud800".encode()
        tts.facts.append(fact)

    voices = Voices(tts.providers, strict, PAGES)
    await voices.discover()
    await voices.publish_changes()
    reason = "its list of voices can't be published"
    assert published(tts) == [
        ("sound", None, VOICES, ("odd", "sound")),
        ("odd", reason, [], ("sound",)),
        ("sound", None, VOICES, ("sound",)),
    ]
