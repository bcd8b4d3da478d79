"""The experiments service's store in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment, ExperimentStatus, ModelSpec, Trial
from services.experiments.store import ExperimentKey
from services.runtime.hot_reads import HotConnection
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_database import table


class MemoryExperimentsStore:
    """Implements `services.experiments.store.Store` over a MemoryDatabase."""

    async def add(
        self, connection: AsyncConnection, experiment: Experiment, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        requests = table(connection, "requests")
        request = (experiment.developer_id, request_id)
        if request_id and request in requests:
            return False
        if request_id:
            requests[request] = experiment.id, fingerprint
        table(connection, "experiments")[experiment.id] = experiment
        return True

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Experiment] | None:
        experiment_id, fingerprint = table(connection, "requests").get((developer_id, request_id), ("", None))
        experiment = table(connection, "experiments").get(experiment_id)
        return EarlierRequest(experiment, fingerprint, experiment.created_at) if experiment else None

    async def get(self, connection: AsyncConnection, developer_id: str, experiment_id: str) -> Experiment | None:
        experiment = await self.lock(connection, experiment_id)
        return experiment if experiment is not None and experiment.developer_id == developer_id else None

    async def get_many(
        self, connection: HotConnection, owned: Collection[ExperimentKey]
    ) -> Mapping[ExperimentKey, Experiment]:
        found = {key: await self.get(cast(AsyncConnection, connection), *key) for key in owned}
        return {key: experiment for key, experiment in found.items() if experiment is not None}

    async def lock(self, connection: AsyncConnection, experiment_id: str) -> Experiment | None:
        return table(connection, "experiments").get(experiment_id)

    async def page(
        self,
        connection: AsyncConnection,
        developer_id: str,
        *,
        status: str,
        scenario: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Experiment]:
        found = [
            experiment
            for experiment in table(connection, "experiments").values()
            if experiment.developer_id == developer_id
            and status in ("", experiment.status)
            and scenario in ("", experiment.scenario)
            and (after is None or (experiment.created_at, experiment.id) < after)
        ]
        return sorted(found, key=lambda e: (e.created_at, e.id), reverse=True)[:limit]

    async def start(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        models: Sequence[ModelSpec],
        traceparent: str,
        at: datetime,
    ) -> Experiment:
        table(connection, "progressed_at")[experiment_id] = at
        values = {"models": list(models), "traceparent": traceparent, "started_at": at}
        return change(connection, experiment_id, status=ExperimentStatus.RUNNING, **values)

    async def open_listening(
        self, connection: AsyncConnection, experiment_id: str, *, received: int, needed: int, until: datetime | None
    ) -> Experiment:
        votes = {"votes_received": received, "votes_needed": needed}
        return change(connection, experiment_id, **votes, listening_until=until)

    async def count_votes(self, connection: AsyncConnection, experiment_id: str, received: int) -> Experiment:
        return change(connection, experiment_id, votes_received=received)

    async def complete(
        self, connection: AsyncConnection, experiment_id: str, results: Mapping[str, Any], at: datetime
    ) -> Experiment:
        table(connection, "results")[experiment_id] = results
        return change(connection, experiment_id, status=ExperimentStatus.COMPLETED, ended_at=at)

    async def fail(self, connection: AsyncConnection, experiment_id: str, message: str, at: datetime) -> Experiment:
        return change(connection, experiment_id, status=ExperimentStatus.FAILED, error_message=message, ended_at=at)

    async def cancel(self, connection: AsyncConnection, experiment_id: str, at: datetime) -> Experiment:
        return change(connection, experiment_id, status=ExperimentStatus.CANCELLED, ended_at=at)

    async def reopen(
        self, connection: AsyncConnection, experiment_id: str, traceparent: str, at: datetime
    ) -> Experiment:
        table(connection, "progressed_at")[experiment_id] = at
        for name in ("results", "audio_deleted_at"):
            table(connection, name).pop(experiment_id, None)
        return change(
            connection,
            experiment_id,
            status=ExperimentStatus.RUNNING,
            traceparent=traceparent,
            failed_trials=0,
            listening_until=None,
            votes_needed=0,
            ended_at=None,
        )

    async def count_unfinished(self, connection: AsyncConnection, developer_id: str) -> int:
        experiments = table(connection, "experiments").values()
        return sum(not each.status.ended for each in experiments if each.developer_id == developer_id)

    async def count_running(self, connection: AsyncConnection, developer_id: str) -> int:
        return sum(
            experiment.developer_id == developer_id
            and experiment.status is ExperimentStatus.RUNNING
            and experiment.listening_until is None
            for experiment in table(connection, "experiments").values()
        )

    async def results(self, connection: AsyncConnection, experiment_id: str) -> dict[str, Any] | None:
        return table(connection, "results").get(experiment_id)

    async def add_trials(self, connection: AsyncConnection, trials: Sequence[Trial], requested_at: datetime) -> None:
        for trial in trials:
            table(connection, "trials")[trial.id] = trial
            table(connection, "requested_at")[trial.id] = requested_at

    async def trials(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[int, int, int] | None = None,
        limit: int | None = None,
    ) -> Sequence[Trial]:
        found = [
            trial
            for trial in table(connection, "trials").values()
            if trial.experiment_id == experiment_id and (after is None or _place(trial) > after)
        ]
        return sorted(found, key=_place)[:limit]


def _place(trial: Trial) -> tuple[int, int, int]:
    return trial.prompt_index, trial.model_index, trial.repeat_index


def change(connection: AsyncConnection, experiment_id: str, **values: object) -> Experiment:
    """Changes stored fields of an experiment and returns it. For tests that start in a later state."""
    experiments = table(connection, "experiments")
    experiment: Experiment = dataclasses.replace(experiments[experiment_id], **values)
    experiments[experiment_id] = experiment
    return experiment
