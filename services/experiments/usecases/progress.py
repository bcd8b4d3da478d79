"""What happens as work comes back: each trial takes its next step at once, and the last one decides the experiment.

Whoever changes a trial holds its experiment's row lock, so steps of one experiment follow one another. An answer counts
only if it is to the latest request of the trial's current step: what a superseded attempt did late has no effect.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import events_out
from services.experiments.domain import (
    Experiment,
    ExperimentStatus,
    Measurements,
    Trial,
    TrialStatus,
    one_line,
)
from services.experiments.store import Store
from services.experiments.usecases.changes import announce
from services.experiments.usecases.finishing import Finishing
from services.runtime import inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database

log = structlog.get_logger()

CONSUMER = "experiments"
# With a patience of 20 s that doubles, the last request is given up about 85 minutes after the first.
MOST_ATTEMPTS = 8
RECONCILE_BATCH = 200

Step = Callable[[AsyncConnection, Experiment, Trial], Awaitable[None]]


class Progress:
    """The use cases over one database."""

    def __init__(self, database: Database, store: Store, finishing: Finishing) -> None:
        self._database = database
        self._store = store
        self._finishing = finishing

    async def synthesized(
        self, event_id: str, trial_id: str, attempt: int, audio_name: str, measured: Measurements
    ) -> None:
        """The audio of a trial is there: have it measured."""

        async def step(connection: AsyncConnection, experiment: Experiment, trial: Trial) -> None:
            await self._store.move_trial(
                connection,
                trial.id,
                TrialStatus.SCORING,
                measured,
                audio_name=audio_name,
                attempts=1,
                attempts_before=0,
                requested_at=now(),
            )
            await self._store.count_progress(connection, experiment.id, TrialStatus.SCORING)
            await outbox.add(
                connection, events_out.evaluation_requested(trial.id, 1, experiment.developer_id, audio_name)
            )

        await self._answered(event_id, trial_id, attempt, TrialStatus.SYNTHESIZING, step)

    async def evaluated(self, event_id: str, trial_id: str, attempt: int, measured: Measurements) -> None:
        """A trial has been measured: it is complete."""

        async def step(connection: AsyncConnection, experiment: Experiment, trial: Trial) -> None:
            await self._end(connection, trial, TrialStatus.COMPLETED, measured)

        await self._answered(event_id, trial_id, attempt, TrialStatus.SCORING, step)

    async def failed(
        self, event_id: str, trial_id: str, attempt: int | None, during: TrialStatus, message: str
    ) -> None:
        """A step of a trial has failed for good, and the trial with it; the experiment goes on.

        Without `attempt` it counts whichever request the trial waits for.
        """

        async def step(connection: AsyncConnection, experiment: Experiment, trial: Trial) -> None:
            await self._end(connection, trial, TrialStatus.FAILED, Measurements(), one_line(message))

        await self._answered(event_id, trial_id, attempt, during, step)

    async def _answered(
        self, event_id: str, trial_id: str, attempt: int | None, during: TrialStatus, step: Step
    ) -> None:
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            experiment = await self._store.lock_of_trial(connection, trial_id)
            trial = await self._store.trial(connection, trial_id)
            if experiment is None or trial is None or experiment.status is not ExperimentStatus.RUNNING:
                return
            if trial.status is not during or attempt not in (None, trial.attempts):
                log.info("a late answer is ignored", trial_id=trial_id, attempt=attempt, status=trial.status)
                return
            await step(connection, experiment, trial)
            await announce(connection, experiment.id)

    async def _end(
        self, connection: AsyncConnection, trial: Trial, status: TrialStatus, measured: Measurements, error: str = ""
    ) -> None:
        await self._store.move_trial(connection, trial.id, status, measured, error_message=error, ended_at=now())
        experiment = await self._store.count_progress(connection, trial.experiment_id, status)
        if experiment.completed_trials + experiment.failed_trials == experiment.total_trials:
            await self._finishing.trials_ended(connection, experiment)

    async def reconcile(self, patience: timedelta) -> int:
        """Asks again for what has stayed unanswered too long, and returns for how many trials.

        Nothing is lost with this, even if the bus forgets everything: PostgreSQL knows what was asked for.
        """
        async with self._database.reading() as connection:
            stale = await self._store.stale_trials(connection, now(), patience, RECONCILE_BATCH)
        for trial in stale:
            await self._ask_again(trial)
        return len(stale)

    async def _ask_again(self, stale: Trial) -> None:
        async with self._database.transaction() as connection:
            experiment = await self._store.lock_of_trial(connection, stale.id)
            trial = await self._store.trial(connection, stale.id)
            # Something may have happened to it meanwhile, or another process have asked.
            if (
                experiment is None
                or trial is None
                or experiment.status is not ExperimentStatus.RUNNING
                or (trial.status, trial.attempts) != (stale.status, stale.attempts)
            ):
                return
            step = "speech" if trial.status is TrialStatus.SYNTHESIZING else "measurements"
            asked = trial.attempts - trial.attempts_before
            if asked >= MOST_ATTEMPTS:
                error = f"no {step} came back after {asked} requests"
                await self._end(connection, trial, TrialStatus.FAILED, Measurements(), error)
            else:
                attempt = trial.attempts + 1
                log.warning("asking again", trial_id=trial.id, step=step, attempt=attempt)
                await self._store.move_trial(
                    connection, trial.id, trial.status, Measurements(), attempts=attempt, requested_at=now()
                )
                await outbox.add(connection, events_out.request_again(trial, attempt, experiment.developer_id))
            await announce(connection, experiment.id)
