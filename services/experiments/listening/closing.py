"""When listening ends before every pair has its votes: by hand, or because its time is over."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from services.experiments.domain import Experiment
from services.experiments.listening.domain import awaits_votes
from services.experiments.listening.store import ListeningStore
from services.experiments.running.changes import announce
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.runtime import ids, telemetry
from services.runtime.cancellation import end_if_cancelled
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 5.0
BATCH = 100


class Closing:
    """The use cases over one database. Whoever closes holds the experiment's row lock, so it happens once."""

    def __init__(
        self,
        database: Database,
        experiments: Store,
        store: ListeningStore,
        finishing: Finishing,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._experiments = experiments
        self._store = store
        self._finishing = finishing
        self._clock = clock

    async def by_hand(self, experiment_id: str) -> Experiment:
        """Reaches the verdict with the votes that there are; WrongState unless listening is open."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        developer_id = current_identity().developer_id
        async with self._database.transaction() as connection:
            experiment = await self._experiments.lock(connection, experiment_id)
            if experiment is None or experiment.developer_id != developer_id:
                raise NotFound("experiment", experiment_id)
            if not awaits_votes(experiment):
                raise WrongState(
                    "listening is not open: it opens when every trial of a human or hybrid experiment has ended, and "
                    f"closes with the verdict; this experiment is {experiment.status}",
                    status=experiment.status,
                )
            await self._finishing.conclude(connection, experiment)
            await announce(connection, experiment.id)
            closed = await self._experiments.lock(connection, experiment_id)
        return closed or experiment

    async def overdue(self) -> int:
        """Reaches the verdict of each experiment whose time for listening is over, and returns of how many."""
        async with self._database.reading() as connection:
            found = await self._store.overdue(connection, self._clock(), BATCH)
        return sum([await self._close(experiment_id) for experiment_id in found])

    async def _close(self, experiment_id: str) -> bool:
        with telemetry.working_on(experiment_id=experiment_id):
            return await self._close_if_due(experiment_id)

    async def _close_if_due(self, experiment_id: str) -> bool:
        async with self._database.transaction() as connection:
            experiment = await self._experiments.lock(connection, experiment_id)
            # The last vote, a retry or another process may have come first.
            if experiment is None or not awaits_votes(experiment):
                return False
            if experiment.listening_until is None or experiment.listening_until > self._clock():
                return False
            log.info("the time for listening is over")
            await self._finishing.conclude(connection, experiment)
            await announce(connection, experiment_id)
            return True

    async def run(self) -> None:
        """Looks for experiments whose time is over, for ever."""
        while True:
            end_if_cancelled()
            closed = 0
            try:
                closed = await self.overdue()
            except DISCONNECTED as error:
                log.warning("whose time for listening is over can't be looked for now", error=str(error))
            if not closed:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
