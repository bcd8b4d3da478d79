"""What is made known of providers."""

from pathlib import Path

import pytest
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.tts.usecases.voices import Voices
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.scene import PAGES, Scene, scene


def told(here: Scene) -> list[tuple[str, str | None, list[str], tuple[str, ...]]]:
    """Takes what was told since the last time: provider, why it can't be used, its voices, who has voices."""
    facts = [fact for fact in here.facts if isinstance(fact, VoicesDiscovered)]
    here.facts.clear()
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


async def test_every_provider_is_told_of_and_one_that_can_not_be_used_with_the_reason(tmp_path: Path) -> None:
    up, down = ScriptedEngine("up"), ScriptedEngine("down")
    down.fault = "set DOWN_API_KEY"
    here = await scene(tmp_path, [up, down])
    await here.voices.discover()
    assert told(here) == [("down", "set DOWN_API_KEY", [], ("up",)), ("up", None, VOICES, ("up",))]


async def test_only_what_changed_is_told_in_between(tmp_path: Path) -> None:
    one, other = ScriptedEngine("one"), ScriptedEngine("other")
    here = await scene(tmp_path, [one, other])
    await here.voices.discover()
    told(here)
    await here.voices.publish_changes()
    assert told(here) == []
    here.providers.get("one").voices.pop()
    await here.voices.publish_changes()
    assert told(here) == [("one", None, ["ann", "bob"], ("one", "other"))]
    other.fault = "out of order"
    await here.voices.publish_changes()
    assert told(here) == [("one", None, ["ann", "bob"], ("one",)), ("other", "out of order", [], ("one",))]


async def test_all_is_told_again_with_each_discovery(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.voices.discover()
    await here.voices.discover()
    assert told(here) == [("fake", None, VOICES, ("fake",))] * 2


async def test_what_could_not_be_told_is_told_the_next_time(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    tries = 0

    async def once_away(fact: Message) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError("no bus")
        here.facts.append(fact)

    voices = Voices(here.providers, once_away, PAGES)
    with pytest.raises(ConnectionError):
        await voices.discover()
    await voices.publish_changes()
    assert told(here) == [("fake", None, VOICES, ("fake",))]


async def test_what_can_not_be_made_known_of_one_provider_is_told_of_it_and_keeps_no_other_waiting(
    tmp_path: Path,
) -> None:
    here = await scene(tmp_path, [ScriptedEngine("odd"), ScriptedEngine("sound")])

    async def strict(fact: Message) -> None:
        assert isinstance(fact, VoicesDiscovered)
        if fact.provider.id == "odd" and fact.voices:
            "\ud800".encode()
        here.facts.append(fact)

    voices = Voices(here.providers, strict, PAGES)
    await voices.discover()
    await voices.publish_changes()
    reason = "what it tells of its voices can't be made known"
    assert told(here) == [
        ("sound", None, VOICES, ("odd", "sound")),
        ("odd", reason, [], ("sound",)),
        ("sound", None, VOICES, ("sound",)),
    ]
