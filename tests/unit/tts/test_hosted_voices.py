"""Voices are listed page by page from each provider, within limits, and stay if listing fails."""

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest
import structlog
from voicearena.mesh.v1.mesh_pb2 import ProcessStatus

from services.tts import facts, status
from services.tts.domain import FailureKind, SynthesisError, Voice
from services.tts.providers import registry, voice_list
from services.tts.providers.registry import ProviderRegistry
from tests.fakes.engine import ScriptedEngine
from tests.fakes.speech_server import Behaviour, tone
from tests.unit.tts.hosted import CARTESIA, DEEPGRAM, ELEVENLABS, KEY, OPENAI, SMALLESTAI, HostedCase, HostedSetup

WITH_DEFAULTS = (CARTESIA, ELEVENLABS, SMALLESTAI, DEEPGRAM)


def listing(value: object) -> Behaviour:
    return Behaviour(200, "application/json", json.dumps(value).encode())


async def test_all_voices_are_listed_with_the_configured_ones_first(setup: HostedSetup) -> None:
    voices = await setup.engine.voices()
    behaviours = list(setup.server.behaviours)
    if setup.hosted is not OPENAI:
        behaviours.sort(key=lambda behaviour: {"trickle": 0, "steady": 1}.get(behaviour, 2))
    assert [voice.voice_id for voice in voices] == [setup.hosted.voice(behaviour) for behaviour in behaviours]
    provider, model = setup.engine.capabilities.id, setup.engine.capabilities.default_model
    assert {(voice.provider, voice.model_id, voice.sample_rate_hz) for voice in voices} == {(provider, model, 24000)}


@pytest.mark.parametrize(
    ("provider", "name", "languages"),
    [
        (CARTESIA, "Steady", ("en-US", "en")),
        (ELEVENLABS, "Steady", ("en",)),
        (SMALLESTAI, "Steady", ("en", "hi")),
        (DEEPGRAM, "Steady", ("en", "en-US")),
        (OPENAI, "Steady", ()),
    ],
    ids=str,
)
async def test_a_voice_has_its_name_and_languages(setup: HostedSetup, name: str, languages: tuple[str, ...]) -> None:
    (steady,) = [v for v in await setup.engine.voices() if v.voice_id == setup.hosted.voice("steady")]
    assert (steady.display_name, steady.languages) == (name, languages)


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS], ids=str)
async def test_every_page_is_read(setup: HostedSetup) -> None:
    setup.server.behaviours = {f"v{number}": Behaviour() for number in range(250)}
    assert len(await setup.engine.voices()) == 250
    assert (setup.server.listings, setup.server.connections) == (3, 1)


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS], ids=str)
async def test_an_endless_list_is_read_up_to_the_limit(setup: HostedSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_list, "MAX_VOICES", 120)
    setup.server.behaviours = {f"v{number}": Behaviour() for number in range(1000)}
    assert len(await setup.engine.voices()) == 120
    assert setup.server.listings == 2
    assert setup.engine.voices_left_out() == ("80 after the first 120, which is the limit; all after page 2")


@pytest.mark.parametrize(
    ("provider", "page"),
    [
        (CARTESIA, {"data": [{"id": "a", "name": "A"}], "has_more": True}),
        (ELEVENLABS, {"voices": [{"voice_id": "a", "name": "A"}], "has_more": True, "next_page_token": "after-0"}),
    ],
    ids=str,
)
async def test_a_list_whose_pages_repeat_is_not_read_further(setup: HostedSetup, page: object) -> None:
    setup.server.behaviours["a"] = Behaviour()
    setup.server.listing = listing(page)
    assert [voice.voice_id for voice in await setup.engine.voices()] == ["a"]
    assert setup.server.listings == 2


