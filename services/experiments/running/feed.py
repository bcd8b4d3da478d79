"""What an experiment's watchers in this process share: one series of reads, and the messages made from them."""

import asyncio
import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog

from services.experiments.domain import Experiment, ExperimentStatus, Trial, TrialStatus
from services.experiments.running.changes import Changes
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import ExperimentKey, Store
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.periodic import periodic

log = structlog.get_logger()

# Changes that follow each other closely are read and sent together. The interval between reads grows with the watchers.
MIN_READ_INTERVAL_SECONDS = 0.05
READ_INTERVAL_SECONDS_PER_WATCHER = 0.001
MAX_READ_INTERVAL_SECONDS = 1.0
RETRY_SECONDS = 0.5
# The database is unavailable, or all its connections are in use. A retry may succeed.
UNREADABLE = (*DISCONNECTED, TimeoutError)

M = TypeVar("M")


@dataclasses.dataclass(frozen=True, slots=True)
class WatchUpdate:
    """One message to a watcher: the experiment's state, a trial that changed, or a heartbeat if both are None.

    `last` means that the state is terminal and that nothing follows.
    """

    experiment: Experiment | None = None
    trial: Trial | None = None
    last: bool = False


class Feed(Generic[M]):
    """The state of one experiment for its watchers in this process. It is read as long as it has a watcher."""

    def __init__(
        self,
        owned: ExperimentKey,
        database: Database,
        store: Store,
        lifecycle: LifecycleStore,
        changes: Changes,
        poll_seconds: float,
        to_message: Callable[[WatchUpdate], M],
    ) -> None:
        self.watchers = 0
        self.version = 0
        """The number of reads that found a change."""
        self.experiment: Experiment | None = None
        """The experiment as last read. None if it does not exist or was not read yet."""
        self.over = False
        """Nothing follows: the experiment has ended or is `deleted`, or a read failed with `failure`."""
        self.deleted = False
        self.failure: Exception | None = None
        self.changed = asyncio.Event()
        """Set with the next version, and replaced by a new event."""
        self._owned = owned
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._changes = changes
        self._poll_seconds = poll_seconds
        self._to_message = to_message
        # Each trial with the version in which it last changed, sorted by that version. 0: pending since it was planned.
        self._trials: dict[str, tuple[int, Trial]] = {}
        # The position of the last read; see LifecycleStore.moved_trials.
        self._mark = 0
        self._joining: list[asyncio.Future[bool]] = []
        self._read_requested = asyncio.Event()
        # Watchers share messages. The cache is cleared at each read, because links in the messages expire.
        self._messages: dict[Hashable, M] = {}

    async def refreshed(self) -> bool:
        """Waits for a new read of the experiment.

        Returns False if the feed ended before a new read. Raises the exception of a failed read.
        """
        read: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._joining.append(read)
        self._read_requested.set()
        return await read

    def message(self, seen: WatchUpdate) -> M:
        """Returns the message to send to a watcher."""
        key = (seen.experiment is None, seen.trial and seen.trial.id, seen.last)
        if key not in self._messages:
            self._messages[key] = self._to_message(seen)
        return self._messages[key]

    def trial(self, trial_id: str) -> tuple[int, Trial]:
        """Returns the version in which a trial last changed, and the trial."""
        return self._trials[trial_id]

    def moved_since(self, version: int) -> Sequence[tuple[str, int]]:
        """Returns the ids of the trials that changed after a version, each with its version, in ascending order."""
        found = []
        for trial_id in reversed(self._trials):
            moved = self._trials[trial_id][0]
            if moved <= version:
                break
            found.append((trial_id, moved))
        return found[::-1]

    async def run(self) -> None:
        """Reads whenever the experiment may have changed, until the feed is over."""
        try:
            with self._changes.watching(self._owned[1]) as self._read_requested:
                # Polling finds a change whose notification was lost.
                await periodic(
                    self._round, self._poll_seconds, batch=True, wake=self._read_requested, until=lambda: self.over
                )
        except Exception as failure:  # noqa: BLE001 - it is raised for every watcher
            self.failure = failure
            self._resolve(self._joining, failure)
            self._publish(over=True)

    async def _round(self) -> bool:
        """Reads once. Returns whether to read again at once."""
        joined, self._joining = self._joining, []
        try:
            await self._read()
        except UNREADABLE as error:
            # Existing watchers see no change. A new watcher receives the error.
            log.warning("a watch_response experiment can't be read now", experiment_id=self._owned[1], error=str(error))
            self._resolve(joined, error)
            await asyncio.sleep(RETRY_SECONDS)
            return True
        self._resolve(joined, True)
        if self.over:
            self._resolve(self._joining, False)
            return False
        pause = max(MIN_READ_INTERVAL_SECONDS, self.watchers * READ_INTERVAL_SECONDS_PER_WATCHER)
        await asyncio.sleep(min(pause, MAX_READ_INTERVAL_SECONDS))
        return False

    async def _read(self) -> None:
        async with self._database.reading() as connection:
            # The experiment is read first: if it has ended, the trials read next are final.
            experiment = await self._store.get(connection, *self._owned)
            if experiment is None:
                self.experiment = self.experiment and _as_cancelled(self.experiment)
                self.deleted = True
                self._publish(over=True)
                return
            trials, self._mark = await self._lifecycle.moved_trials(connection, experiment.id, self._mark)
        self._messages.clear()
        moved = [trial for trial in trials if self._has_changed(trial)]
        if experiment == self.experiment and not moved:
            return
        self.experiment = experiment
        for trial in moved:
            planned = trial.id not in self._trials and trial.status is TrialStatus.PENDING
            self._trials.pop(trial.id, None)
            self._trials[trial.id] = (0 if planned else self.version + 1, trial)
        # Versions must ascend. Trials that were just planned have version 0.
        self._trials = dict(sorted(self._trials.items(), key=lambda item: item[1][0]))
        self._publish(over=experiment.status.ended)

    def _has_changed(self, trial: Trial) -> bool:
        known = self._trials.get(trial.id)
        return known is None or known[1] != trial

    def _publish(self, *, over: bool) -> None:
        self.version += 1
        self.over = over
        self._messages.clear()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    @staticmethod
    def _resolve(joined: Sequence[asyncio.Future[bool]], result: bool | Exception) -> None:
        for read in joined:
            # A watcher that left has cancelled its future.
            if read.done():
                continue
            if isinstance(result, Exception):
                read.set_exception(result)
            else:
                read.set_result(result)


def _as_cancelled(experiment: Experiment) -> Experiment:
    if experiment.status.ended:
        return experiment
    return dataclasses.replace(experiment, status=ExperimentStatus.CANCELLED, ended_at=now())
