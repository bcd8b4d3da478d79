"""Reading experiments, their trials and results."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.experiments import domain
from services.experiments.domain import Experiment, ExperimentStatus, Trial
from services.experiments.store import Owned, Store
from services.runtime import ids
from services.runtime.batched_reads import BatchedReads
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity
from services.runtime.pages import PageTokens, page_size, type_of_value
from services.runtime.validation import Validation


class Reading:
    """The use cases over one database."""

    def __init__(self, database: Database, store: Store, pages: PageTokens) -> None:
        self._database = database
        self._store = store
        self._pages = pages
        # Who waits for an experiment asks again and again: most of the calls of this service.
        self._experiments = BatchedReads(self._read_experiments)

    async def get(self, experiment_id: str) -> Experiment:
        """Returns an experiment of the caller; NotFound if they have no such one."""
        ids.check_id(experiment_id, "exp")
        experiment = await self._experiments.get((current_identity().developer_id, experiment_id))
        if experiment is None:
            raise NotFound("experiment", experiment_id)
        return experiment

    async def _read_experiments(self, owned: Collection[Owned]) -> Mapping[Owned, Experiment]:
        return await self._store.get_many(self._database.hot, owned)

    async def page(self, status: str, scenario: str, size: int, token: str) -> tuple[Sequence[Experiment], str]:
        """Returns a page of the caller's experiments, newest first, and the token of the next."""
        size = page_size(size)
        valid = Validation()
        if status:
            valid.one_of(status, "status", tuple(ExperimentStatus))
        if scenario:
            valid.one_of(scenario, "scenario", domain.SCENARIOS)
        valid.finish()
        developer_id = current_identity().developer_id
        filters = {"list": "experiments", "developer": developer_id, "status": status, "scenario": scenario}
        cursor = self._pages.decode(token, filters)
        after = (datetime.fromisoformat(str(cursor[0])), str(cursor[1])) if cursor else None
        async with self._database.reading() as connection:
            found = await self._store.page(
                connection, developer_id, status=status, scenario=scenario, after=after, limit=size + 1
            )
        if len(found) <= size:
            return found, ""
        last = found[size - 1]
        return found[:size], self._pages.encode([last.created_at.isoformat(), last.id], filters)

    async def results(self, experiment_id: str) -> dict[str, Any]:
        """Returns the stored results; WrongState unless the experiment is completed."""
        experiment = await self.get(experiment_id)
        if experiment.status is not ExperimentStatus.COMPLETED:
            raise WrongState(
                f"the experiment is {experiment.status}; there are results once it is completed",
                status=experiment.status,
            )
        async with self._database.reading() as connection:
            results = await self._store.results(connection, experiment_id)
        if results is None:
            raise NotFound("results of experiment", experiment_id)
        return results

    async def trials(self, experiment_id: str, size: int, token: str) -> tuple[Sequence[Trial], str]:
        """Returns a page of an experiment's trials and the token of the next."""
        size = page_size(size)
        await self.get(experiment_id)
        filters: dict[str, type_of_value] = {"list": "trials", "experiment": experiment_id}
        cursor = self._pages.decode(token, filters)
        after = (int(str(cursor[0])), int(str(cursor[1])), int(str(cursor[2]))) if cursor else None
        async with self._database.reading() as connection:
            found = await self._store.trials(connection, experiment_id, after=after, limit=size + 1)
        if len(found) <= size:
            return found, ""
        last = found[size - 1]
        return found[:size], self._pages.encode([last.prompt_index, last.model_index, last.repeat_index], filters)
