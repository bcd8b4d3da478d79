"""The catalogue: registering, changing, listing and resolving voice models."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from voicearena.elo.v1.events_pb2 import VoiceModelRegistered

from services.elo.catalogue import convert
from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.domain import PARAMETERS, Provider, Query, VoiceModel, changed
from services.elo.catalogue.store import Filters
from services.elo.catalogue.usecases import Catalogue
from services.elo.domain import INSTALLATION, ModelKind, Visibility
from services.elo.quota import ARCHIVED_PER_ACTIVE
from services.elo.visibility import Approval
from services.runtime.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Unavailable,
    WrongState,
)
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_elo_store import MemoryEloStore
from tests.unit.elo.test_resolve import NOON, model

EVERYTHING = Filters(reader="dev_a")


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
    return Catalogue(database, MemoryEloStore(), Pages("a secret"), 5, Approval(True, ["dev_op"]), ["cartesia"])


@pytest.fixture
def discovery(database: MemoryDatabase) -> Discovery:
    return Discovery(database, MemoryEloStore(), ["cartesia"], 2)


@pytest.fixture
async def catalogue(empty: Catalogue, discovery: Discovery) -> Catalogue:
    """A catalogue with the voices en and de of espeak."""
    await discovery.record_provider("evt_a", provider("espeak"), [model(0, "en"), model(0, "de")], ["espeak"])
    return empty


def violations(error: InvalidInput) -> list[tuple[str, str]]:
    return [(violation.field, violation.description) for violation in error.violations]


async def test_announced_voices_become_models_of_the_installation_once(
    catalogue: Catalogue, database: MemoryDatabase, discovery: Discovery
) -> None:
    await discovery.record_provider("evt_a", provider("espeak"), [model(0, "never")], ["espeak"])
    await discovery.record_provider("evt_b", provider("espeak"), [model(0, "de"), model(0, "fr")], ["espeak"])
    models, _ = await catalogue.page(EVERYTHING, 0, "")
    assert [(m.voice_id, m.developer_id) for m in models] == [
        ("en", INSTALLATION),
        ("de", INSTALLATION),
        ("fr", INSTALLATION),
    ]
    messages = [convert.voice_model(m, awaits_approval=False) for m in models]
    assert database.published() == [VoiceModelRegistered(model=message) for message in messages]


async def test_the_catalogue_is_incomplete_until_every_announced_provider_is_reported(
    empty: Catalogue, discovery: Discovery
) -> None:
    with pytest.raises(Unavailable):
        await discovery.check_complete()
    await discovery.record_provider("evt_a", provider("espeak"), [model(0, "en")], ["espeak", "flite"])
    with pytest.raises(Unavailable):
        await discovery.check_complete()
    await discovery.record_provider(
        "evt_b", provider("flite"), [model(0, "slt", provider="flite")], ["espeak", "flite"]
    )
    await discovery.check_complete()


async def test_a_registered_model_belongs_to_the_caller_and_awaits_approval(
    catalogue: Catalogue, database: MemoryDatabase
) -> None:
    made = await catalogue.create(model(0, "en", active=False), "")
    assert (made.developer_id, made.active) == ("dev_a", True)
    assert (await catalogue.get(made.id)).name == "en"
    message = convert.voice_model(made, awaits_approval=True)
    assert database.published()[-1] == VoiceModelRegistered(model=message)
    assert (message.elo_rating, message.rating) == (1500, 1500)


async def test_a_repeated_request_returns_the_first_model(catalogue: Catalogue, database: MemoryDatabase) -> None:
    first = await catalogue.create(model(0, "en"), "request 1")
    events = len(database.published())
    again = await catalogue.create(model(0, "de"), "request 1")
    assert (again.id, again.voice_id) == (first.id, "en")
    assert len(database.published()) == events


async def test_an_equal_model_is_refused(catalogue: Catalogue) -> None:
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
async def test_an_invalid_model_is_refused_by_field(
    catalogue: Catalogue, database: MemoryDatabase, changed: dict[str, object], field: str
) -> None:
    before = len(database.published())
    with pytest.raises(InvalidInput) as raised:
        await catalogue.create(dataclasses.replace(model(0, "en"), **changed), "")  # type: ignore[arg-type]
    assert [name for name, _ in violations(raised.value)] == [field]
    assert len(database.published()) == before


@pytest.mark.parametrize("speed", [0.5, 2.0])
async def test_the_limits_of_speed_are_allowed(catalogue: Catalogue, speed: float) -> None:
    assert (await catalogue.create(dataclasses.replace(model(0, "en"), speed=speed), "")).speed == speed


@pytest.mark.parametrize(
    "language", ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1994", "abcdefgh-abcdefgh-abcdefgh-abcdefgh"[:35]]
)
async def test_a_language_tag_and_a_seed_are_stored(catalogue: Catalogue, language: str) -> None:
    wanted = dataclasses.replace(model(0, "en"), language=language, seed=2**32 - 1)
    made = await catalogue.create(wanted, "")
    assert (made.language, made.seed) == (language, 2**32 - 1)
    parameters = convert.voice_model(await catalogue.get(made.id), awaits_approval=False).config.parameters
    assert (parameters.language, parameters.seed, parameters.HasField("speed")) == (language, 2**32 - 1, False)


async def test_parameters_are_updated_one_by_one_or_together(catalogue: Catalogue) -> None:
    made = await catalogue.create(dataclasses.replace(model(0, "en"), speed=1.5, language="en", seed=7), "")
    wanted = dataclasses.replace(made, speed=None, language="en-GB", seed=None)
    updated = await catalogue.update(wanted, ["config.parameters.language"])
    assert (updated.speed, updated.language, updated.seed) == (1.5, "en-GB", 7)
    updated = await catalogue.update(wanted, ["config.parameters.seed"])
    assert (updated.speed, updated.language, updated.seed) == (1.5, "en-GB", None)
    updated = await catalogue.update(wanted, ["config.parameters"])
    assert updated.parameters() == {"language": "en-GB"}


async def test_the_error_about_an_unavailable_provider_says_how_to_enable_it(
    empty: Catalogue, discovery: Discovery
) -> None:
    announced = ["cartesia", "espeak"]
    off = provider("cartesia", reason="set CARTESIA_API_KEY", parameters=())
    await discovery.record_provider("evt_a", off, [], announced)
    await discovery.record_provider("evt_b", provider("espeak"), [model(0, "en")], announced)
    await discovery.check_complete()
    error = "cartesia can't be used: set CARTESIA_API_KEY"
    with pytest.raises(InvalidInput) as raised:
        await empty.resolve([Query("cartesia", "x"), Query("espeak", ""), Query("nobody", "")])
    assert violations(raised.value) == [
        ("models[0].provider", error),
        ("models[2].provider", "must be a provider in the catalogue: espeak"),
    ]
    with pytest.raises(InvalidInput) as raised:
        await empty.create(model(0, "x", provider="cartesia"), "")
    assert violations(raised.value) == [("provider", error)]


async def test_a_provider_that_becomes_unavailable_is_refused_until_it_is_available_again(
    empty: Catalogue, discovery: Discovery
) -> None:
    voices = [model(0, "sonic", provider="cartesia")]
    await discovery.record_provider("evt_a", provider("cartesia"), voices, ["cartesia"])
    own = await empty.create(model(0, "sonic", provider="cartesia"), "")
    await discovery.record_provider(
        "evt_b", provider("cartesia", minute=1, reason="set CARTESIA_API_KEY"), [], ["cartesia"]
    )
    for voice in ("sonic", ""):
        with pytest.raises(InvalidInput, match="set CARTESIA_API_KEY"):
            await empty.resolve([Query("cartesia", voice)])
    # Fields that do not concern the provider can still be changed.
    assert not (await empty.update(dataclasses.replace(own, active=False), ["active"])).active
    with pytest.raises(InvalidInput, match="set CARTESIA_API_KEY"):
        await empty.update(own, ["config"])
    await discovery.record_provider("evt_c", provider("cartesia", minute=2), voices, ["cartesia"])
    assert [m.voice_id for m, _ in await empty.resolve([Query("cartesia", "")])] == ["sonic"]


@pytest.mark.parametrize(
    ("taken", "accepted"),
    [(("speed",), "it takes speed"), ((), "it takes none"), (("speed", "seed"), "it takes speed, seed")],
)
async def test_a_parameter_that_the_provider_does_not_accept_is_refused_by_name(
    empty: Catalogue, taken: tuple[str, ...], accepted: str, discovery: Discovery
) -> None:
    await discovery.record_provider("evt_a", provider("espeak", parameters=taken), [model(0, "en")], ["espeak"])
    with pytest.raises(InvalidInput) as raised:
        await empty.create(dataclasses.replace(model(0, "en"), language="en"), "")
    expected = [("config.parameters.language", f"is not a parameter of espeak; {accepted}")]
    assert violations(raised.value) == expected
    made = await empty.create(model(0, "en"), "")
    with pytest.raises(InvalidInput) as raised:
        await empty.update(dataclasses.replace(made, language="en"), ["config.parameters.language"])
    assert violations(raised.value) == expected


async def test_an_update_changes_the_fields_in_its_mask(catalogue: Catalogue) -> None:
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


async def test_an_update_needs_a_valid_mask_an_existing_model_and_its_owner(catalogue: Catalogue) -> None:
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


async def test_queries_without_a_model_are_refused_with_the_available_choices(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput) as raised:
        await catalogue.resolve([Query("espeak", "en"), Query("espeak", "xx"), Query("nobody", "")])
    assert violations(raised.value) == [
        (
            "models[1].voice_id",
            "must be a voice of espeak in the catalogue (GET /api/v1/models?provider=espeak): en, de",
        ),
        ("models[2].provider", "must be a provider in the catalogue: espeak"),
    ]


async def test_a_resolved_model_has_the_length_of_its_longest_text(empty: Catalogue, discovery: Discovery) -> None:
    limits = (("eleven_v3", 3000), ("", 30_000))
    announced = dataclasses.replace(provider("elevenlabs"), max_text_characters=40_000, text_limits=limits)
    models = {"default": "", "old": "eleven_v2", "new": "eleven_v3_alpha"}
    drafts = [dataclasses.replace(model(0, v, provider="elevenlabs"), model_id=m) for v, m in models.items()]
    await discovery.record_provider("evt_a", announced, drafts, ["elevenlabs"])
    await discovery.record_provider("evt_b", provider("espeak"), [model(0, "en")], ["elevenlabs", "espeak"])
    found = await empty.resolve([*(Query("elevenlabs", voice) for voice in models), Query("espeak", "en")])
    assert [longest for _, longest in found] == [40_000, 30_000, 3000, 0]


async def test_queries_are_resolved_in_order_and_are_limited(catalogue: Catalogue) -> None:
    found = await catalogue.resolve([Query("espeak", "de"), Query("espeak", ""), Query("espeak", "de")])
    assert [m.voice_id for m, _ in found] == ["de", "en", "de"]
    with pytest.raises(InvalidInput, match="queries: must have at most 10 entries, got 11"):
        await catalogue.resolve([Query("espeak", "")] * 11)


async def test_pages_contain_each_model_once(catalogue: Catalogue) -> None:
    own = await catalogue.create(model(0, "en"), "")
    pages: list[list[VoiceModel]] = []
    token = ""
    while token or not pages:
        models, token = await catalogue.page(Filters(reader="dev_a", provider="espeak", active_only=True), 2, token)
        pages.append(list(models))
    assert [[m.voice_id for m in page] for page in pages] == [["en", "de"], ["en"]]
    assert [m.id for m in (await catalogue.page(Filters(reader="dev_a", developer_id="dev_a"), 0, ""))[0]] == [own.id]


def version(name: str) -> VoiceModel:
    return dataclasses.replace(model(0, "en"), version=name)


async def test_the_number_of_active_models_of_a_developer_is_limited(catalogue: Catalogue) -> None:
    made = [await catalogue.create(version(str(number)), "") for number in range(5)]
    with pytest.raises(QuotaExceeded, match="You have 5 active voice models, and the limit is 5") as refused:
        await catalogue.create(version("one more"), "")
    assert refused.value.metadata == {"limit": "5"}
    # Models of another developer do not count, and archiving one allows another.
    call_as("dev_b")
    await catalogue.create(model(0, "en"), "")
    call_as("dev_a")
    await catalogue.update(dataclasses.replace(made[0], active=False), ["active"])
    await catalogue.create(version("one more"), "")
    with pytest.raises(QuotaExceeded, match="You have 5 active"):
        await catalogue.update(dataclasses.replace(made[0], active=True), ["active"])
    # An active model can still be changed.
    await catalogue.update(dataclasses.replace(made[1], name="renamed", active=True), ["name", "active"])


async def test_a_repeated_request_needs_no_quota(catalogue: Catalogue) -> None:
    first = await catalogue.create(version("0"), "request 1")
    for number in range(1, 5):
        await catalogue.create(version(str(number)), "")
    assert (await catalogue.create(version("0"), "request 1")).id == first.id


async def test_the_number_of_archived_models_is_limited(catalogue: Catalogue) -> None:
    for number in range(5 * ARCHIVED_PER_ACTIVE):
        made = await catalogue.create(version(str(number)), "")
        await catalogue.update(dataclasses.replace(made, active=False), ["active"])
    with pytest.raises(
        QuotaExceeded, match="You have registered 50 voice models, including archived ones, and the limit is 50"
    ):
        await catalogue.create(version("one more"), "")


async def test_a_model_of_a_provider_that_costs_money_joins_the_arena_only_if_the_operator_named_the_provider(
    empty: Catalogue, discovery: Discovery
) -> None:
    announced = ["cartesia", "elevenlabs", "espeak"]
    local = dataclasses.replace(provider("espeak"), local=True)
    for number, each in enumerate((provider("cartesia"), provider("elevenlabs"), local)):
        await discovery.record_provider(f"evt_{number}", each, [model(0, "en", provider=each.id)], announced)
    for allowed in ("cartesia", "espeak"):
        joined = dataclasses.replace(model(0, "en", provider=allowed), arena=True)
        assert (await empty.create(joined, "")).arena is True
    refused = dataclasses.replace(model(0, "en", provider="elevenlabs"), arena=True)
    with pytest.raises(InvalidInput) as raised:
        await empty.create(refused, "")
    expected = [
        ("arena", "must be false: elevenlabs costs money and is not in ARENA_PROVIDERS, which the operator sets")
    ]
    assert violations(raised.value) == expected
    aside = await empty.create(model(0, "en", provider="elevenlabs"), "")
    with pytest.raises(InvalidInput) as raised:
        await empty.update(dataclasses.replace(aside, arena=True), ["arena"])
    assert violations(raised.value) == expected


async def test_a_recorded_model_needs_no_provider_and_is_never_resolved(catalogue: Catalogue) -> None:
    agent = dataclasses.replace(
        model(0, "", provider=""), name="Agent", kind=ModelKind.RECORDED, language="en", arena=True
    )
    made = await catalogue.create(agent, "")
    assert (made.kind, made.provider, made.spoken_language, made.arena) == (ModelKind.RECORDED, "", "en", True)
    with pytest.raises(AlreadyExists, match="recorded model with this name and version"):
        await catalogue.create(agent, "")
    assert (await catalogue.create(dataclasses.replace(agent, version="2"), "")).version == "2"
    with pytest.raises(InvalidInput, match=r"models\[0\]\.provider"):
        await catalogue.resolve([Query("", "")])


@pytest.mark.parametrize("field", ["version", "voice_id", "model_id", "speed", "language", "seed"])
def test_what_is_compared_stays_after_the_first_battle(field: str) -> None:
    fought = dataclasses.replace(model(1, "en", owner="dev_a"), first_battle_at=NOON)
    value = {"speed": 1.5, "seed": 7}.get(field, "de")
    with pytest.raises(WrongState, match="Register another voice model"):
        changed(fought, {field: value}, NOON)
    fresh = dataclasses.replace(fought, first_battle_at=None)
    assert getattr(changed(fresh, {field: value}, NOON), field) == value
    # The same value again is no change.
    assert changed(fought, {field: getattr(fought, field)}, NOON) == fought


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"name": "Another"}, None),
        ({"speed": 1.5}, None),
        ({"visibility": Visibility.PRIVATE}, NOON),
        ({"arena": True, "active": False, "cost_per_1000_characters": 1.0}, NOON),
    ],
)
def test_a_change_of_what_an_operator_has_seen_needs_another_approval(
    attributes: dict[str, object], kept: object
) -> None:
    approved = dataclasses.replace(model(1, "en", owner="dev_a"), approved_at=NOON)
    assert changed(approved, attributes, NOON).approved_at == kept


async def test_an_operator_approves_public_models_of_developers(catalogue: Catalogue) -> None:
    public = await catalogue.create(model(0, "en"), "")
    private = await catalogue.create(dataclasses.replace(model(0, "de"), visibility=Visibility.PRIVATE), "")
    with pytest.raises(PermissionDenied, match="OPERATORS"):
        await catalogue.approve(public.id)
    awaiting = Filters(reader="dev_op", awaiting_approval=True)
    call_as("dev_op")
    assert [m.id for m in (await catalogue.page(awaiting, 0, ""))[0]] == [public.id]
    assert (await catalogue.approve(public.id)).approved_at is not None
    assert (await catalogue.page(awaiting, 0, ""))[0] == []
    with pytest.raises(NotFound):
        await catalogue.approve(private.id)
    own = await catalogue.create(dataclasses.replace(model(0, "en"), visibility=Visibility.PRIVATE), "")
    with pytest.raises(WrongState, match="A private voice model needs no approval"):
        await catalogue.approve(own.id)


async def test_a_private_model_is_found_by_its_owner_only(catalogue: Catalogue) -> None:
    private = await catalogue.create(dataclasses.replace(model(0, "en"), visibility=Visibility.PRIVATE), "")
    assert (await catalogue.get(private.id)).id == private.id
    call_as("dev_b")
    for call in (
        catalogue.get(private.id),
        catalogue.update(dataclasses.replace(private, name="Mine now"), ["name"]),
    ):
        with pytest.raises(NotFound) as raised:
            await call
        assert raised.value.message == f"There is no voice model {private.id!r}"
    assert private.id not in [m.id for m in (await catalogue.page(Filters(reader="dev_b"), 0, ""))[0]]
