"""Looks, now and then, for audio whose time is over."""

import asyncio

import structlog

from services.experiments.running.retention import BATCH, Retention
from services.runtime.cancellation import end_if_cancelled
from services.runtime.db import DISCONNECTED

log = structlog.get_logger()


class Sweeper:
    """Runs for ever beside the consumers."""

    def __init__(self, retention: Retention, every_seconds: float) -> None:
        self._retention = retention
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Sweeps until it is cancelled."""
        while True:
            end_if_cancelled()
            swept = 0
            try:
                swept = await self._retention.sweep()
            except DISCONNECTED as error:
                log.warning("old audio can't be looked for now", error=str(error))
            if swept < BATCH:
                await asyncio.sleep(self._every_seconds)
