"""The catalogue adds the valid voices of an announcement, and does not wait for the others."""

from dataclasses import replace

import pytest
import structlog
from voicearena.tts.v1.events_pb2 import VoicesDiscovered
from voicearena.tts.v1.tts_pb2 import Provider, Voice

from services.elo.catalogue.consumers import dead_handler, handlers
from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.domain import Query
from services.elo.catalogue.store import Filters
from services.elo.catalogue.usecases import Catalogue
from services.elo.visibility import Approval
from services.runtime.bus import EventMetadata
from services.runtime.errors import InvalidInput, Unavailable
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_elo_store import MemoryEloStore
from tests.unit.elo.test_resolve import NOON, model


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase("elo")


@pytest.fixture
def catalogue(database: MemoryDatabase) -> Catalogue:
    set_caller(Caller(Identity("dev_a", frozenset()), "a token"))
    return Catalogue(database, MemoryEloStore(), Pages("a secret"), 5, Approval(False))


@pytest.fixture
def discovery(database: MemoryDatabase) -> Discovery:
    return Discovery(database, MemoryEloStore(), (), 6)


def discovered(*voices: Voice, provider: str = "acme") -> VoicesDiscovered:
    listed = Provider(id=provider, display_name="Acme", available=True)
    return VoicesDiscovered(provider=listed, voices=voices, told_providers=["acme", "espeak"])


def metadata(event_id: str) -> EventMetadata:
    return EventMetadata(event_id, 1, NOON, "")


@pytest.mark.parametrize("bad", ["", "a\0b", "a b", "x" * 201, "\u200b", "a\x1b[0m"])
async def test_a_voice_with_invalid_ids_is_left_out_and_the_others_are_added(
    catalogue: Catalogue, discovery: Discovery, bad: str
) -> None:
    event = discovered(
        Voice(voice_id=bad), Voice(voice_id="ok", model_id="m\0"), Voice(voice_id="ann", display_name="A\0n\x1b[2Jn")
    )
    with structlog.testing.capture_logs() as logs:
        await handlers(discovery)[VoicesDiscovered](event, metadata("evt_1"))
    models, _ = await catalogue.page(Filters(reader="dev_a"), 0, "")
    assert [(model.voice_id, model.name) for model in models] == [("ann", "Acme A n n")]
    assert [(line["event"], line["provider"], line["count"]) for line in logs] == [("voices were left out", "acme", 2)]


async def test_a_dead_event_makes_only_its_own_provider_unavailable(catalogue: Catalogue, discovery: Discovery) -> None:
    await handlers(discovery)[VoicesDiscovered](discovered(Voice(voice_id="en"), provider="espeak"), metadata("evt_1"))
    with pytest.raises(Unavailable):
        await discovery.check_complete()
    await dead_handler(discovery)(discovered(Voice(voice_id="ann")), metadata("evt_2"), "it broke")
    await discovery.check_complete()
    with pytest.raises(InvalidInput, match="acme can't be used: its voices could not be added to the catalogue"):
        await catalogue.create(model(0, "ann", provider="acme"), "")


async def test_a_model_speaks_the_language_of_its_parameter_or_the_first_valid_one_of_its_voice(
    catalogue: Catalogue, discovery: Discovery
) -> None:
    event = discovered(
        Voice(voice_id="ann", languages=["", "not a tag", "pt-BR", "en"]), Voice(voice_id="bob"), provider="espeak"
    )
    event.provider.parameters.append("language")
    await handlers(discovery)[VoicesDiscovered](event, metadata("evt_1"))
    queries = [Query("espeak", "ann"), Query("espeak", "bob")]
    assert [model.spoken_language for model, _ in await catalogue.resolve(queries)] == ["pt-BR", ""]
    await catalogue.create(replace(model(0, "ann"), language="de"), "")
    assert [model.spoken_language for model, _ in await catalogue.resolve(queries)] == ["de", ""]
