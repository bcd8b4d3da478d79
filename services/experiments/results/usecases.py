"""Reads experiments, their trials and results, and recomputes verdicts."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.experiments import domain
from services.experiments.domain import Experiment, ExperimentStatus, Trial
from services.experiments.results import convert as results_convert
from services.experiments.results.domain import compute_verdict
from services.experiments.store import ExperimentKey, Store
from services.runtime import ids
from services.runtime.batched_reads import BatchedReads
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.pages import Pages
from services.runtime.validation import Validation
from services.shared.listening.vote_store import VoteStore


class Reading:
    """The use cases of reading."""

    def __init__(self, database: Database, store: Store, pages: Pages) -> None:
        self._database = database
        self._store = store
        self._pages = pages
        # Clients that wait for an experiment poll it. These are most calls of this service.
        self._experiments = BatchedReads(self._read_experiments)

    async def get(self, experiment_id: str) -> Experiment:
        """Returns one of the caller's experiments. Raises NotFound if it does not exist or belongs to somebody else."""
        ids.check_id(experiment_id, "exp")
        found = await self._experiments.get((current_identity().developer_id, experiment_id))
        return owned(found, "experiment", experiment_id)

    async def _read_experiments(self, owned: Collection[ExperimentKey]) -> Mapping[ExperimentKey, Experiment]:
        return await self._store.get_many(self._database.hot, owned)

    async def page(self, status: str, scenario: str, size: int, token: str) -> tuple[Sequence[Experiment], str]:
        """Returns a page of the caller's experiments, newest first, and the token of the next page."""
        valid = Validation()
        if status:
            valid.one_of(status, "status", tuple(ExperimentStatus))
        if scenario:
            valid.one_of(scenario, "scenario", domain.SCENARIOS)
        valid.finish()
        developer_id = current_identity().developer_id
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "experiments", "developer": developer_id, "status": status, "scenario": scenario},
                lambda after, limit: self._store.page(
                    connection, developer_id, status=status, scenario=scenario, after=after, limit=limit
                ),
                lambda experiment: (experiment.created_at, experiment.id),
            )

    async def results(self, experiment_id: str) -> dict[str, Any]:
        """Returns the stored results. Raises WrongState unless the experiment is completed."""
        experiment = await self.get(experiment_id)
        if experiment.status is not ExperimentStatus.COMPLETED:
            raise WrongState(
                f"The experiment is {experiment.status}. Results are available once it is completed.",
                status=experiment.status,
            )
        async with self._database.reading() as connection:
            results = await self._store.results(connection, experiment_id)
        if results is None:
            raise NotFound.of("results of experiment", experiment_id)
        return results

    async def trials(self, experiment_id: str, size: int, token: str) -> tuple[Sequence[Trial], str]:
        """Returns a page of an experiment's trials and the token of the next page."""
        await self.get(experiment_id)
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "trials", "experiment": experiment_id},
                lambda after, limit: self._store.trials(connection, experiment_id, after=after, limit=limit),
                lambda trial: (trial.prompt_index, trial.model_index, trial.repeat_index),
            )


class Recomputing:
    """The use case of computing a verdict again from the stored trials and votes."""

    def __init__(self, database: Database, store: Store, votes: VoteStore, reading: Reading) -> None:
        self._database = database
        self._store = store
        self._votes = votes
        self._reading = reading

    async def results(self, experiment_id: str) -> dict[str, Any]:
        """Returns newly computed results and stores nothing. Raises WrongState unless the experiment is completed.

        They use the latest judgement of each vote, which can be newer than the stored results.
        """
        await self._reading.get(experiment_id)
        async with self._database.transaction() as connection:
            # The lock keeps trials and votes consistent: a retry of failed trials can begin at any time.
            experiment = await self._store.lock(connection, experiment_id)
            if experiment is None or experiment.status is not ExperimentStatus.COMPLETED:
                # This raises the error that says why: not completed, or deleted in the meantime.
                await self._reading.results(experiment_id)
                raise WrongState("The experiment has just changed. Repeat the request.")
            trials = await self._store.trials(connection, experiment_id)
            cast = await self._votes.of_test(connection, experiment_id) if experiment.eval_mode.asks_listeners else ()
        verdict = await asyncio.to_thread(compute_verdict, experiment, trials, cast)
        return results_convert.results_to_store(experiment_id, verdict, now())
