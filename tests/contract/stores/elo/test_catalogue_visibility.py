"""Who sees a model or a scenario, and which of them public battles and the arena may use."""

from collections.abc import Collection

import pytest
import sqlalchemy as sa

from services.elo.catalogue import conditions as of_models
from services.elo.catalogue.store import Filters as ModelFilters
from services.elo.catalogue.store import SqlStore
from services.elo.catalogue.tables import KNOWN_VOICES, VOICE_MODELS
from services.elo.domain import ModelKind
from services.elo.scenarios import conditions as of_scenarios
from services.elo.scenarios.store import Filters, ScenarioStore
from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_models, add_provider, add_scenario

ON, OFF = Approval(True), Approval(False)


@pytest.fixture
async def models(emptied_schema: Database) -> Database:
    """Models of the installation and of two developers, in every state."""
    await add_models(emptied_schema, "mdl_installed", "mdl_hosted")
    own = ("public", "approved", "private", "withdrawn", "aside", "recorded")
    await add_models(emptied_schema, *(f"mdl_{name}" for name in own), owner="dev_a")
    await add_models(emptied_schema, "mdl_other", owner="dev_b")
    await add_provider(emptied_schema, "espeak")
    await add_provider(emptied_schema, "cartesia", local=False)
    for id_, values in {
        "mdl_hosted": {"provider": "cartesia"},
        "mdl_approved": {"approved_at": NOON},
        "mdl_private": {"visibility": "private"},
        "mdl_withdrawn": {"active": False, "approved_at": NOON},
        "mdl_aside": {"arena": False, "approved_at": NOON},
        "mdl_recorded": {"kind": "recorded", "provider": "", "approved_at": NOON},
    }.items():
        await change(emptied_schema, id_, **values)
    return emptied_schema


async def change(database: Database, id_: str, **values: object) -> None:
    async with database.transaction() as connection:
        await connection.execute(sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == id_).values(values))


async def ids(database: Database, condition: "sa.ColumnElement[bool]", table: sa.Table = VOICE_MODELS) -> set[str]:
    """Returns the ids of the rows that fulfil a condition, without their prefix."""
    async with database.reading() as connection:
        found = (await connection.execute(sa.select(table.c.id).where(condition))).scalars()
        return {id_.partition("_")[2] for id_ in found}


async def listed(database: Database, approval: Approval = ON, **filters: object) -> set[str]:
    async with database.reading() as connection:
        chosen = ModelFilters(**filters)  # type: ignore[arg-type]
        found = await SqlStore().page(connection, chosen, approval, after=0, limit=100)
        return {model.id.partition("_")[2] for model in found}


PUBLIC = {"installed", "hosted", "public", "approved", "withdrawn", "aside", "recorded", "other"}


async def test_a_private_model_is_listed_for_its_owner_only(models: Database) -> None:
    assert await listed(models, reader="dev_a") == {*PUBLIC, "private"}
    assert await listed(models, reader="dev_b") == PUBLIC
    assert await listed(models, reader="") == PUBLIC
    assert await listed(models, reader="dev_b", developer_id="dev_a") == PUBLIC - {"installed", "hosted", "other"}


async def test_models_are_listed_by_kind_and_by_whether_they_take_part(models: Database) -> None:
    assert await listed(models, reader="dev_b", kind=ModelKind.RECORDED) == {"recorded"}
    assert await listed(models, reader="dev_b", arena_only=True) == PUBLIC - {"aside"}
    assert await listed(models, reader="dev_b", active_only=True) == PUBLIC - {"withdrawn"}


async def test_models_that_await_approval_are_public_ones_of_developers(models: Database) -> None:
    assert await listed(models, reader="dev_b", awaiting_approval=True) == {"public", "other"}
    assert await listed(models, OFF, reader="dev_b", awaiting_approval=True) == set()


@pytest.mark.parametrize(
    ("approval", "usable"),
    [
        (ON, {"installed", "hosted", "approved", "aside", "recorded"}),
        (OFF, {"installed", "hosted", "public", "approved", "aside", "recorded", "other"}),
    ],
)
async def test_public_battles_may_use_approved_models_that_are_not_withdrawn(
    models: Database, approval: Approval, usable: set[str]
) -> None:
    assert await ids(models, of_models.in_public_battles(approval)) == usable


@pytest.mark.parametrize(
    ("providers", "drawn"),
    [((), {"installed", "approved", "recorded"}), (("cartesia",), {"installed", "hosted", "approved", "recorded"})],
)
async def test_the_matchmaker_draws_local_models_and_those_of_named_providers(
    models: Database, providers: Collection[str], drawn: set[str]
) -> None:
    assert await ids(models, of_models.in_arena(ON, providers)) == drawn