@pytest.mark.parametrize(
    ("provider", "wrap", "id_field"),
    [
        (CARTESIA, lambda items: {"data": items, "has_more": False}, "id"),
        (ELEVENLABS, lambda items: {"voices": items, "has_more": False}, "voice_id"),
        (SMALLESTAI, lambda items: {"voices": items}, "voiceId"),
        (DEEPGRAM, lambda items: {"tts": items}, "canonical_name"),
        (OPENAI, lambda items: {"voices": items}, "id"),
    ],
    ids=str,
)
async def test_unusable_items_of_a_list_are_left_out(
    setup: HostedSetup, wrap: Callable[[list[object]], object], id_field: str
) -> None:
    bad_ids = [5, "", "x" * 10_000, "a b", "a\nb", "a\0b", "a\ud800", "\u200ba", "a\u202eb", {"id": "a"}, ["a"]]
    odd = [{}, 5, None, [], *({id_field: bad} for bad in bad_ids)]
    nested = {
        id_field: "odd",
        "name": 5,
        "labels": [],
        "tags": 7,
        "locales": 9,
        "languages": 3,
        "verified_languages": 1,
    }
    setup.server.listing = listing(wrap([*odd, nested, {id_field: "good"}, {id_field: "good", "name": "twice"}]))
    ids = [voice.voice_id for voice in await setup.engine.voices()]
    assert ids[-1] == "good"
    assert set(ids) <= {"odd", "good"}
    assert ids.count("good") == 1
    # The reason depends on how each provider's voices are read, but every item is counted.
    left_out = setup.engine.voices_left_out()
    assert "1 with a repeated id" in left_out
    assert sum(int(part.split()[0]) for part in left_out.split("; ")) == len(odd) + 2 - ids.count("odd")


def named(voice_id: object, **more: object) -> dict[str, object]:
    """Returns an item of a list of voices that every provider's engine can read."""
    return {**dict.fromkeys(("id", "voice_id", "voiceId", "canonical_name"), voice_id), **more}


def listed(hosted: HostedCase, items: list[dict[str, object]]) -> Behaviour:
    """Returns a provider's response with these voices."""
    key = {"Cartesia": "data", "Deepgram": "tts"}.get(hosted.name, "voices")
    body = json.dumps({key: items, "has_more": False}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Behaviour(200, "application/json", body, piece_bytes=2**20)


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS, SMALLESTAI], ids=str)
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada\0 Lovelace", "Ada Lovelace"),
        ("\x1b[31mRed\x1b[0m\r\n", "Red"),
        ("\ud800half", "half"),
        ("\u202eeviL", "eviL"),
        ("x" * 10_000, "x" * 99 + "…"),
        ("\0\u200b", "good"),
        (7, "good"),
    ],
)
async def test_a_voice_with_control_characters_in_its_name_is_offered_with_a_clean_name(
    setup: HostedSetup, name: object, shown: str
) -> None:
    setup.server.listing = listed(setup.hosted, [named("good", name=name, displayName=name)])
    (voice,) = await setup.engine.voices()
    assert voice.display_name == shown
    assert setup.engine.voices_left_out() == ""


async def test_a_very_long_list_is_cut_and_the_rest_counted(setup: HostedSetup) -> None:
    setup.server.listing = listed(setup.hosted, [named(f"v{number}") for number in range(60_000)])
    assert len(await setup.engine.voices()) == 2000
    left_out = setup.engine.voices_left_out()
    assert left_out == "58,000 after the first 2,000, which is the limit"


@pytest.mark.parametrize("provider", [ELEVENLABS], ids=str)
async def test_a_list_is_cut_to_the_maximum_size_of_an_event(setup: HostedSetup) -> None:
    setup.server.listing = listed(setup.hosted, [named(f"v{number}", name="名" * 100) for number in range(2000)])
    voices = await setup.engine.voices()
    event = facts.voices_discovered(setup.engine.capabilities, voices, ["elevenlabs"], None)
    assert 450_000 < event.ByteSize() < 600_000
    assert f"after the first {len(voices):,}, which" in setup.engine.voices_left_out()


async def test_voices_that_are_left_out_are_logged_once_and_in_the_status(setup: HostedSetup) -> None:
    setup.server.listing = listed(setup.hosted, [named("good"), named("a\0b")])
    providers = ProviderRegistry([setup.engine], 1)
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
        await providers.refresh()
    (line,) = logs
    left_out = "1 without an id of 1 to 100 visible characters without spaces"
    assert (line["event"], line["left_out"]) == ("voices were left out", left_out)
    found = ProcessStatus()
    status.reporter(providers)(found)
    assert found.providers[0].voices_left_out == left_out


