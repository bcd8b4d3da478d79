"""Voices are listed from each provider's API, page by page, within bounds, and kept when a list can't be had."""

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest
import structlog
from voicearena.mesh.v1.mesh_pb2 import ProcessStatus

from services.tts import facts, status
from services.tts.domain import FailureKind, SynthesisError, Voice
from services.tts.providers import registry, voice_list
from services.tts.providers.registry import Providers
from tests.fakes.engine import ScriptedEngine
from tests.fakes.speech_server import Temper, tone
from tests.unit.tts.hosted import CARTESIA, DEEPGRAM, ELEVENLABS, KEY, OPENAI, SMALLESTAI, Booth, Hosted

WITH_DEFAULTS = (CARTESIA, ELEVENLABS, SMALLESTAI, DEEPGRAM)


def listing(value: object) -> Temper:
    return Temper(200, "application/json", json.dumps(value).encode())


async def test_all_voices_are_listed_the_chosen_ones_first(booth: Booth) -> None:
    voices = await booth.engine.voices()
    tempers = list(booth.server.tempers)
    if booth.hosted is not OPENAI:
        tempers.sort(key=lambda temper: {"trickle": 0, "steady": 1}.get(temper, 2))
    assert [voice.voice_id for voice in voices] == [booth.hosted.voice(temper) for temper in tempers]
    provider, model = booth.engine.capabilities.id, booth.engine.capabilities.default_model
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
async def test_a_voice_has_its_name_and_languages(booth: Booth, name: str, languages: tuple[str, ...]) -> None:
    (steady,) = [v for v in await booth.engine.voices() if v.voice_id == booth.hosted.voice("steady")]
    assert (steady.display_name, steady.languages) == (name, languages)


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS], ids=str)
async def test_every_page_is_read(booth: Booth) -> None:
    booth.server.tempers = {f"v{number}": Temper() for number in range(250)}
    assert len(await booth.engine.voices()) == 250
    assert (booth.server.listings, booth.server.connections) == (3, 1)


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS], ids=str)
async def test_a_list_without_end_is_read_to_its_bound(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_list, "MAX_VOICES", 120)
    booth.server.tempers = {f"v{number}": Temper() for number in range(1000)}
    assert len(await booth.engine.voices()) == 120
    assert booth.server.listings == 2
    assert booth.engine.voices_left_out() == (
        "80 after the first 120, which are as many as are taken; all that is after page 2"
    )


@pytest.mark.parametrize(
    ("provider", "page"),
    [
        (CARTESIA, {"data": [{"id": "a", "name": "A"}], "has_more": True}),
        (ELEVENLABS, {"voices": [{"voice_id": "a", "name": "A"}], "has_more": True, "next_page_token": "after-0"}),
    ],
    ids=str,
)
async def test_a_list_that_goes_in_circles_is_left(booth: Booth, page: object) -> None:
    booth.server.tempers["a"] = Temper()
    booth.server.listing = listing(page)
    assert [voice.voice_id for voice in await booth.engine.voices()] == ["a"]
    assert booth.server.listings == 2


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
async def test_what_can_be_no_voice_is_left_out(
    booth: Booth, wrap: Callable[[list[object]], object], id_field: str
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
    booth.server.listing = listing(wrap([*odd, nested, {id_field: "good"}, {id_field: "good", "name": "twice"}]))
    ids = [voice.voice_id for voice in await booth.engine.voices()]
    assert ids[-1] == "good"
    assert set(ids) <= {"odd", "good"}
    assert ids.count("good") == 1
    # What each thing is that is no voice depends on how its provider's voices are read; all are counted.
    left_out = booth.engine.voices_left_out()
    assert "1 with an id that came before" in left_out
    assert sum(int(part.split()[0]) for part in left_out.split("; ")) == len(odd) + 2 - ids.count("odd")


def named(voice_id: object, **more: object) -> dict[str, object]:
    """Returns a voice as each of the providers has it in its list."""
    return {**dict.fromkeys(("id", "voice_id", "voiceId", "canonical_name"), voice_id), **more}


def listed(hosted: Hosted, items: list[dict[str, object]]) -> Temper:
    """Returns a provider's answer with these voices."""
    key = {"Cartesia": "data", "Deepgram": "tts"}.get(hosted.name, "voices")
    body = json.dumps({key: items, "has_more": False}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Temper(200, "application/json", body, piece_bytes=2**20)


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
async def test_a_name_is_cleaned_and_its_voice_offered(booth: Booth, name: object, shown: str) -> None:
    booth.server.listing = listed(booth.hosted, [named("good", name=name, displayName=name)])
    (voice,) = await booth.engine.voices()
    assert voice.display_name == shown
    assert booth.engine.voices_left_out() == ""


async def test_a_list_of_very_many_voices_is_cut_and_says_so(booth: Booth) -> None:
    booth.server.listing = listed(booth.hosted, [named(f"v{number}") for number in range(60_000)])
    assert len(await booth.engine.voices()) == 2000
    left_out = booth.engine.voices_left_out()
    assert left_out == "58,000 after the first 2,000, which are as many as are taken"


@pytest.mark.parametrize("provider", [ELEVENLABS], ids=str)
async def test_a_list_is_cut_to_the_bytes_that_one_event_takes(booth: Booth) -> None:
    booth.server.listing = listed(booth.hosted, [named(f"v{number}", name="名" * 100) for number in range(2000)])
    voices = await booth.engine.voices()
    event = facts.voices_discovered(booth.engine.capabilities, voices, ["elevenlabs"], None)
    assert 450_000 < event.ByteSize() < 600_000
    assert f"after the first {len(voices):,}, which" in booth.engine.voices_left_out()


async def test_voices_that_are_left_out_are_logged_once_and_told_in_the_status(booth: Booth) -> None:
    booth.server.listing = listed(booth.hosted, [named("good"), named("a\0b")])
    providers = Providers([booth.engine], 1)
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
        await providers.refresh()
    (said,) = logs
    left_out = "1 without an id of 1 to 100 characters that can be seen, and no blanks"
    assert (said["event"], said["left_out"]) == ("voices were left out", left_out)
    told = ProcessStatus()
    status.reporter(providers)(told)
    assert told.providers[0].voices_left_out == left_out


async def test_an_engine_that_breaks_or_hangs_keeps_no_other_from_being_used() -> None:
    class Broken(ScriptedEngine):
        async def voices(self) -> Sequence[Voice]:
            raise RuntimeError("a fault of the engine")

    class Hanging(ScriptedEngine):
        async def voices(self) -> Sequence[Voice]:
            await asyncio.Event().wait()
            raise AssertionError

    providers = Providers([Broken("broken"), Hanging("hanging"), ScriptedEngine("sound")], 1)
    async with asyncio.timeout(5):
        await providers.refresh(0.05)
    reasons = {provider.id: provider.unavailable_reason for provider in providers.all()}
    assert reasons == {
        "broken": "the voices of broken could not be read",
        "hanging": "hanging has not told its voices yet",
        "sound": None,
    }
    await providers.close()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"5", b"null", b"[" * 100_000, b'{"data": 5, "voices": 5, "tts": 5}']
)
async def test_a_list_that_can_not_be_read_says_so(booth: Booth, body: bytes) -> None:
    booth.server.listing = Temper(200, "application/json", body)
    with pytest.raises(SynthesisError) as caught:
        await booth.engine.voices()
    assert caught.value.kind is FailureKind.PROVIDER_UNAVAILABLE
    assert caught.value.message.startswith(f"{booth.hosted.name} ")


