"""Deletes the audio of experiments after its retention."""

import structlog

from services.experiments import facts
from services.experiments.running.lifecycle_store import LifecycleStore
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.listening.store import ListeningStore

log = structlog.get_logger()

# Experiments per transaction. Each has at most 400 trials, so a transaction writes few events and holds few locks.
BATCH = 10


class Retention:
    """The use case of audio retention."""

    def __init__(self, database: Database, lifecycle: LifecycleStore, listening: ListeningStore) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._listening = listening

    async def sweep(self) -> int:
        """Requests the deletion of audio that is past its retention, for up to BATCH experiments.

        Returns the number of experiments. Any number of processes can do this at the same time.
        """
        moment = now()
        async with self._database.transaction() as connection:
            due = await self._lifecycle.audio_due(connection, moment, BATCH)
            if not due:
                return 0
            # All trials are included, because a cancelled trial may have been synthesized nevertheless.
            trial_ids = await self._lifecycle.trial_ids(connection, due)
            await outbox.add(connection, *facts.REQUESTS.speech_deletions(trial_ids))
            await self._lifecycle.forget_audio(connection, due, moment)
            await self._listening.forget_audio(connection, due)
        log.info("audio was deleted after its retention", experiments=len(due))
        return len(due)
