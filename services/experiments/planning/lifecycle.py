"""Asking again for what has failed of an experiment, cloning experiments and deleting them."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts, figures
from services.experiments.domain import Experiment, ExperimentStatus, TrialStatus
from services.experiments.planning.domain import Plan, check_running, plan_of
from services.experiments.planning.usecases import Planning
from services.experiments.running.changes import announce
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
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        store: Store,
        lifecycle: LifecycleStore,
        clips: ClipStore,
        listening: ListeningStore,
        planning: Planning,
        dispatcher: Dispatcher,
        most_running: int,
    ) -> None:
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._clips = clips
        self._listening = listening
        self._planning = planning
        self._dispatcher = dispatcher
        self._most_running = most_running

    async def clone(self, experiment_id: str, change: Callable[[Plan], Plan]) -> Experiment:
        """Creates an experiment like another one of the caller, but for what `change` changes of its plan."""
        async with self._database.reading() as connection:
            original = await self._owned(connection, experiment_id)
        return await self._planning.create(change(plan_of(original)), original)

    async def retry(self, experiment_id: str) -> Experiment:
        """Asks again for the failed trials of a completed experiment. A trial whose audio is there is measured again,
        any other is spoken again when its turn comes.

        WrongState if there are none; QuotaExceeded while too many experiments of the caller are running.
        """
        async with self._database.transaction() as connection:
            owned = await self._owned(connection, experiment_id)
            _check_retry(owned)
            # Before the experiment is locked: a developer's calls wait for one another here.
            check_running(await self._store.count_running(connection, owned.developer_id), self._most_running)
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
            await announce(connection, experiment.id)
        for trial in trials:
            figures.TRIALS.labels(trial.status).inc()
        await self._dispatcher.release({trial.provider for trial in trials if trial.status is TrialStatus.PENDING})
        return running

    async def delete(self, experiment_id: str) -> int:
        """Deletes an experiment and all that belongs to it, whatever its state, and returns how many trials it had."""
        async with self._database.transaction() as connection:
            experiment = await self._locked(connection, experiment_id)
            trial_ids = await self._lifecycle.trial_ids(connection, [experiment.id])
            # What was not sent yet holds the prompts; whoever would get it is told to forget it all the same.
            await outbox.withdraw(connection, experiment.id)
            if experiment.status is not ExperimentStatus.CREATED:
                # When it has ended, too: requests that the bus brings a second time must not be carried out again.
                await outbox.add(connection, facts.REQUESTS.cancellation(experiment.id))
            if not experiment.status.ended:
                # Not announced to a webhook: a delivery would be deleted with its experiment.
                await outbox.add(connection, facts.experiment_cancelled(experiment))
            await outbox.add(connection, *facts.REQUESTS.deletions(trial_ids))
            await self._listening.remove(connection, experiment.id)
            await self._lifecycle.delete(connection, experiment.id)
            await announce(connection, experiment.id)
        await self._dispatcher.release({model.provider for model in experiment.models})
        return len(trial_ids)

    async def _owned(self, connection: AsyncConnection, experiment_id: str) -> Experiment:
        ids.check_id(experiment_id, "exp")
        found = await self._store.get(connection, current_identity().developer_id, experiment_id)
        return owned(found, "experiment", experiment_id)

    async def _locked(self, connection: AsyncConnection, experiment_id: str) -> Experiment:
        # Whose it is first: nobody waits for, or holds, what is somebody else's.
        await self._owned(connection, experiment_id)
        return owned(await self._store.lock(connection, experiment_id), "experiment", experiment_id)


def _check_retry(experiment: Experiment) -> None:
    if experiment.status is not ExperimentStatus.COMPLETED:
        raise WrongState(
            f"the experiment is {experiment.status}; only the failed trials of a completed one can be retried",
            status=experiment.status,
        )
    if not experiment.failed_trials:
        raise WrongState(
            "no trial of the experiment has failed, so there is nothing to retry", status=experiment.status
        )
