"""What is to be told, written down in the transaction in which it happens."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment


class Webhooks(Protocol):
    """Where the end of an experiment is written down for its webhook."""

    async def ended(self, connection: AsyncConnection, experiment: Experiment, winner: str | None = None) -> None:
        """Notes that an experiment has ended, as its status says, if it has a webhook; in the caller's transaction."""


class NoWebhooks:
    """Tells nobody."""

    async def ended(self, connection: AsyncConnection, experiment: Experiment, winner: str | None = None) -> None:
        return
