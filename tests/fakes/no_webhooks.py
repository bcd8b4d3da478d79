"""Webhooks that tell nobody, for tests of what is not about them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment


class NoWebhooks:
    """Implements `services.experiments.webhooks.queue.Webhooks`."""

    async def planned(self, connection: AsyncConnection, experiment: Experiment) -> None:
        return

    async def ended(self, connection: AsyncConnection, experiment: Experiment, winner: str | None = None) -> None:
        return
