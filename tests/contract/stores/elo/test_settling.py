"""Models and scenarios that were changed after the matchmaker read them make no battle."""

from typing import Any

import sqlalchemy as sa

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.making.store import BattleStore
from services.elo.tables import SCENARIOS
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_models, add_scenario

TEXT = "Your code is 4815."
LATER = NOON.replace(hour=13)


async def settle(database: Database, *, text: str = TEXT, public: bool = True, at: Any = NOON) -> bool:
    async with database.transaction() as connection:
        return await BattleStore().settle(connection, ["mdl_a", "mdl_b"], "scn_a", text, at, public=public)


async def first_battles(database: Database) -> list[object]:
    async with database.reading() as connection:
        query = sa.union_all(sa.select(VOICE_MODELS.c.first_battle_at), sa.select(SCENARIOS.c.first_battle_at))
        return list((await connection.execute(query)).scalars())


async def add(database: Database, **of_scenario: object) -> None:
    await add_models(database, "mdl_a", "mdl_b", owner="dev_a")
    await add_scenario(database, "scn_a", **of_scenario)


async def make_private(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == "mdl_b").values(visibility="private")
        )


async def test_the_first_battle_is_recorded_once(emptied_schema: Database) -> None:
    await add(emptied_schema)
    assert await settle(emptied_schema)
    assert await settle(emptied_schema, at=LATER)
    assert await first_battles(emptied_schema) == [NOON] * 3


async def test_a_model_that_just_became_private_is_in_no_public_battle(emptied_schema: Database) -> None:
    await add(emptied_schema)
    await make_private(emptied_schema)
    assert not await settle(emptied_schema)
    assert await first_battles(emptied_schema) == [None] * 3
    assert await settle(emptied_schema, public=False)


async def test_a_scenario_that_just_became_private_is_in_no_public_battle(emptied_schema: Database) -> None:
    await add(emptied_schema, visibility="private")
    assert not await settle(emptied_schema)
    assert await settle(emptied_schema, public=False)


async def test_a_text_that_was_just_changed_is_not_spoken(emptied_schema: Database) -> None:
    await add(emptied_schema)
    assert not await settle(emptied_schema, text="Your code was 4814.")
    assert await first_battles(emptied_schema) == [None] * 3
