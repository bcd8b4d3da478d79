"""A verdict, reached again from what is stored."""

import asyncio
from typing import Any

from services.experiments.domain import ExperimentStatus
from services.experiments.results import convert as results_convert
from services.experiments.results.usecases import Reading
from services.experiments.running.finishing import compute_verdict
from services.experiments.store import Store
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import WrongState
from services.shared.listening.vote_store import VoteStore


class Recomputing:
    """The use case over one database."""

    def __init__(self, database: Database, store: Store, votes: VoteStore, reading: Reading) -> None:
        self._database = database
        self._store = store
        self._votes = votes
        self._reading = reading

    async def results(self, experiment_id: str) -> dict[str, Any]:
        """Returns results as they come out today, and stores nothing; WrongState unless the experiment is completed.

        What was judged of votes since then shows here, and not in the stored results.
        """
        await self._reading.get(experiment_id)
        async with self._database.transaction() as connection:
            # Locked, so that trials and votes are those of one moment: a retry of failed trials may begin at any time.
            experiment = await self._store.lock(connection, experiment_id)
            if experiment is None or experiment.status is not ExperimentStatus.COMPLETED:
                # It is there, and says why there are no results; if it has been deleted since, it says that.
                await self._reading.results(experiment_id)
                raise WrongState("the experiment was changed just now; ask again")
            trials = await self._store.trials(connection, experiment_id)
            cast = await self._votes.of_test(connection, experiment_id) if experiment.eval_mode.asks_listeners else ()
        verdict = await asyncio.to_thread(compute_verdict, experiment, trials, cast)
        return results_convert.results_to_store(experiment_id, verdict, now())
