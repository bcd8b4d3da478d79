"""The catalogue: what registers, changes and resolves."""

import dataclasses
from collections.abc import Iterator

import pytest
from voicearena.elo.v1.events_pb2 import VoiceModelRegistered

from services.elo import convert
from services.elo.domain import INSTALLATION, Query, VoiceModel
from services.elo.usecases import Catalogue
from services.runtime.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied, Unavailable
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import PageTokens
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_elo_store import MemoryEloStore
from tests.unit.elo.test_resolve import model


def call_as(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "a token"))


@pytest.fixture(autouse=True)
def ada_calls() -> Iterator[None]:
    call_as("dev_a")
    yield
    set_caller(None)


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase("elo")


@pytest.fixture
def empty(database: MemoryDatabase) -> Catalogue:
    return Catalogue(database, MemoryEloStore(), PageTokens(b"a secret"))


@pytest.fixture
async def catalogue(empty: Catalogue) -> Catalogue:
    """A catalogue that knows the voices en and de of espeak."""
    await empty.learn("evt_a", "espeak", [model(0, "en"), model(0, "de")], ["espeak"])
    return empty


def faults(error: InvalidInput) -> list[tuple[str, str]]:
    return [(violation.field, violation.description) for violation in error.violations]


async def test_voices_that_are_told_become_the_installations_models_once(
    catalogue: Catalogue, database: MemoryDatabase
) -> None:
    await catalogue.learn("evt_a", "espeak", [model(0, "never")], ["espeak"])
    await catalogue.learn("evt_b", "espeak", [model(0, "de"), model(0, "fr")], ["espeak"])
    models, _ = await catalogue.page("", False, False, 0, "")
    assert [(m.voice_id, m.developer_id, m.rating) for m in models] == [
        ("en", INSTALLATION, 1500.0),
        ("de", INSTALLATION, 1500.0),
        ("fr", INSTALLATION, 1500.0),
    ]
    assert database.published() == [VoiceModelRegistered(model=convert.voice_model(m)) for m in models]


async def test_a_catalogue_is_not_filled_before_every_provider_that_was_told_of_is_known(empty: Catalogue) -> None:
    with pytest.raises(Unavailable):
        await empty.check_filled()
    await empty.learn("evt_a", "espeak", [model(0, "en")], ["espeak", "flite"])
    with pytest.raises(Unavailable):
        await empty.check_filled()
    await empty.learn("evt_b", "flite", [model(0, "slt", provider="flite")], ["espeak", "flite"])
    await empty.check_filled()


async def test_a_registered_model_is_the_callers_with_the_first_rating(
    catalogue: Catalogue, database: MemoryDatabase
) -> None:
    made = await catalogue.create(dataclasses.replace(model(0, "en", active=False), rating=9000.0), "")
    assert (made.developer_id, made.rating, made.active) == ("dev_a", 1500.0, True)
    assert (await catalogue.get(made.id)).name == "en"
    assert database.published()[-1] == VoiceModelRegistered(model=convert.voice_model(made))


async def test_the_same_request_again_returns_the_first_model(catalogue: Catalogue, database: MemoryDatabase) -> None:
    first = await catalogue.create(model(0, "en"), "request 1")
    events = len(database.published())
    again = await catalogue.create(model(0, "de"), "request 1")
    assert (again.id, again.voice_id) == (first.id, "en")
    assert len(database.published()) == events


