"""Counts the rows that a call could leave in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection

# Every table in which an API request can create a row. Evaluations of trials and deliveries of webhooks are left out:
# trials that are in progress, and experiments and battles that end, add them at any time.
TABLES = (
    "auth.developers",
    "auth.api_keys",
    "elo.voice_models",
    "elo.scenarios",
    "elo.battles",
    "elo.voters",
    "elo.listening_listeners",
    "elo.listening_assignments",
    "elo.listening_votes",
    "scoring.evaluations WHERE id LIKE 'evl_%'",
    "experiments.experiments",
    "experiments.trials",
    "experiments.listening_links",
    "experiments.listening_listeners",
    "experiments.listening_assignments",
    "experiments.listening_votes",
    "experiments.webhook_endpoints",
)


class Leftovers:
    """Reads and changes the database of a mesh directly."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: LiteralString, values: Sequence[object]) -> None:
        """Makes a change that no API request can make."""
        await self._connection.execute(statement, values)

    async def rows(self) -> dict[str, int]:
        """Returns the number of rows of each table."""
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        found = await (await self._connection.execute(f"SELECT {counts}")).fetchone()
        assert found is not None
        return dict(zip(TABLES, found, strict=True))
