"""The store of trials' steps in memory."""

import dataclasses
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import TrialStatus
from services.experiments.running.step_store import Held, Moved
from services.experiments.tables import CHANGED
from services.runtime import inbox
from services.runtime.clock import now
from services.shared.metrics import Measurements
from tests.fakes.memory_database import MemoryConnection, table


class MemoryStepStore:
    """Implements `services.experiments.running.step_store.StepStore` over a MemoryDatabase."""

    async def hold(self, connection: AsyncConnection, trial_id: str) -> Held | None:
        trial = table(connection, "trials").get(trial_id)
        if trial is None:
            return None
        experiment = table(connection, "experiments")[trial.experiment_id]
        return Held(experiment.id, experiment.developer_id, experiment.status, experiment.traceparent)

    async def hold_for(
        self, connection: AsyncConnection, trial_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        first_time = await inbox.first_time(connection, consumer, event_id)
        return await self.hold(connection, trial_id), first_time

    async def move(
        self,
        connection: AsyncConnection,
        trial_id: str,
        during: TrialStatus,
        attempt: int | None,
        status: TrialStatus,
        measured: Measurements,
        **values: Any,
    ) -> Moved | None:
        trials, experiments = table(connection, "trials"), table(connection, "experiments")
        trial = trials.get(trial_id)
        if trial is None or trial.status is not during or attempt not in (None, trial.attempts):
            return None
        if "requested_at" in values:
            table(connection, "requested_at")[trial_id] = values.pop("requested_at")
        known = {name: value for name, value in dataclasses.asdict(measured).items() if value is not None}
        measurements = dataclasses.replace(trial.measurements, **known)
        trials[trial_id] = dataclasses.replace(trial, status=status, measurements=measurements, **values)
        before = experiments[trial.experiment_id]
        after = experiments[before.id] = dataclasses.replace(
            before,
            completed_trials=before.completed_trials + (status is TrialStatus.COMPLETED),
            failed_trials=before.failed_trials + (status is TrialStatus.FAILED),
        )
        table(connection, "progressed_at")[before.id] = now()
        cast(MemoryConnection, connection).notifications.append((CHANGED, before.id))
        return Moved(trial.provider, after.completed_trials + after.failed_trials == after.total_trials)
