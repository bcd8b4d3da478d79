"""The catalogue: what registers, changes and resolves."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from voicearena.elo.v1.events_pb2 import VoiceModelRegistered

from services.elo import convert
from services.elo.domain import INSTALLATION, PARAMETERS, Provider, Query, VoiceModel
from services.elo.usecases import ARCHIVED_PER_ACTIVE, Catalogue
from services.runtime.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied, QuotaExceeded, Unavailable
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_elo_store import MemoryEloStore
from tests.unit.elo.test_resolve import model


def provider(id_: str, *, minute: int = 0, reason: str = "", parameters: tuple[str, ...] = PARAMETERS) -> Provider:
    return Provider(id_, datetime(2026, 1, 1, 12, minute, tzinfo=UTC), reason, parameters)


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
    return Catalogue(database, MemoryEloStore(), Pages("a secret"), max_models=5)


@pytest.fixture
async def catalogue(empty: Catalogue) -> Catalogue:
    """A catalogue that knows the voices en and de of espeak."""
    await empty.learn("evt_a", provider("espeak"), [model(0, "en"), model(0, "de")], ["espeak"])
    return empty


def faults(error: InvalidInput) -> list[tuple[str, str]]:
    return [(violation.field, violation.description) for violation in error.violations]


async def test_voices_that_are_told_become_the_installations_models_once(
    catalogue: Catalogue, database: MemoryDatabase
) -> None:
    await catalogue.learn("evt_a", provider("espeak"), [model(0, "never")], ["espeak"])
    await catalogue.learn("evt_b", provider("espeak"), [model(0, "de"), model(0, "fr")], ["espeak"])
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
    await empty.learn("evt_a", provider("espeak"), [model(0, "en")], ["espeak", "flite"])
    with pytest.raises(Unavailable):
        await empty.check_filled()
    await empty.learn("evt_b", provider("flite"), [model(0, "slt", provider="flite")], ["espeak", "flite"])
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
        ({"language": "e"}, "config.parameters.language"),
        ({"language": "en_US"}, "config.parameters.language"),
        ({"language": "de-"}, "config.parameters.language"),
        ({"language": "en-" + "a" * 8 * 2}, "config.parameters.language"),
        ({"language": "en" + "-abcdefgh" * 4}, "config.parameters.language"),
        ({"language": "en\n"}, "config.parameters.language"),
        ({"seed": -1}, "config.parameters.seed"),
        ({"seed": 2**32}, "config.parameters.seed"),
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


@pytest.mark.parametrize(
    "language", ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1994", "abcdefgh-abcdefgh-abcdefgh-abcdefgh"[:35]]
)
async def test_what_has_the_shape_of_a_language_is_kept_with_the_seed(catalogue: Catalogue, language: str) -> None:
    wanted = dataclasses.replace(model(0, "en"), language=language, seed=2**32 - 1)
    made = await catalogue.create(wanted, "")
    assert (made.language, made.seed) == (language, 2**32 - 1)
    parameters = convert.voice_model(await catalogue.get(made.id)).config.parameters
    assert (parameters.language, parameters.seed, parameters.HasField("speed")) == (language, 2**32 - 1, False)


async def test_each_parameter_is_updated_by_itself_or_all_together(catalogue: Catalogue) -> None:
    made = await catalogue.create(dataclasses.replace(model(0, "en"), speed=1.5, language="en", seed=7), "")
    wanted = dataclasses.replace(made, speed=None, language="en-GB", seed=None)
    updated = await catalogue.update(wanted, ["config.parameters.language"])
    assert (updated.speed, updated.language, updated.seed) == (1.5, "en-GB", 7)
    updated = await catalogue.update(wanted, ["config.parameters.seed"])
    assert (updated.speed, updated.language, updated.seed) == (1.5, "en-GB", None)
    updated = await catalogue.update(wanted, ["config.parameters"])
    assert updated.parameters() == {"language": "en-GB"}


async def test_a_provider_that_can_not_be_used_is_named_with_what_would_enable_it(empty: Catalogue) -> None:
    told = ["cartesia", "espeak"]
    off = provider("cartesia", reason="set CARTESIA_API_KEY", parameters=())
    await empty.learn("evt_a", off, [], told)
    await empty.learn("evt_b", provider("espeak"), [model(0, "en")], told)
    await empty.check_filled()
    fault = "cartesia can't be used: set CARTESIA_API_KEY"
    with pytest.raises(InvalidInput) as raised:
        await empty.resolve([Query("cartesia", "x"), Query("espeak", ""), Query("nobody", "")])
    assert faults(raised.value) == [
        ("models[0].provider", fault),
        ("models[2].provider", "must be a provider in the catalogue: espeak"),
    ]
    with pytest.raises(InvalidInput) as raised:
        await empty.create(model(0, "x", provider="cartesia"), "")
    assert faults(raised.value) == [("provider", fault)]


async def test_it_is_refused_although_it_could_be_used_before_and_taken_when_it_can_be_again(empty: Catalogue) -> None:
    voices = [model(0, "sonic", provider="cartesia")]
    await empty.learn("evt_a", provider("cartesia"), voices, ["cartesia"])
    own = await empty.create(model(0, "sonic", provider="cartesia"), "")
    await empty.learn("evt_b", provider("cartesia", minute=1, reason="set CARTESIA_API_KEY"), [], ["cartesia"])
    for voice in ("sonic", ""):
        with pytest.raises(InvalidInput, match="set CARTESIA_API_KEY"):
            await empty.resolve([Query("cartesia", voice)])
    # What is not about the provider can be changed all the same.
    assert not (await empty.update(dataclasses.replace(own, active=False), ["active"])).active
    with pytest.raises(InvalidInput, match="set CARTESIA_API_KEY"):
        await empty.update(own, ["config"])
    await empty.learn("evt_c", provider("cartesia", minute=2), voices, ["cartesia"])
    assert [m.voice_id for m, _ in await empty.resolve([Query("cartesia", "")])] == ["sonic"]


@pytest.mark.parametrize(
    ("taken", "words"),
    [(("speed",), "it takes speed"), ((), "it takes none"), (("speed", "seed"), "it takes speed, seed")],
)
async def test_a_parameter_that_the_provider_does_not_take_is_refused_by_name(
    empty: Catalogue, taken: tuple[str, ...], words: str
) -> None:
    await empty.learn("evt_a", provider("espeak", parameters=taken), [model(0, "en")], ["espeak"])
    with pytest.raises(InvalidInput) as raised:
        await empty.create(dataclasses.replace(model(0, "en"), language="en"), "")
    expected = [("config.parameters.language", f"is not a parameter of espeak; {words}")]
    assert faults(raised.value) == expected
    made = await empty.create(model(0, "en"), "")
    with pytest.raises(InvalidInput) as raised:
        await empty.update(dataclasses.replace(made, language="en"), ["config.parameters.language"])
    assert faults(raised.value) == expected


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


async def test_the_longest_text_of_a_model_is_told_with_it(empty: Catalogue) -> None:
    limits = (("eleven_v3", 3000), ("", 30_000))
    told = dataclasses.replace(provider("elevenlabs"), max_text_characters=40_000, text_limits=limits)
    models = {"default": "", "old": "eleven_v2", "new": "eleven_v3_alpha"}
    drafts = [dataclasses.replace(model(0, v, provider="elevenlabs"), model_id=m) for v, m in models.items()]
    await empty.learn("evt_a", told, drafts, ["elevenlabs"])
    await empty.learn("evt_b", provider("espeak"), [model(0, "en")], ["elevenlabs", "espeak"])
    found = await empty.resolve([*(Query("elevenlabs", voice) for voice in models), Query("espeak", "en")])
    assert [longest for _, longest in found] == [40_000, 30_000, 3000, 0]


async def test_questions_are_answered_in_their_order_and_are_not_too_many(catalogue: Catalogue) -> None:
    found = await catalogue.resolve([Query("espeak", "de"), Query("espeak", ""), Query("espeak", "de")])
    assert [m.voice_id for m, _ in found] == ["de", "en", "de"]
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


def version(name: str) -> VoiceModel:
    return dataclasses.replace(model(0, "en"), version=name)


async def test_a_developer_has_so_many_active_models(catalogue: Catalogue) -> None:
    made = [await catalogue.create(version(str(number)), "") for number in range(5)]
    with pytest.raises(QuotaExceeded, match="you have 5 active voice models, and there may be 5 at a time") as refused:
        await catalogue.create(version("one more"), "")
    assert refused.value.metadata == {"limit": "5"}
    # Another developer's don't count, and archiving one makes room.
    call_as("dev_b")
    await catalogue.create(model(0, "en"), "")
    call_as("dev_a")
    await catalogue.update(dataclasses.replace(made[0], active=False), ["active"])
    await catalogue.create(version("one more"), "")
    with pytest.raises(QuotaExceeded, match="you have 5 active"):
        await catalogue.update(dataclasses.replace(made[0], active=True), ["active"])
    # What is active may be changed all the same.
    await catalogue.update(dataclasses.replace(made[1], name="renamed", active=True), ["name", "active"])


async def test_a_request_that_is_repeated_needs_no_room(catalogue: Catalogue) -> None:
    first = await catalogue.create(version("0"), "request 1")
    for number in range(1, 5):
        await catalogue.create(version(str(number)), "")
    assert (await catalogue.create(version("0"), "request 1")).id == first.id


async def test_archived_models_are_not_kept_without_end(catalogue: Catalogue) -> None:
    for number in range(5 * ARCHIVED_PER_ACTIVE):
        made = await catalogue.create(version(str(number)), "")
        await catalogue.update(dataclasses.replace(made, active=False), ["active"])
    with pytest.raises(QuotaExceeded, match="you have registered 50 voice models, and 50 are kept, archived ones too"):
        await catalogue.create(version("one more"), "")
