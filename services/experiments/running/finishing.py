"""Ends experiments: opens listening, reaches the verdict, and records the fact for events and webhooks."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts
from services.experiments.domain import Experiment, ExperimentStatus, TrialStatus
from services.experiments.results import convert as results_convert
from services.experiments.results.domain import compute_verdict
from services.experiments.running.pairs import comparable_pairs
from services.experiments.store import Store
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime import outbox, telemetry
from services.runtime.clock import now
from services.runtime.outside_text import one_line
from services.shared.audio.rendering import target_lufs
from services.shared.clips.store import ClipStore
from services.shared.listening.domain import ListeningTest
from services.shared.listening.pairing import count_votes
from services.shared.listening.store import ListeningStore
from services.shared.listening.vote_store import VoteStore

log = structlog.get_logger()


class Finishing:
    """Ends experiments. Each method runs in the caller's transaction, which has locked the experiment's row."""

    def __init__(
        self,
        store: Store,
        clips: ClipStore,
        listening: ListeningStore,
        votes: VoteStore,
        publisher: WebhookPublisher,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._clips = clips
        self._listening = listening
        self._votes = votes
        self._publisher = publisher
        self._clock = clock

    async def trials_ended(self, connection: AsyncConnection, experiment: Experiment) -> None:
        """Continues after the last trial: with listening if the experiment has any, otherwise with the verdict."""
        if not experiment.eval_mode.asks_listeners or not await self._open_listening(connection, experiment):
            await self.conclude(connection, experiment)

    async def _open_listening(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        """Opens listening for every pair of completed trials. Returns False if no pair needs more votes.

        After a retry of failed trials the listening test is opened again. It keeps its votes, and new pairs need some.
        """
        trials = await self._store.trials(connection, experiment.id)
        completed = [each.measurements for each in trials if each.status is TrialStatus.COMPLETED]
        target = target_lufs((measured.loudness_lufs, measured.peak) for measured in completed)
        closes_at = self._clock() + timedelta(days=experiment.listening_days)
        test = ListeningTest(experiment.id, experiment.votes_per_pair, closes_at)
        pairs = await self._listening.open(connection, test, comparable_pairs(trials, target))
        received, needed = count_votes(pairs, experiment.votes_per_pair)
        opened = received < needed
        if not opened:
            await self._listening.suspend(connection, experiment.id)
        await self._store.open_listening(
            connection, experiment.id, received=received, needed=needed, until=closes_at if opened else None
        )
        return opened

    async def conclude(self, connection: AsyncConnection, experiment: Experiment) -> None:
        """Reaches the verdict from the present trials and votes, and completes the experiment with it."""
        # The last vote comes in another trace, and the end of the listening period in none.
        with telemetry.working_on(experiment_id=experiment.id), telemetry.continuing(experiment.traceparent):
            await self._conclude(connection, experiment)

    async def _conclude(self, connection: AsyncConnection, experiment: Experiment) -> None:
        trials = await self._store.trials(connection, experiment.id)
        cast = await self._votes.of_test(connection, experiment.id) if experiment.eval_mode.asks_listeners else ()
        try:
            # Exact p-values of four models take long enough to delay other calls on the event loop.
            verdict = await asyncio.to_thread(compute_verdict, experiment, trials, cast)
        except Exception as error:
            log.error("a verdict could not be computed", exc_info=error)
            await self._fail(connection, experiment, one_line(f"results could not be computed: {error}"))
            return
        moment = now()
        results = results_convert.results_to_store(experiment.id, verdict, moment)
        completed = await self._store.complete(connection, experiment.id, results, moment)
        winner = verdict.winner.name if verdict.winner else None
        await self._publisher.record(connection, facts.experiment_completed(completed, winner), completed)

    async def cancel(self, connection: AsyncConnection, experiment: Experiment) -> Experiment:
        """Cancels an experiment and its trials, has its running synthesis cancelled, and returns it."""
        moment = now()
        if experiment.status is ExperimentStatus.RUNNING:
            await outbox.add(connection, facts.REQUESTS.cancellation(experiment.id))
        evaluated = await self._clips.cancel(connection, experiment.id, moment)
        if experiment.listens:
            # Models need not listen to these any more.
            await outbox.add(connection, *(facts.REQUESTS.current_step(clip, last=True) for clip in evaluated))
        await self._listening.suspend(connection, experiment.id)
        cancelled = await self._store.cancel(connection, experiment.id, moment)
        await self._publisher.record(connection, facts.experiment_cancelled(cancelled), cancelled)
        return cancelled

    async def _fail(self, connection: AsyncConnection, experiment: Experiment, message: str) -> None:
        failed = await self._store.fail(connection, experiment.id, message, now())
        await self._publisher.record(connection, facts.experiment_failed(failed), failed)
