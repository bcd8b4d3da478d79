"""Looks now and then for work that nothing else would move: requests without an answer, free places without a trial."""

import asyncio
from datetime import timedelta

import structlog

from services.experiments.running.dispatching import Dispatcher
from services.experiments.running.progress import RECONCILE_BATCH, Progress
from services.runtime.cancellation import end_if_cancelled
from services.runtime.db import DISCONNECTED

log = structlog.get_logger()

# A look costs one indexed query; a tenth of the patience adds little to the wait.
LOOKS_PER_PATIENCE = 10


class Reconciler:
    """Runs for ever beside the consumers."""

    def __init__(self, progress: Progress, dispatcher: Dispatcher, patience_seconds: float) -> None:
        self._progress = progress
        self._dispatcher = dispatcher
        self._patience_seconds = patience_seconds

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            end_if_cancelled()
            asked = 0
            try:
                asked = await self._progress.reconcile(timedelta(seconds=self._patience_seconds))
                await self._dispatcher.look()
            except DISCONNECTED as error:
                log.warning("stale work can't be looked for now", error=str(error))
            if asked < RECONCILE_BATCH:
                await asyncio.sleep(self._patience_seconds / LOOKS_PER_PATIENCE)
