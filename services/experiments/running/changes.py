"""Notifies the watchers of an experiment in every process when any process has changed it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.tables import CHANGED
from services.runtime.db import notify


async def notify_watchers(connection: AsyncConnection, experiment_id: str) -> None:
    """Wakes the watchers of an experiment when the transaction commits."""
    await notify(connection, CHANGED, experiment_id)
