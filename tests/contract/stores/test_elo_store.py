"""The suite for the stores of the elo service."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.catalogue.store import Filters, SqlStore, Store
from services.elo.domain import INSTALLATION, ModelKind, Visibility
from services.elo.quota import Counts
from services.elo.visibility import Approval
from services.runtime.db import Database
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_elo_store import MemoryEloStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def service() -> str:
    return "elo"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryEloStore() if isinstance(database, MemoryDatabase) else SqlStore()


def model(
    id_: str, *, voice: str = "", owner: str = INSTALLATION, provider: str = "espeak", **values: object
) -> VoiceModel:
    plain = VoiceModel(
        id=id_,
        developer_id=owner,
        name=f"the {id_}",
        provider=provider,
        version="1",
        voice_id=voice or id_,
        model_id="",
        speed=None,
        active=True,
        created_at=NOON,
        updated_at=NOON,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


async def add(database: Database, store: Store, *models: VoiceModel) -> list[VoiceModel]:
    """Adds models and returns them as stored."""
    async with database.transaction() as connection:
        for one in models:
            assert await store.add(connection, one, "")
        return [found for one in models if (found := await store.get(connection, one.id))]


async def test_a_stored_model_is_read_back_completely(database: Database, store: Store) -> None:
    given = model(
        "mdl_a",
        owner="dev_a",
        speed=1.25,
        language="pt-BR",
        seed=2**32 - 1,
        model_id="large",
        visibility=Visibility.PRIVATE,
        arena=True,
        cost_per_1000_characters=0.25,
        approved_at=NOON,
        active=False,
    )
    (found,) = await add(database, store, given)
    assert found == dataclasses.replace(given, seq=found.seq)
    assert found.seq > 0
    async with database.reading() as connection:
        assert await store.get(connection, "mdl_b") is None


async def test_an_owner_can_add_an_equal_model_only_once(database: Database, store: Store) -> None:
    await add(database, store, model("mdl_a", voice="en"))
    async with database.transaction() as connection:
        assert not await store.add(connection, model("mdl_b", voice="en"), "")
        assert await store.add(connection, model("mdl_c", voice="en", version="2"), "")
        assert await store.add(connection, model("mdl_d", voice="en", model_id="large"), "")
        assert await store.add(connection, model("mdl_e", voice="en", owner="dev_a"), "")
        assert await store.add(connection, model("mdl_f", voice="en", provider="flite"), "")
        assert await store.get(connection, "mdl_b") is None


async def test_equal_recorded_models_have_the_same_name_and_version(database: Database, store: Store) -> None:
    def recorded(id_: str, **values: object) -> VoiceModel:
        plain = {"kind": ModelKind.RECORDED, "provider": "", "name": "Agent", "owner": "dev_a"}
        return dataclasses.replace(model(id_, **{**plain, **values}), voice_id="")  # type: ignore[arg-type]

    await add(database, store, recorded("mdl_a"), model("mdl_voice", name="Agent", owner="dev_a"))
    async with database.transaction() as connection:
        assert not await store.add(connection, recorded("mdl_b"), "")
        assert await store.add(connection, recorded("mdl_c", version="2"), "")
        assert await store.add(connection, recorded("mdl_d", name="Other"), "")
        assert await store.add(connection, recorded("mdl_e", owner="dev_b"), "")
        other = await store.get(connection, "mdl_d")
        assert other is not None
        assert not await store.update(connection, dataclasses.replace(other, name="Agent"))
        assert await store.candidates(connection, {""}, "dev_a") == []


async def test_a_request_id_creates_one_model_per_developer(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        assert await store.add(connection, model("mdl_a", owner="dev_a"), "request 1", b"fingerprint")
        assert not await store.add(connection, model("mdl_b", owner="dev_a"), "request 1")
        assert await store.add(connection, model("mdl_c", owner="dev_b"), "request 1")
    async with database.reading() as connection:
        found = await store.find_request(connection, "dev_a", "request 1")
        assert found is not None
        assert (found.result.id, found.fingerprint, found.at) == ("mdl_a", b"fingerprint", found.result.created_at)
        assert await store.find_request(connection, "dev_a", "request 2") is None


async def test_pages_follow_the_order_of_registration(database: Database, store: Store) -> None:
    a, b, c, d = await add(
        database,
        store,
        model("mdl_z"),
        model("mdl_y", active=False),
        model("mdl_x", owner="dev_a"),
        model("mdl_w", provider="flite"),
    )

    async def page(
        *, provider: str = "", active: bool = False, owner: str = "", after: int = 0, limit: int = 9
    ) -> object:
        async with database.reading() as connection:
            filters = Filters(reader="", provider=provider, active_only=active, developer_id=owner)
            return await store.page(connection, filters, Approval(True), after=after, limit=limit)

    assert await page() == [a, b, c, d]
    assert await page(limit=2) == [a, b]
    assert await page(after=b.seq) == [c, d]
    assert await page(provider="flite") == [d]
    assert await page(active=True) == [a, c, d]
    assert await page(owner="dev_a") == [c]
    assert await page(after=d.seq) == []


async def test_candidates_are_active_models_of_the_installation_or_the_developer(
    database: Database, store: Store
) -> None:
    a, b, *_ = await add(
        database,
        store,
        model("mdl_a"),
        model("mdl_b", owner="dev_a"),
        model("mdl_c", owner="dev_b"),
        model("mdl_d", active=False),
        model("mdl_e", provider="flite"),
    )
    async with database.reading() as connection:
        assert await store.candidates(connection, {"espeak"}, "dev_a") == [a, b]
        assert await store.candidates(connection, {"nobody"}, "dev_a") == []
        assert await store.candidates(connection, set(), "dev_a") == []


async def test_an_update_writes_every_field_except_owner_creation_time_and_position(
    database: Database, store: Store
) -> None:
    (stored,) = await add(database, store, model("mdl_a", owner="dev_a", speed=1.25))
    later = NOON + timedelta(minutes=1)
    changed = dataclasses.replace(
        stored,
        name="new",
        version="2",
        voice_id="de",
        model_id="small",
        speed=None,
        visibility=Visibility.PRIVATE,
        arena=True,
        cost_per_1000_characters=0.5,
        approved_at=later,
        active=False,
        updated_at=later,
        developer_id="dev_a",
    )
    async with database.transaction() as connection:
        locked = await store.get(connection, stored.id, lock=True)
        assert locked == stored
        assert await store.update(connection, changed)
    async with database.reading() as connection:
        assert await store.get(connection, stored.id) == changed


async def test_an_update_can_not_make_a_model_equal_to_another_of_its_owner(database: Database, store: Store) -> None:
    en, de, _ = await add(
        database,
        store,
        model("mdl_a", voice="en", owner="dev_a"),
        model("mdl_b", voice="de", owner="dev_a"),
        model("mdl_c", voice="fr", owner="dev_b"),
    )
    async with database.transaction() as connection:
        assert not await store.update(connection, dataclasses.replace(de, voice_id="en"))
        assert await store.get(connection, de.id) == de
        assert await store.update(connection, dataclasses.replace(de, voice_id="fr"))
        assert not await store.update(connection, dataclasses.replace(en, id="mdl_unknown", voice_id="it"))


async def test_voices_recorded_twice_are_known_once(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        await store.record_voices(connection, "flite", {"slt": "en-US"})
        await store.record_voices(connection, "espeak", {"en": "en", "de": "de"})
        await store.record_voices(connection, "espeak", {"de": "de", "fr": "fr"})
        await store.record_voices(connection, "silent", {})
    async with database.reading() as connection:
        assert await store.knows_voice(connection, "espeak", "fr")
        assert not await store.knows_voice(connection, "flite", "fr")
        assert not await store.knows_voice(connection, "silent", "fr")


async def test_models_have_the_latest_language_of_their_voice(database: Database, store: Store) -> None:
    models = (model("mdl_a", voice="en"), model("mdl_b", voice="de"), model("mdl_c", voice="unheard"))
    added = await add(database, store, *models)
    async with database.transaction() as connection:
        await store.record_voices(connection, "espeak", {"en": "", "de": "de"})
        await store.record_voices(connection, "espeak", {"en": "en-GB"})
    async with database.reading() as connection:
        found = await store.candidates(connection, {"espeak"}, "")
        assert await store.get(connection, "mdl_a") == dataclasses.replace(added[0], voice_language="en-GB")
    assert [(model.voice_id, model.voice_language) for model in found] == [
        ("en", "en-GB"),
        ("de", "de"),
        ("unheard", ""),
    ]


async def test_the_latest_report_about_a_provider_is_stored_in_any_order(database: Database, store: Store) -> None:
    early, late = NOON, NOON + timedelta(minutes=1)
    off = Provider("cartesia", late, "set CARTESIA_API_KEY", ())
    async with database.transaction() as connection:
        await store.record_provider(connection, Provider("flite", early))
        flite = Provider("flite", late, parameters=("speed",), max_text_characters=90, text_limits=(("v", 9), ("", 8)))
        await store.record_provider(connection, flite)
        await store.record_provider(connection, off)
        await store.record_provider(connection, Provider("cartesia", early))
    async with database.reading() as connection:
        assert await store.providers(connection) == [off, flite]


async def test_models_are_counted_by_owner_and_archived_ones_are_not_active(database: Database, store: Store) -> None:
    a, _, _ = await add(
        database,
        store,
        model("mdl_a", voice="a", owner="dev_a"),
        model("mdl_b", voice="b", owner="dev_a"),
        model("mdl_c", voice="c", owner="dev_b"),
    )
    async with database.transaction() as connection:
        assert await store.update(connection, dataclasses.replace(a, active=False))
        assert await store.count(connection, "dev_a") == Counts(active=1, registered=2)
        assert await store.count(connection, "dev_c") == Counts(active=0, registered=0)


async def test_counting_models_waits_for_another_count(database: Database, store: Store) -> None:
    async def count() -> Counts:
        async with database.transaction() as connection:
            return await store.count(connection, "dev_a")

    async with database.transaction() as connection:
        assert (await store.count(connection, "dev_a")).active == 0
        waiting = asyncio.create_task(count())
        await store.add(connection, model("mdl_a", owner="dev_a"), "")
    assert (await waiting).active == 1
