"""What happens as work comes back: each trial takes its next step at once, and the last one decides the experiment.

Whoever changes a trial in flight holds its experiment's row lock, so steps of one experiment follow one another. An
answer counts only if it is to the latest request of the trial's current step: what a superseded attempt did late has no
effect. An answer about a trial that is not there any more is about one that was deleted, and so is what it left behind.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts, figures
from services.experiments.domain import EVALUATION_FAILED, Experiment, ExperimentStatus, Trial, TrialStatus
from services.experiments.running.dispatching import Dispatcher
from services.experiments.running.finishing import Finishing
from services.experiments.running.step_store import Held, Moved, StepStore
from services.experiments.store import Store
from services.runtime import outbox, telemetry
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.outside_text import one_line
from services.shared.metrics import Measurements

log = structlog.get_logger()

CONSUMER = "experiments"
# With a patience of 20 s that doubles, the last request is given up about 85 minutes after the first.
MOST_ATTEMPTS = 8
RECONCILE_BATCH = 200
# A delay that tts tells of; longer than any that it waits for.
MAX_DELAY = timedelta(minutes=10)


class Progress:
    """The use cases over one database."""

    def __init__(
        self, database: Database, store: Store, steps: StepStore, finishing: Finishing, dispatcher: Dispatcher
    ) -> None:
        self._database = database
        self._store = store
        self._steps = steps
        self._finishing = finishing
        self._dispatcher = dispatcher

    async def synthesized(
        self,
        event_id: str,
        trial_id: str,
        attempt: int,
        audio_name: str,
        measured: Measurements,
        provider_requests: int = 0,
    ) -> None:
        """The audio of a trial is there: have it measured, and let another one have its place at the provider."""
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, trial_id, TrialStatus.SYNTHESIZING)
            if held is None:
                return
            with _work_for(held):
                moved = await self._steps.move(
                    connection,
                    trial_id,
                    TrialStatus.SYNTHESIZING,
                    attempt,
                    TrialStatus.SCORING,
                    measured,
                    audio_name=audio_name,
                    provider_requests=provider_requests,
                    attempts=1,
                    attempts_before=0,
                    requested_at=now(),
                )
                if moved is None:
                    return _ignored(trial_id, attempt)
                request = facts.evaluation_requested(held.experiment_id, trial_id, 1, held.developer_id, audio_name)
                others = await self._dispatcher.next_requests(connection, moved.provider)
                await outbox.add_each(connection, [(request, ""), *others])
        figures.TRIALS.labels(TrialStatus.SCORING).inc()

    async def delayed(self, event_id: str, trial_id: str, attempt: int, until: datetime) -> None:
        """The provider of a trial asked for patience, and gets it: nothing is asked again before its time is over."""
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, trial_id, TrialStatus.SYNTHESIZING)
            if held is not None:
                await self._steps.move(
                    connection,
                    trial_id,
                    TrialStatus.SYNTHESIZING,
                    attempt,
                    TrialStatus.SYNTHESIZING,
                    Measurements(),
                    requested_at=min(until, now() + MAX_DELAY),
                )

    async def evaluated(self, event_id: str, trial_id: str, attempt: int, measured: Measurements) -> None:
        """A trial has been measured: it is complete."""
        await self._ended(event_id, trial_id, attempt, TrialStatus.SCORING, TrialStatus.COMPLETED, measured)

    async def failed(
        self,
        event_id: str,
        trial_id: str,
        attempt: int | None,
        during: TrialStatus,
        message: str,
        *,
        kind: str,
        **values: Any,
    ) -> None:
        """A step of a trial has failed for good, and the trial with it; the experiment goes on.

        Without `attempt` it counts whichever request the trial waits for. `values` are further columns of the trial.
        """
        values |= {"error_kind": kind, "error_message": one_line(message)}
        await self._ended(event_id, trial_id, attempt, during, TrialStatus.FAILED, Measurements(), **values)

    async def _ended(
        self,
        event_id: str,
        trial_id: str,
        attempt: int | None,
        during: TrialStatus,
        status: TrialStatus,
        measured: Measurements,
        **values: Any,
    ) -> None:
        async with self._database.transaction() as connection:
            held = await self._held(connection, event_id, trial_id, during)
            if held is None:
                return
            with _work_for(held):
                if not await self._end(connection, held, trial_id, during, attempt, status, measured, **values):
                    _ignored(trial_id, attempt)

    async def _held(
        self, connection: AsyncConnection, event_id: str, trial_id: str, during: TrialStatus
    ) -> Held | None:
        """Returns the trial's experiment, locked, if the answer is to have an effect on it."""
        held, first_time = await self._steps.hold_for(connection, trial_id, consumer=CONSUMER, event_id=event_id)
        if held is None:
            # Also when the event was seen before: then the work was done a second time, after the deletion.
            log.info("what belongs to a deleted trial is deleted", trial_id=trial_id, step=during)
            await outbox.add(connection, *_deletions(trial_id, during))
            return None
        return held if first_time and held.status is ExperimentStatus.RUNNING else None

    async def _end(
        self,
        connection: AsyncConnection,
        held: Held,
        trial_id: str,
        during: TrialStatus,
        attempt: int | None,
        status: TrialStatus,
        measured: Measurements,
        **values: Any,
    ) -> Moved | None:
        moved = await self._steps.move(
            connection, trial_id, during, attempt, status, measured, **values, ended_at=now()
        )
        if moved is None:
            return None
        figures.TRIALS.labels(status).inc()
        if moved.last:
            await self._finishing.trials_ended(connection, await self._whole(connection, held))
        if during is TrialStatus.SYNTHESIZING:
            # After the verdict, so that nobody waits for it at the provider.
            await outbox.add_each(connection, await self._dispatcher.next_requests(connection, moved.provider))
        return moved

    async def _whole(self, connection: AsyncConnection, held: Held) -> Experiment:
        experiment = await self._store.lock(connection, held.experiment_id)
        if experiment is None:
            raise LookupError(f"experiment {held.experiment_id} is locked and yet not there")
        return experiment

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
        # Something may have happened to it meanwhile, or another process have asked: then it is not moved.
        asked = stale.attempts - stale.attempts_before
        async with self._database.transaction() as connection:
            held = await self._steps.hold(connection, stale.id)
            if held is None or held.status is not ExperimentStatus.RUNNING:
                return
            with _work_for(held):
                if asked >= MOST_ATTEMPTS:
                    await self._give_up(connection, held, stale, asked)
                else:
                    await self._request_again(connection, held, stale)

    async def _give_up(self, connection: AsyncConnection, held: Held, stale: Trial, asked: int) -> None:
        during = stale.status
        step, kind = (
            ("speech", "timed_out") if during is TrialStatus.SYNTHESIZING else ("measurements", EVALUATION_FAILED)
        )
        error = f"no {step} came back after {asked} requests"
        await self._end(
            connection,
            held,
            stale.id,
            during,
            stale.attempts,
            TrialStatus.FAILED,
            Measurements(),
            error_kind=kind,
            error_message=error,
        )

    async def _request_again(self, connection: AsyncConnection, held: Held, stale: Trial) -> None:
        attempt = stale.attempts + 1
        moved = await self._steps.move(
            connection,
            stale.id,
            stale.status,
            stale.attempts,
            stale.status,
            Measurements(),
            attempts=attempt,
            requested_at=now(),
        )
        if moved is not None:
            log.warning("asking again", trial_id=stale.id, step=stale.status, attempt=attempt)
            await outbox.add(connection, facts.request_again(stale, attempt, held.developer_id))


@contextmanager
def _work_for(held: Held) -> Iterator[None]:
    """Has logs name the experiment, and events of the block be of the trace in which it was run."""
    with telemetry.working_on(experiment_id=held.experiment_id), telemetry.continuing(held.traceparent):
        yield


def _deletions(trial_id: str, during: TrialStatus) -> Sequence[Message]:
    speech = facts.speech_deletion_requested([trial_id])
    return [speech] if during is TrialStatus.SYNTHESIZING else [speech, facts.evaluation_deletion_requested([trial_id])]


def _ignored(trial_id: str, attempt: int | None) -> None:
    log.info("a late answer is ignored", trial_id=trial_id, attempt=attempt)