async def test_an_engine_that_fails_or_hangs_does_not_block_the_others() -> None:
    class Broken(ScriptedEngine):
        async def voices(self) -> Sequence[Voice]:
            raise RuntimeError("a fault of the engine")

    class Hanging(ScriptedEngine):
        async def voices(self) -> Sequence[Voice]:
            await asyncio.Event().wait()
            raise AssertionError

    providers = ProviderRegistry([Broken("broken"), Hanging("hanging"), ScriptedEngine("sound")], 1)
    async with asyncio.timeout(5):
        await providers.refresh(0.05)
    reasons = {provider.id: provider.unavailable_reason for provider in providers.all()}
    assert reasons == {
        "broken": "the voices of broken could not be read",
        "hanging": "hanging has not listed its voices yet",
        "sound": None,
    }
    await providers.close()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"5", b"null", b"[" * 100_000, b'{"data": 5, "voices": 5, "tts": 5}']
)
async def test_an_unreadable_list_is_an_error_of_the_provider(setup: HostedSetup, body: bytes) -> None:
    setup.server.listing = Behaviour(200, "application/json", body)
    with pytest.raises(SynthesisError) as caught:
        await setup.engine.voices()
    assert caught.value.kind is FailureKind.PROVIDER_UNAVAILABLE
    assert caught.value.message.startswith(f"{setup.hosted.name} ")


async def test_a_list_of_more_than_8_mib_is_refused(setup: HostedSetup) -> None:
    setup.server.listing = Behaviour(200, "application/json", b'["' + b"x" * (9 * 2**20) + b'"]', piece_bytes=2**20)
    with pytest.raises(SynthesisError, match="sent a list of more than 8 MiB"):
        await setup.engine.voices()


async def test_the_known_voices_stay_when_listing_fails(setup: HostedSetup) -> None:
    providers = ProviderRegistry([setup.engine], 1)
    await providers.refresh()
    (provider,) = providers.all()
    known = list(provider.voices)
    assert known
    setup.server.listing = setup.server.behaviours["overloaded"]
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
    assert (provider.voices, provider.unavailable_reason) == (known, None)
    (line,) = logs
    assert line["event"] == "voices could not be listed; the known voices are kept"
    assert line["reason"].startswith(f"{setup.hosted.name} returned HTTP 503")


@pytest.mark.parametrize("provider", WITH_DEFAULTS, ids=str)
async def test_the_default_voices_are_offered_until_the_first_list(setup: HostedSetup) -> None:
    setup.server.listing = setup.server.behaviours["failing"]
    providers = ProviderRegistry([setup.engine], 1)
    await providers.refresh()
    (provider,) = providers.all()
    assert provider.unavailable_reason is None
    assert [voice.voice_id for voice in provider.voices] == [setup.hosted.voice(each) for each in ("trickle", "steady")]
    setup.server.listing = None
    await providers.refresh()
    assert len(provider.voices) == len(setup.server.behaviours)


@pytest.mark.parametrize("provider", [OPENAI], ids=str)
async def test_a_provider_without_voices_is_unavailable_when_listing_fails(setup: HostedSetup) -> None:
    setup.server.listing = setup.server.behaviours["failing"]
    providers = ProviderRegistry([setup.engine], 1)
    await providers.refresh()
    assert providers.get("openai").unavailable_reason == "OpenAI returned HTTP 500: The server had an error"


async def test_a_provider_that_rejects_the_key_is_unavailable(provider: HostedCase) -> None:
    async with provider.server(key=KEY).serving() as server:
        engine = provider.engine(server.base_url, "another-key")
        providers = ProviderRegistry([engine], 1)
        await providers.refresh()
        reason = providers.all()[0].unavailable_reason
        await providers.close()
    assert reason == f"{provider.name} returned HTTP 401: it rejected the API key"


@pytest.mark.parametrize("provider", WITH_DEFAULTS, ids=str)
async def test_a_provider_without_a_key_gets_no_request(provider: HostedCase) -> None:
    async with provider.server().serving() as server:
        providers = ProviderRegistry([provider.engine(server.base_url, "")], 1)
        await providers.refresh()
        (listed,) = providers.all()
        assert listed.unavailable_reason == f"set {listed.id.upper()}_API_KEY"
        assert server.connections == 0
        with pytest.raises(SynthesisError, match=f"{listed.id} can't be used: set {listed.id.upper()}_API_KEY"):
            await providers.usable(listed.id)
        await providers.close()


@pytest.mark.parametrize("provider", [CARTESIA], ids=str)
async def test_a_list_that_hangs_times_out(setup: HostedSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    providers = ProviderRegistry([setup.engine], 1)
    # The first refresh opens the connection, so that the server has received the second request when it times out.
    await providers.refresh()
    monkeypatch.setattr(registry, "VOICES_TIMEOUT_SECONDS", 0.3)
    setup.server.listing = Behaviour(hang_after_pieces=0)
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
    assert logs[0]["reason"] == "cartesia did not list its voices within 0.3 s"
    async with asyncio.timeout(5):
        await setup.server.gone.wait()
    assert await setup.spoken("steady") == tone(1.0, 0.1)