async def test_the_same_model_again_is_refused(catalogue: Catalogue) -> None:
    await catalogue.create(model(0, "en"), "")
    with pytest.raises(AlreadyExists):
        await catalogue.create(model(0, "en"), "another request")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"provider": ""}, "provider"),
        ({"provider": "Two Words"}, "provider"),
        ({"provider": "nobody"}, "provider"),
        ({"version": "1" * 101}, "version"),
        ({"voice_id": ""}, "config.voice_id"),
        ({"voice_id": "xx"}, "config.voice_id"),
        ({"model_id": "m" * 201}, "config.model_id"),
        ({"speed": 0.49}, "config.parameters.speed"),
        ({"speed": 2.01}, "config.parameters.speed"),
        ({"speed": float("nan")}, "config.parameters.speed"),
    ],
)
async def test_a_model_that_can_not_be_is_refused_by_field(
    catalogue: Catalogue, database: MemoryDatabase, changed: dict[str, object], field: str
) -> None:
    before = len(database.published())
    with pytest.raises(InvalidInput) as raised:
        await catalogue.create(dataclasses.replace(model(0, "en"), **changed), "")  # type: ignore[arg-type]
    assert [name for name, _ in faults(raised.value)] == [field]
    assert len(database.published()) == before


@pytest.mark.parametrize("speed", [0.5, 2.0])
async def test_the_limits_of_speed_are_allowed(catalogue: Catalogue, speed: float) -> None:
    assert (await catalogue.create(dataclasses.replace(model(0, "en"), speed=speed), "")).speed == speed


async def test_an_update_changes_what_its_mask_names(catalogue: Catalogue) -> None:
    made = await catalogue.create(dataclasses.replace(model(0, "en"), speed=1.5), "")
    wanted = dataclasses.replace(made, name="new", version="2", voice_id="de", speed=None, active=False)
    updated = await catalogue.update(wanted, ["name", "config.voice_id"])
    assert (updated.name, updated.voice_id, updated.version, updated.speed, updated.active) == (
        "new",
        "de",
        "",
        1.5,
        True,
    )
    assert (await catalogue.update(wanted, ["config", "active"])).speed is None
    assert (await catalogue.get(made.id)).active is False


async def test_an_update_is_for_the_owner_of_what_there_is(catalogue: Catalogue) -> None:
    made = await catalogue.create(model(0, "en"), "")
    for mask in ([], ["rating"], ["name", "developer_id"]):
        with pytest.raises(InvalidInput, match="update_mask"):
            await catalogue.update(made, mask)
    with pytest.raises(NotFound):
        await catalogue.update(dataclasses.replace(made, id="mdl_" + "0" * 32), ["name"])
    with pytest.raises(InvalidInput, match=r"config\.voice_id"):
        await catalogue.update(dataclasses.replace(made, voice_id="xx"), ["config.voice_id"])
    call_as("dev_b")
    with pytest.raises(PermissionDenied):
        await catalogue.update(made, ["name"])


async def test_questions_that_mean_nothing_are_named_with_what_there_is(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput) as raised:
        await catalogue.resolve([Query("espeak", "en"), Query("espeak", "xx"), Query("nobody", "")])
    assert faults(raised.value) == [
        (
            "models[1].voice_id",
            "must be a voice of espeak in the catalogue (GET /api/v1/models?provider=espeak): en, de",
        ),
        ("models[2].provider", "must be a provider in the catalogue: espeak"),
    ]


async def test_questions_are_answered_in_their_order_and_are_not_too_many(catalogue: Catalogue) -> None:
    found = await catalogue.resolve([Query("espeak", "de"), Query("espeak", ""), Query("espeak", "de")])
    assert [m.voice_id for m in found] == ["de", "en", "de"]
    with pytest.raises(InvalidInput, match="queries: must be at most 10"):
        await catalogue.resolve([Query("espeak", "")] * 11)


async def test_pages_hold_all_models_once(catalogue: Catalogue) -> None:
    own = await catalogue.create(model(0, "en"), "")
    pages: list[list[VoiceModel]] = []
    token = ""
    while token or not pages:
        models, token = await catalogue.page("espeak", True, False, 2, token)
        pages.append(list(models))
    assert [[m.voice_id for m in page] for page in pages] == [["en", "de"], ["en"]]
    assert [m.id for m in (await catalogue.page("", False, True, 0, ""))[0]] == [own.id]
