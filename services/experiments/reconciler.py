"""Asks again, now and then, for work that has stayed unanswered."""

import asyncio
from datetime import timedelta

import structlog

from services.experiments.usecases.progress import RECONCILE_BATCH, Progress
from services.runtime.db import DISCONNECTED

log = structlog.get_logger()

# A look costs one indexed query; a tenth of the patience adds little to the wait.
LOOKS_PER_PATIENCE = 10


class Reconciler:
    """Runs for ever beside the consumers."""

    def __init__(self, progress: Progress, patience_seconds: float) -> None:
        self._progress = progress
        self._patience_seconds = patience_seconds

    async def run(self) -> None:
        """Looks for stale trials until it is cancelled."""
        while True:
            asked = 0
            try:
                asked = await self._progress.reconcile(timedelta(seconds=self._patience_seconds))
            except DISCONNECTED as error:
                log.warning("stale work can't be looked for now", error=str(error))
            if asked < RECONCILE_BATCH:
                await asyncio.sleep(self._patience_seconds / LOOKS_PER_PATIENCE)
