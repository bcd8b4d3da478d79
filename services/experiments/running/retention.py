"""Deleting audio whose time is over."""

import structlog

from services.experiments import facts
from services.experiments.running.lifecycle_store import LifecycleStore
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.listening.store import ListeningStore

log = structlog.get_logger()

# Experiments in one transaction. Each has at most 400 trials, so that one holds few events and locks.
BATCH = 10


class Retention:
    """The use case over one database."""

    def __init__(self, database: Database, lifecycle: LifecycleStore, listening: ListeningStore) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._listening = listening

    async def sweep(self) -> int:
        """Has the audio of some experiments deleted that ended longer ago than it is kept, and returns of how many.

        Any number of processes can do so at a time.
        """
        moment = now()
        async with self._database.transaction() as connection:
            due = await self._lifecycle.audio_due(connection, moment, BATCH)
            if not due:
                return 0
            # All their trials: one that was cancelled may have been spoken after all.
            trial_ids = await self._lifecycle.trial_ids(connection, due)
            await outbox.add(connection, *facts.REQUESTS.speech_deletions(trial_ids))
            await self._lifecycle.forget_audio(connection, due, moment)
            await self._listening.forget_audio(connection, due)
        log.info("audio was kept long enough", experiments=len(due))
        return len(due)
