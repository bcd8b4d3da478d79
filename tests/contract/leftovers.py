"""Counts what a call may leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection

# Every table in which a request of the API makes a row.
TABLES = (
    "auth.developers",
    "auth.api_keys",
    "elo.voice_models",
    "experiments.experiments",
    "experiments.trials",
    "experiments.listening_links",
    "experiments.listening_listeners",
    "experiments.listening_assignments",
    "experiments.listening_votes",
    "experiments.webhook_endpoints",
    "experiments.webhook_deliveries",
)


class Leftovers:
    """Looks into the database of a mesh, beside its services."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: LiteralString, values: Sequence[object]) -> None:
        """Changes what no request can."""
        await self._connection.execute(statement, values)

    async def rows(self) -> dict[str, int]:
        """Returns how many rows each table has."""
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        found = await (await self._connection.execute(f"SELECT {counts}")).fetchone()
        assert found is not None
        return dict(zip(TABLES, found, strict=True))