async def test_a_list_of_more_than_8_mib_is_left(booth: Booth) -> None:
    booth.server.listing = Temper(200, "application/json", b'["' + b"x" * (9 * 2**20) + b'"]', piece_bytes=2**20)
    with pytest.raises(SynthesisError, match="sent a list of more than 8 MiB"):
        await booth.engine.voices()


async def test_a_failing_list_keeps_the_voices_known_before_and_says_so(booth: Booth) -> None:
    providers = Providers([booth.engine], 1)
    await providers.refresh()
    (provider,) = providers.all()
    known = list(provider.voices)
    assert known
    booth.server.listing = booth.server.tempers["overloaded"]
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
    assert (provider.voices, provider.unavailable_reason) == (known, None)
    (said,) = logs
    assert said["event"] == "voices could not be listed; those known are kept"
    assert said["reason"].startswith(f"{booth.hosted.name} answered 503")


@pytest.mark.parametrize("provider", WITH_DEFAULTS, ids=str)
async def test_while_no_list_was_ever_had_the_default_voices_are_offered(booth: Booth) -> None:
    booth.server.listing = booth.server.tempers["failing"]
    providers = Providers([booth.engine], 1)
    await providers.refresh()
    (provider,) = providers.all()
    assert provider.unavailable_reason is None
    assert [voice.voice_id for voice in provider.voices] == [booth.hosted.voice(each) for each in ("trickle", "steady")]
    booth.server.listing = None
    await providers.refresh()
    assert len(provider.voices) == len(booth.server.tempers)


@pytest.mark.parametrize("provider", [OPENAI], ids=str)
async def test_without_default_voices_a_failing_list_is_why_it_can_not_be_used(booth: Booth) -> None:
    booth.server.listing = booth.server.tempers["failing"]
    providers = Providers([booth.engine], 1)
    await providers.refresh()
    assert providers.get("openai").unavailable_reason == "OpenAI answered 500: The server had an error"


async def test_a_key_that_is_not_taken_is_why_a_provider_can_not_be_used(provider: Hosted) -> None:
    async with provider.server(key=KEY).serving() as server:
        engine = provider.engine(server.base_url, "another-key")
        providers = Providers([engine], 1)
        await providers.refresh()
        reason = providers.all()[0].unavailable_reason
        await providers.close()
    assert reason == f"{provider.name} answered 401: it does not take the API key"


@pytest.mark.parametrize("provider", WITH_DEFAULTS, ids=str)
async def test_a_provider_without_a_key_is_not_asked(provider: Hosted) -> None:
    async with provider.server().serving() as server:
        providers = Providers([provider.engine(server.base_url, "")], 1)
        await providers.refresh()
        (listed,) = providers.all()
        assert listed.unavailable_reason == f"set {listed.id.upper()}_API_KEY"
        assert server.connections == 0
        with pytest.raises(SynthesisError, match=f"{listed.id} can't be used: set {listed.id.upper()}_API_KEY"):
            await providers.usable(listed.id)
        await providers.close()


@pytest.mark.parametrize("provider", [CARTESIA], ids=str)
async def test_a_list_that_hangs_is_given_up(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    providers = Providers([booth.engine], 1)
    # Over a connection that is open, so that the server has the request when it is given up.
    await providers.refresh()
    monkeypatch.setattr(registry, "VOICES_SECONDS", 0.3)
    booth.server.listing = Temper(hang_after_pieces=0)
    with structlog.testing.capture_logs() as logs:
        await providers.refresh()
    assert logs[0]["reason"] == "cartesia did not tell its voices within 0.3 s"
    async with asyncio.timeout(5):
        await booth.server.gone.wait()
    assert await booth.spoken("steady") == tone(1.0, 0.1)
