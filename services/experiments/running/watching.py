"""Streams an experiment's progress. Watchers of the same experiment in this process share its reads and messages.

A watcher has no queue, only the last version that it has sent. A slow watcher therefore gets the latest state of
everything that changed since, and delays nobody else.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextvars import Context
from typing import Generic, TypeVar

from services.experiments.domain import Experiment
from services.experiments.running.changes import Changes
from services.experiments.running.feed import Feed, WatchUpdate
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import ExperimentKey, Store
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound
from services.runtime.identity import current_identity

M = TypeVar("M")


class WatchExperiment(Generic[M]):
    """The use case of watching an experiment. `to_message` converts each update to the message for the watcher."""

    def __init__(
        self,
        database: Database,
        store: Store,
        lifecycle: LifecycleStore,
        changes: Changes,
        heartbeat_seconds: float,
        to_message: Callable[[WatchUpdate], M],
    ) -> None:
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._changes = changes
        self._heartbeat_seconds = heartbeat_seconds
        self._to_message = to_message
        self._feeds: dict[ExperimentKey, tuple[Feed[M], asyncio.Task[None]]] = {}

    async def watch(self, experiment_id: str) -> AsyncGenerator[M, None]:
        """Yields the current state, then every change, and heartbeats in between. Ends with the terminal state.

        An experiment that is deleted meanwhile ends as cancelled. Raises NotFound if it does not exist.
        """
        ids.check_id(experiment_id, "exp")
        owned = (current_identity().developer_id, experiment_id)
        feed = await self._joined(owned)
        try:
            if feed.deleted:
                raise NotFound.of("experiment", experiment_id)
            sent_version = 0
            state: Hashable = None
            while True:
                changed, version = feed.changed, feed.version
                if state is None or (state != _state(feed.experiment) and not feed.over):
                    state = _state(feed.experiment)
                    yield feed.message(WatchUpdate(feed.experiment))
                for trial_id, moved in feed.moved_since(sent_version):
                    # A trial that has changed again meanwhile is sent with the next version.
                    now_moved, trial = feed.trial(trial_id)
                    if now_moved == moved:
                        yield feed.message(WatchUpdate(feed.experiment, trial))
                sent_version = version
                if feed.failure is not None:
                    raise feed.failure
                if feed.over and feed.version == version:
                    yield feed.message(WatchUpdate(feed.experiment, last=True))
                    return
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield feed.message(WatchUpdate())
        finally:
            self._leave(owned, feed)

    async def _joined(self, owned: ExperimentKey) -> Feed[M]:
        """Returns a feed that was read after this call began. The caller must call `_leave`."""
        while True:
            feed = self._join(owned)
            read = False
            try:
                read = await feed.refreshed()
            finally:
                if not read:
                    self._leave(owned, feed)
            if read:
                return feed

    def _join(self, owned: ExperimentKey) -> Feed[M]:
        feed, _ = self._feeds.get(owned, (None, None))
        # An experiment whose feed is over may run again, for example after a retry.
        if feed is None or feed.over:
            feed = Feed(
                owned,
                self._database,
                self._store,
                self._lifecycle,
                self._changes,
                self._heartbeat_seconds,
                self._to_message,
            )
            # The task serves many calls, so it must not inherit the identity, deadline or trace of this one.
            self._feeds[owned] = feed, asyncio.create_task(feed.run(), context=Context())
        feed.watchers += 1
        return feed

    def _leave(self, owned: ExperimentKey, feed: Feed[M]) -> None:
        feed.watchers -= 1
        if feed.watchers:
            return
        current, task = self._feeds.get(owned, (None, None))
        if current is feed and task is not None:
            task.cancel()
            del self._feeds[owned]


def _state(experiment: Experiment | None) -> Hashable:
    """Returns the part of an experiment's state whose change is sent as a state message."""
    if experiment is None:
        return None
    return experiment.status, experiment.listening_until, experiment.votes_received, experiment.votes_needed
