"""What one experiment's watchers in this process share: its reads, and the messages that are made of them."""

import asyncio
import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog

from services.experiments.domain import Experiment, ExperimentStatus, Trial, TrialStatus
from services.experiments.running.changes import Changes
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import Owned, Store
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.periodic import periodic

log = structlog.get_logger()

# Steps of many trials that come close together are read, and told, together; the more so the more there are to be told.
BETWEEN_READS_SECONDS = 0.05
FOR_EACH_WATCHER_SECONDS = 0.001
MAX_READ_INTERVAL_SECONDS = 1.0
RETRY_SECONDS = 0.5
# The database is away, or all its connections are in use; later it may be otherwise.
UNREADABLE = (*DISCONNECTED, TimeoutError)

M = TypeVar("M")


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a watcher sees: the experiment's state, one trial that moved, or, with neither, a heartbeat.

    `last` says that the state is the terminal one and that nothing follows.
    """

    experiment: Experiment | None = None
    trial: Trial | None = None
    last: bool = False


class Feed(Generic[M]):
    """One experiment as its watchers in this process know it. It is read while there is one."""

    def __init__(
        self,
        owned: Owned,
        database: Database,
        store: Store,
        lifecycle: LifecycleStore,
        changes: Changes,
        look_again_seconds: float,
        show: Callable[[Seen], M],
    ) -> None:
        self.watchers = 0
        self.version = 0
        """Counts the reads that found something new."""
        self.experiment: Experiment | None = None
        """As it was read last; None if there is none."""
        self.over = False
        """Nothing follows: it has ended, or is `deleted`, or `failure` has happened."""
        self.deleted = False
        self.failure: Exception | None = None
        self.changed = asyncio.Event()
        """Is set, and replaced by another, with the next version."""
        self._owned = owned
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._changes = changes
        self._look_again_seconds = look_again_seconds
        self._show = show
        # Each trial with the version in which it moved last, in that order; 0 for those that have always been pending.
        self._trials: dict[str, tuple[int, Trial]] = {}
        self._mark = 0
        self._joining: list[asyncio.Future[bool]] = []
        self._asked = asyncio.Event()
        # What was made for the first watcher serves the others. Links in it grow old, so it is not kept for long.
        self._messages: dict[Hashable, M] = {}

    async def refreshed(self) -> bool:
        """Returns once the experiment has been read anew, False if it was over before. Raises what reading raises."""
        read: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._joining.append(read)
        self._asked.set()
        return await read

    def message(self, seen: Seen) -> M:
        """Returns what a watcher is sent."""
        key = (seen.experiment is None, seen.trial and seen.trial.id, seen.last)
        if key not in self._messages:
            self._messages[key] = self._show(seen)
        return self._messages[key]

    def trial(self, trial_id: str) -> tuple[int, Trial]:
        """Returns a trial and the version in which it moved last."""
        return self._trials[trial_id]

    def moved_since(self, version: int) -> Sequence[tuple[str, int]]:
        """Returns the trials that have moved after a version, each with the version in which it did, in their order."""
        found = []
        for trial_id in reversed(self._trials):
            moved = self._trials[trial_id][0]
            if moved <= version:
                break
            found.append((trial_id, moved))
        return found[::-1]

    async def run(self) -> None:
        """Reads whenever something may have changed, until there is nothing more to come."""
        try:
            with self._changes.watching(self._owned[1]) as self._asked:
                # Should a change have gone unheard, the next look finds it.
                await periodic(
                    self._round, self._look_again_seconds, batch=True, wake=self._asked, until=lambda: self.over
                )
        except Exception as failure:  # noqa: BLE001 - it is raised for every watcher
            self.failure = failure
            self._answer(self._joining, failure)
            self._publish(over=True)

    async def _round(self) -> bool:
        """Reads once, and returns whether to read again at once."""
        joined, self._joining = self._joining, []
        try:
            await self._read()
        except UNREADABLE as error:
            # Who watches already need not notice; who has nothing yet is told.
            log.warning("what is watched can't be read now", experiment_id=self._owned[1], error=str(error))
            self._answer(joined, error)
            await asyncio.sleep(RETRY_SECONDS)
            return True
        self._answer(joined, True)
        if self.over:
            self._answer(self._joining, False)
            return False
        pause = max(BETWEEN_READS_SECONDS, self.watchers * FOR_EACH_WATCHER_SECONDS)
        await asyncio.sleep(min(pause, MAX_READ_INTERVAL_SECONDS))
        return False

    async def _read(self) -> None:
        async with self._database.reading() as connection:
            # The experiment first: if it has ended, nothing of its trials can be missing.
            experiment = await self._store.get(connection, *self._owned)
            if experiment is None:
                self.experiment = self.experiment and _as_cancelled(self.experiment)
                self.deleted = True
                self._publish(over=True)
                return
            trials, self._mark = await self._lifecycle.moved_trials(connection, experiment.id, self._mark)
        self._messages.clear()
        moved = [trial for trial in trials if self._is_news(trial)]
        if experiment == self.experiment and not moved:
            return
        self.experiment = experiment
        for trial in moved:
            planned = trial.id not in self._trials and trial.status is TrialStatus.PENDING
            self._trials.pop(trial.id, None)
            self._trials[trial.id] = (0 if planned else self.version + 1, trial)
        # Versions ascend: what was just planned belongs before what has moved.
        self._trials = dict(sorted(self._trials.items(), key=lambda item: item[1][0]))
        self._publish(over=experiment.status.ended)

    def _is_news(self, trial: Trial) -> bool:
        known = self._trials.get(trial.id)
        return known is None or known[1] != trial

    def _publish(self, *, over: bool) -> None:
        self.version += 1
        self.over = over
        self._messages.clear()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    @staticmethod
    def _answer(joined: Sequence[asyncio.Future[bool]], outcome: bool | Exception) -> None:
        for read in joined:
            # Who has left waits no more.
            if read.done():
                continue
            if isinstance(outcome, Exception):
                read.set_exception(outcome)
            else:
                read.set_result(outcome)


def _as_cancelled(experiment: Experiment) -> Experiment:
    if experiment.status.ended:
        return experiment
    return dataclasses.replace(experiment, status=ExperimentStatus.CANCELLED, ended_at=now())
