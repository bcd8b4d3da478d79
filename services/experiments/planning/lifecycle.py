"""Retries failed trials of an experiment, clones experiments and deletes them."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts, operational_metrics
from services.experiments.domain import Experiment, ExperimentStatus, TrialStatus
from services.experiments.planning.domain import Plan, check_running, plan_of
from services.experiments.planning.usecases import Planning
from services.experiments.running.changes import notify_watchers
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import Store
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.telemetry import current_traceparent
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.store import ClipStore
from services.shared.listening.store import ListeningStore


class Lifecycle:
    """The use cases of retrying, cloning and deleting experiments."""

    def __init__(
        self,
        database: Database,
        store: Store,
        lifecycle: LifecycleStore,
        clips: ClipStore,
        listening: ListeningStore,
        planning: Planning,
        dispatcher: Dispatcher,
        max_running: int,
    ) -> None:
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._clips = clips
        self._listening = listening
        self._planning = planning
        self._dispatcher = dispatcher
        self._max_running = max_running

    async def clone(self, experiment_id: str, change: Callable[[Plan], Plan]) -> Experiment:
        """Creates an experiment from the plan of one of the caller's experiments. `change` returns the changed plan."""
        async with self._database.reading() as connection:
            original = await self._owned(connection, experiment_id)
        return await self._planning.create(change(plan_of(original)), original)

    async def retry(self, experiment_id: str) -> Experiment:
        """Retries the failed trials of a completed experiment and returns the experiment, which is running again.

        A trial that has its audio is measured again. Any other trial waits for a slot and is spoken again.

        Raises WrongState if no trial has failed, and QuotaExceeded if too many of the caller's experiments are running.
        """
        async with self._database.transaction() as connection:
            owned = await self._owned(connection, experiment_id)
            _check_retry(owned)
            # This waits for the developer's other calls, so it comes before the experiment is locked.
            check_running(await self._store.count_running(connection, owned.developer_id), self._max_running)
            experiment = await self._locked(connection, experiment_id)
            _check_retry(experiment)
            moment = now()
            trials = await self._clips.retry(connection, experiment.id, moment)
            await self._listening.suspend(connection, experiment.id)
            running = await self._store.reopen(connection, experiment.id, current_traceparent(), moment)
            await outbox.add(
                connection,
                *(facts.REQUESTS.current_step(trial) for trial in trials if trial.status is TrialStatus.SCORING),
            )
            await notify_watchers(connection, experiment.id)
        for trial in trials:
            operational_metrics.TRIALS.labels(trial.status).inc()
        await self._dispatcher.release({trial.provider for trial in trials if trial.status is TrialStatus.PENDING})
        return running

    async def delete(self, experiment_id: str) -> int:
        """Deletes an experiment in any state with everything that belongs to it. Returns the number of its trials."""
        async with self._database.transaction() as connection:
            experiment = await self._locked(connection, experiment_id)
            trial_ids = await self._lifecycle.trial_ids(connection, [experiment.id])
            # Events that are not sent yet contain the prompts. The deletions below still reach the services.
            await outbox.withdraw(connection, experiment.id)
            if experiment.status is not ExperimentStatus.CREATED:
                # Also for an ended experiment: the bus may deliver a request twice, and tts must not repeat it.
                await outbox.add(connection, facts.REQUESTS.cancellation(experiment.id))
            if not experiment.status.ended:
                # Webhooks are not notified, because their deliveries are deleted with the experiment.
                await outbox.add(connection, facts.experiment_cancelled(experiment))
            await outbox.add(connection, *facts.REQUESTS.deletions(trial_ids))
            await self._listening.remove(connection, experiment.id)
            await self._lifecycle.delete(connection, experiment.id)
            await notify_watchers(connection, experiment.id)
        await self._dispatcher.release({model.provider for model in experiment.models})
        return len(trial_ids)

    async def _owned(self, connection: AsyncConnection, experiment_id: str) -> Experiment:
        ids.check_id(experiment_id, "exp")
        found = await self._store.get(connection, current_identity().developer_id, experiment_id)
        return owned(found, "experiment", experiment_id)

    async def _locked(self, connection: AsyncConnection, experiment_id: str) -> Experiment:
        # Check the owner first, so that nobody waits for or holds the lock of another developer's experiment.
        await self._owned(connection, experiment_id)
        return owned(await self._store.lock(connection, experiment_id), "experiment", experiment_id)


def _check_retry(experiment: Experiment) -> None:
    if experiment.status is not ExperimentStatus.COMPLETED:
        raise WrongState(
            f"The experiment is {experiment.status}. Only the failed trials of a completed experiment can be retried.",
            status=experiment.status,
        )
    if not experiment.failed_trials:
        raise WrongState(
            "No trial of the experiment has failed, so there is nothing to retry", status=experiment.status
        )
