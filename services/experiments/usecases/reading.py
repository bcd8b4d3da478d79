"""Reading experiments, their trials and results, and following them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.experiments import domain
from services.experiments.domain import Experiment, ExperimentStatus, Trial, TrialStatus
from services.experiments.store import Owned, Store
from services.experiments.usecases.changes import Changes
from services.runtime import ids
from services.runtime.batched_reads import BatchedReads
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity
from services.runtime.pages import PageTokens, page_size, type_of_value
from services.runtime.validation import Validation


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a watcher sees: the experiment's state, one trial that moved, or, with neither, a heartbeat.

    `last` says that the state is the terminal one and that nothing follows.
    """

    experiment: Experiment | None = None
    trial: Trial | None = None
    last: bool = False


class Reading:
    """The use cases over one database."""

    def __init__(
        self, database: Database, store: Store, pages: PageTokens, changes: Changes, heartbeat_seconds: float
    ) -> None:
        self._database = database
        self._store = store
        self._pages = pages
        self._changes = changes
        self._heartbeat_seconds = heartbeat_seconds
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
        after = (int(str(cursor[0])), int(str(cursor[1]))) if cursor else None
        async with self._database.reading() as connection:
            found = await self._store.trials(connection, experiment_id, after=after, limit=size + 1)
        if len(found) <= size:
            return found, ""
        last = found[size - 1]
        return found[:size], self._pages.encode([last.prompt_index, last.model_index], filters)

    async def watch(self, experiment_id: str) -> AsyncIterator[Seen]:
        """Yields the state of now, then what changes, a heartbeat when nothing does; ends with the terminal state."""
        shown: dict[str, TrialStatus] = {}
        status: ExperimentStatus | None = None
        with self._changes.watching(experiment_id) as changed:
            while True:
                changed.clear()
                experiment = await self.get(experiment_id)
                if status is None or (experiment.status is not status and not experiment.status.ended):
                    status = experiment.status
                    yield Seen(experiment)
                async with self._database.reading() as connection:
                    trials = await self._store.trials(connection, experiment_id)
                for trial in trials:
                    if shown.get(trial.id, TrialStatus.PENDING) is not trial.status:
                        shown[trial.id] = trial.status
                        yield Seen(experiment, trial)
                if experiment.status.ended:
                    yield Seen(experiment, last=True)
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                if not changed.is_set():
                    yield Seen()
