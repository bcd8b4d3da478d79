"""The built-in scenarios are in the database once, in the texts of this release."""

import asyncio
import dataclasses

import sqlalchemy as sa

from services.elo.domain import INSTALLATION, Visibility
from services.elo.scenarios import built_in_scenarios
from services.elo.scenarios.domain import Scenario
from services.elo.scenarios.seeding import seed_scenarios
from services.elo.scenarios.store import Filters, ScenarioStore
from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_scenario

FILES = built_in_scenarios()


async def stored(database: Database) -> list[Scenario]:
    async with database.reading() as connection:
        everything = Filters(reader="", include_archived=True)
        return list(await ScenarioStore().page(connection, everything, Approval(True), after=0, limit=1000))


async def test_several_processes_at_once_write_each_scenario_once(emptied_schema: Database) -> None:
    await asyncio.gather(*(seed_scenarios(emptied_schema, FILES) for _ in range(4)))
    found = await stored(emptied_schema)
    assert [(s.name, s.ground_truth_transcript) for s in found] == [(s.name, s.ground_truth_transcript) for s in FILES]
    assert {(s.developer_id, s.visibility, s.archived) for s in found} == {(INSTALLATION, Visibility.PUBLIC, False)}


async def test_another_start_changes_nothing(emptied_schema: Database) -> None:
    await seed_scenarios(emptied_schema, FILES)
    before = await stored(emptied_schema)
    await seed_scenarios(emptied_schema, FILES)
    assert await stored(emptied_schema) == before


async def test_a_changed_text_is_replaced_before_its_first_battle_and_becomes_a_new_scenario_after_it(
    emptied_schema: Database,
) -> None:
    await seed_scenarios(emptied_schema, FILES[:2])
    fresh, used = await stored(emptied_schema)
    async with emptied_schema.transaction() as connection:
        had_a_battle = sa.update(SCENARIOS).where(SCENARIOS.c.id == used.id).values(first_battle_at=NOON)
        await connection.execute(had_a_battle)
    later = [dataclasses.replace(file, ground_truth_transcript="Your new code is 4816.") for file in FILES[:2]]
    await seed_scenarios(emptied_schema, later)
    changed, archived, added = await stored(emptied_schema)
    assert (changed.id, changed.ground_truth_transcript, changed.archived) == (
        fresh.id,
        "Your new code is 4816.",
        False,
    )
    assert (archived.id, archived.ground_truth_transcript, archived.archived) == (
        used.id,
        used.ground_truth_transcript,
        True,
    )
    assert (added.name, added.ground_truth_transcript, added.archived) == (used.name, "Your new code is 4816.", False)


async def test_a_scenario_that_is_no_longer_built_in_is_archived_until_it_is_again(emptied_schema: Database) -> None:
    await seed_scenarios(emptied_schema, FILES[:2])
    await seed_scenarios(emptied_schema, FILES[:1])
    assert [s.archived for s in await stored(emptied_schema)] == [False, True]
    await seed_scenarios(emptied_schema, FILES[:2])
    assert [s.archived for s in await stored(emptied_schema)] == [False, False]


async def test_scenarios_of_developers_stay_as_they_are(emptied_schema: Database) -> None:
    await add_scenario(emptied_schema, developer_id="dev_a", name=FILES[0].name)
    before = await stored(emptied_schema)
    await seed_scenarios(emptied_schema, FILES[:1])
    own, built_in = await stored(emptied_schema)
    assert ([own], built_in.built_in) == (before, FILES[0].name)
