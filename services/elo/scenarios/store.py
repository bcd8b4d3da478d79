"""The queries of scenarios."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import INSTALLATION, Visibility
from services.elo.quota import Counts
from services.elo.scenarios.conditions import in_language
from services.elo.scenarios.domain import Difficulty, Scenario
from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval, visible_to
from services.runtime.named_locks import lock_name
from services.runtime.request_ids import EarlierRequest

_S = SCENARIOS.c
_SEEDING = "built-in scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which scenarios a list has."""

    reader: str
    """The developer who reads, empty if nobody is known. Private scenarios of others are left out."""
    category: str = ""
    """One category, all if empty."""
    difficulty: Difficulty | None = None
    language: str = ""
    """A BCP 47 tag, which also selects its regions. All if empty."""
    include_archived: bool = False
    awaiting_approval: bool = False
    created_by_reader: bool = False
    """Leaves out scenarios of others and of the installation."""


class ScenarioStore:
    """Each method runs in the transaction of `connection`."""

    async def add(
        self, connection: AsyncConnection, scenario: Scenario, request_id: str = "", fingerprint: bytes | None = None
    ) -> bool:
        """Adds a scenario. Returns False if its owner has used the request id."""
        result = await connection.execute(
            insert(SCENARIOS)
            .values(
                id=scenario.id,
                developer_id=scenario.developer_id,
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
                created_at=scenario.created_at,
                **_values(scenario),
            )
            .on_conflict_do_nothing()
            .returning(_S.id)
        )
        return result.first() is not None

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Scenario] | None:
        """Returns the scenario that an earlier request with this id has created."""
        query = sa.select(SCENARIOS).where(_S.developer_id == developer_id, _S.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(_scenario(row), row.request_fingerprint, row.created_at) if row else None

    async def get(self, connection: AsyncConnection, scenario_id: str, *, lock: bool = False) -> Scenario | None:
        """Returns a scenario, None if it does not exist. With `lock`, locks its row until the transaction ends."""
        query = sa.select(SCENARIOS).where(_S.id == scenario_id)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return _scenario(row) if row else None

    async def page(
        self, connection: AsyncConnection, filters: Filters, approval: Approval, *, after: int, limit: int
    ) -> Sequence[Scenario]:
        """Returns up to `limit` scenarios after position `after`, in order of creation."""
        query = sa.select(SCENARIOS).where(_S.seq > after, visible_to(SCENARIOS, filters.reader))
        if filters.category:
            query = query.where(_S.category == filters.category)
        if filters.difficulty:
            query = query.where(_S.difficulty == filters.difficulty)
        if filters.language:
            query = query.where(in_language(_S.language, filters.language))
        if not filters.include_archived:
            query = query.where(~_S.archived)
        if filters.created_by_reader:
            query = query.where(_S.developer_id == filters.reader)
        if filters.awaiting_approval:
            query = query.where(approval.awaiting(SCENARIOS))
        return [_scenario(row) for row in await connection.execute(query.order_by(_S.seq).limit(limit))]

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        """Counts the scenarios of a developer. Other transactions that count them wait until this one ends."""
        await lock_name(connection, f"scenarios of {developer_id}")
        query = sa.select(sa.func.count().filter(~_S.archived), sa.func.count()).where(_S.developer_id == developer_id)
        active, registered = (await connection.execute(query)).one()
        return Counts(active, registered)

    async def update(self, connection: AsyncConnection, scenario: Scenario) -> None:
        """Writes the fields of a scenario. Its statistics and its first battle are not among them."""
        await connection.execute(sa.update(SCENARIOS).where(_S.id == scenario.id).values(_values(scenario)))

    async def built_in(self, connection: AsyncConnection) -> Sequence[Scenario]:
        """Returns the built-in scenarios in their current texts, and locks them until the transaction ends.

        Other transactions that read them wait until this one ends.
        """
        await lock_name(connection, _SEEDING)
        query = sa.select(SCENARIOS).where(_S.developer_id == INSTALLATION, _S.built_in.is_not(None))
        return [_scenario(row) for row in await connection.execute(query.order_by(_S.seq).with_for_update())]


def _values(scenario: Scenario) -> dict[str, Any]:
    return {
        "built_in": scenario.built_in,
        "name": scenario.name,
        "category": scenario.category,
        "description": scenario.description,
        "difficulty": scenario.difficulty,
        "language": scenario.language,
        "ground_truth_transcript": scenario.ground_truth_transcript,
        "visibility": scenario.visibility,
        "archived": scenario.archived,
        "approved_at": scenario.approved_at,
        "updated_at": scenario.updated_at,
    }


def _scenario(row: sa.Row[Any]) -> Scenario:
    return Scenario(
        id=row.id,
        developer_id=row.developer_id,
        name=row.name,
        category=row.category,
        description=row.description,
        difficulty=Difficulty(row.difficulty),
        language=row.language,
        ground_truth_transcript=row.ground_truth_transcript,
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
        updated_at=row.updated_at,
        archived=row.archived,
        built_in=row.built_in,
        approved_at=row.approved_at,
        first_battle_at=row.first_battle_at,
        battles=row.battles,
        votes=row.votes,
        ties=row.ties,
        seq=row.seq,
    )
