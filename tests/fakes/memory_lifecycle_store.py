"""The lifecycle store of the experiments service in memory."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial
from tests.fakes.memory_database import table


class MemoryLifecycleStore:
    """Implements `running.lifecycle_store.LifecycleStore` over the tables of MemoryExperimentsStore."""

    async def moved_trials(
        self, connection: AsyncConnection, experiment_id: str, mark: int
    ) -> tuple[Sequence[Trial], int]:
        # A trial that differs from its last seen state has moved.
        marks, looks = table(connection, "marks"), table(connection, "looks")
        now = looks[""] = looks.get("", 0) + 1
        trials = _trials(connection, [experiment_id])
        for trial in trials:
            if trial.id not in marks or marks[trial.id][0] != trial:
                marks[trial.id] = (trial, now)
        moved = [trial for trial in trials if marks[trial.id][1] >= mark]
        return sorted(moved, key=lambda t: (t.prompt_index, t.model_index, t.repeat_index)), now + 1

    async def trial_ids(self, connection: AsyncConnection, experiment_ids: Sequence[str]) -> Sequence[str]:
        found = _trials(connection, experiment_ids)
        return [trial.id for trial in sorted(found, key=lambda trial: (trial.experiment_id, trial.id))]

    async def delete(self, connection: AsyncConnection, experiment_id: str) -> None:
        trials = {trial.id for trial in _trials(connection, [experiment_id])}
        keyed = {"requested_at": trials, "marks": trials}
        for name in ("experiments", "results", "progressed_at", "audio_deleted_at"):
            keyed[name] = {experiment_id}
        requests = table(connection, "requests")
        keyed["requests"] = {request for request, (made, _) in requests.items() if made == experiment_id}
        for name, keys in keyed.items():
            for key in keys:
                table(connection, name).pop(key, None)
        for rows in connection.tables.values():  # type: ignore[attr-defined]
            for key in [key for key, row in rows.items() if experiment_id in _experiments_of(row)]:
                del rows[key]

    async def audio_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        deleted = table(connection, "audio_deleted_at")
        due = [
            experiment
            for experiment in table(connection, "experiments").values()
            if experiment.ended_at is not None
            and experiment.id not in deleted
            and experiment.ended_at + timedelta(days=experiment.audio_retention_days) < now
        ]
        return [experiment.id for experiment in sorted(due, key=lambda e: e.ended_at)][:limit]

    async def forget_audio(self, connection: AsyncConnection, experiment_ids: Sequence[str], at: datetime) -> None:
        trials = table(connection, "trials")
        for experiment_id in experiment_ids:
            table(connection, "audio_deleted_at")[experiment_id] = at
        for trial in _trials(connection, experiment_ids):
            if trial.audio_name is not None:
                trials[trial.id] = dataclasses.replace(trial, audio_name=None, audio_deleted_at=at)


def _trials(connection: AsyncConnection, experiment_ids: Sequence[str]) -> list[Trial]:
    return [trial for trial in table(connection, "trials").values() if trial.experiment_id in experiment_ids]


def _experiments_of(row: object) -> tuple[str | None, str | None]:
    """Returns the experiment that a row names, as its own field or as the subject of a delivery."""
    return getattr(row, "experiment_id", None), getattr(row, "subject_id", None)