async def test_the_matchmaker_draws_no_model_whose_provider_cannot_be_used(models: Database) -> None:
    async with models.transaction() as connection:
        await connection.execute(sa.text("UPDATE providers SET unavailable_reason = 'it is not installed'"))
    assert await ids(models, of_models.in_arena(ON, ("cartesia",))) == {"recorded"}


async def test_a_model_speaks_its_own_language_or_that_of_its_voice(models: Database) -> None:
    async with models.transaction() as connection:
        voices = [("mdl_installed", "en-GB"), ("mdl_public", "de"), ("mdl_approved", "")]
        rows = [{"provider": "espeak", "voice_id": voice, "language": language} for voice, language in voices]
        await connection.execute(sa.insert(KNOWN_VOICES).values(rows))
    await change(models, "mdl_public", parameters={"language": "pt-BR"})
    await change(models, "mdl_recorded", parameters={"language": "fr"})
    async with models.reading() as connection:
        query = sa.select(VOICE_MODELS.c.id, of_models.spoken_language().label("language"))
        found = {row.id: row.language for row in await connection.execute(query)}
    assert [found[f"mdl_{name}"] for name in ("installed", "public", "approved", "recorded", "other")] == [
        "en-GB",
        "pt-BR",
        "",
        "fr",
        "",
    ]


async def test_choosing_for_the_arena_changes_models_of_the_installation_only(models: Database) -> None:
    async with models.transaction() as connection:
        await SqlStore().choose_for_arena(connection, {"mdl_hosted", "mdl_aside"})
    assert await ids(models, VOICE_MODELS.c.arena) == {
        *{"hosted", "public", "approved", "private", "withdrawn", "recorded", "other"}
    }


async def test_equal_recorded_models_have_the_same_owner_name_and_version(models: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="voice_models_same_recorded"):
        await change(models, "mdl_approved", kind="recorded", name="mdl_recorded")
    await change(models, "mdl_approved", kind="recorded", name="mdl_recorded", version="2")
    await change(models, "mdl_other", kind="recorded", name="mdl_recorded")
    # A voice may have the name of a recorded model.
    await change(models, "mdl_public", name="mdl_recorded")


# Scenarios.


@pytest.fixture
async def scenarios(emptied_schema: Database) -> Database:
    """Scenarios of the installation and of two developers, in every state."""
    for name, values in {
        "installed": {"approved_at": None},
        "public": {"developer_id": "dev_a", "approved_at": None, "language": "pt-BR"},
        "approved": {"developer_id": "dev_a", "language": "en-GB", "difficulty": "hard"},
        "private": {"developer_id": "dev_a", "visibility": "private", "language": "PT"},
        "archived": {"archived": True},
        "other": {"developer_id": "dev_b", "category": "sales", "language": "pta"},
    }.items():
        await add_scenario(emptied_schema, f"scn_{name}", **values)
    return emptied_schema


async def found(database: Database, approval: Approval = ON, **filters: object) -> list[str]:
    async with database.reading() as connection:
        chosen = Filters(**filters)  # type: ignore[arg-type]
        page = await ScenarioStore().page(connection, chosen, approval, after=0, limit=100)
        return [scenario.id.partition("_")[2] for scenario in page]


async def test_a_private_scenario_is_listed_for_its_owner_only(scenarios: Database) -> None:
    assert await found(scenarios, reader="dev_a") == ["installed", "public", "approved", "private", "other"]
    assert await found(scenarios, reader="dev_b") == ["installed", "public", "approved", "other"]
    assert await found(scenarios, reader="", include_archived=True) == [
        *("installed", "public", "approved", "archived", "other")
    ]


async def test_scenarios_are_listed_by_category_difficulty_and_language_with_its_regions(scenarios: Database) -> None:
    assert await found(scenarios, reader="dev_a", category="sales") == ["other"]
    assert await found(scenarios, reader="dev_a", difficulty="hard") == ["approved"]
    assert await found(scenarios, reader="dev_a", language="pt") == ["public", "private"]
    assert await found(scenarios, reader="dev_a", language="PT-br") == ["public"]
    assert await found(scenarios, reader="dev_a", language="en") == ["installed", "approved"]
    assert await found(scenarios, reader="dev_a", awaiting_approval=True) == ["public"]
    assert await found(scenarios, OFF, reader="dev_a", awaiting_approval=True) == []


@pytest.mark.parametrize(
    ("approval", "usable"),
    [(ON, {"installed", "approved", "other"}), (OFF, {"installed", "public", "approved", "other"})],
)
async def test_public_battles_may_use_approved_scenarios_that_are_not_archived(
    scenarios: Database, approval: Approval, usable: set[str]
) -> None:
    assert await ids(scenarios, of_scenarios.in_public_battles(approval), SCENARIOS) == usable
