"""Keeps the built-in scenarios in the database as the files of this release have them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.elo.domain import INSTALLATION, Visibility
from services.elo.scenarios.built_in import BuiltInScenario
from services.elo.scenarios.domain import SPOKEN, Scenario
from services.elo.scenarios.store import ScenarioStore
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database


@dataclass(frozen=True, slots=True)
class SeedingPlan:
    """What to write. Updates come first, because they free names for additions."""

    updates: list[Scenario] = field(default_factory=list)
    additions: list[Scenario] = field(default_factory=list)


def plan_seeding(stored: Sequence[Scenario], files: Sequence[BuiltInScenario], at: datetime) -> SeedingPlan:
    """Returns the changes from the stored scenarios to those in the files, which the name identifies.

    A text that changed after its first battle becomes another scenario, and the earlier one is archived. A scenario
    that is no longer in the files is archived.
    """
    plan = SeedingPlan()
    by_name = {scenario.built_in: scenario for scenario in stored}
    for file in files:
        before = by_name.pop(file.name, None)
        wanted = _scenario(file, before, at)
        if before is None:
            plan.additions.append(wanted)
        elif before.first_battle_at is not None and _spoken(wanted) != _spoken(before):
            plan.updates.append(replace(before, archived=True, built_in=None, updated_at=at))
            plan.additions.append(_scenario(file, None, at))
        elif replace(wanted, updated_at=before.updated_at) != before:
            plan.updates.append(wanted)
    gone = (scenario for scenario in by_name.values() if not scenario.archived)
    plan.updates.extend(replace(scenario, archived=True, updated_at=at) for scenario in gone)
    return plan


async def seed_scenarios(database: Database, files: Sequence[BuiltInScenario]) -> None:
    """Writes the built-in scenarios. Several processes can do it at the same time."""
    store = ScenarioStore()
    async with database.transaction() as connection:
        plan = plan_seeding(await store.built_in(connection), files, now())
        for scenario in plan.updates:
            await store.update(connection, scenario)
        for scenario in plan.additions:
            await store.add(connection, scenario)


def _spoken(scenario: Scenario) -> list[object]:
    return [getattr(scenario, name) for name in SPOKEN]


def _scenario(file: BuiltInScenario, before: Scenario | None, at: datetime) -> Scenario:
    """Returns the scenario of a file: a new one, or an earlier one with other values."""
    scenario = before or Scenario(
        id=ids.new_id("scn"),
        developer_id=INSTALLATION,
        name=file.name,
        category=file.category,
        description=file.description,
        difficulty=file.difficulty,
        language=file.language,
        ground_truth_transcript=file.ground_truth_transcript,
        visibility=Visibility.PUBLIC,
        created_at=at,
        updated_at=at,
    )
    return replace(
        scenario,
        built_in=file.name,
        category=file.category,
        description=file.description,
        difficulty=file.difficulty,
        language=file.language,
        ground_truth_transcript=file.ground_truth_transcript,
        archived=False,
        updated_at=at,
    )
