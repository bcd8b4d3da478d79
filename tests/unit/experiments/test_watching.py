"""How an experiment is watched: the current state, every change, then the end, with shared reads for all watchers."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError

from services.experiments.domain import (
    EvalMode,
    Experiment,
    ExperimentStatus,
    ModelSpec,
    Trial,
    TrialStatus,
)
from services.experiments.running import feed
from services.experiments.running.changes import Changes, notify_watchers
from services.experiments.running.feed import WatchUpdate
from services.experiments.running.watching import WatchExperiment
from services.runtime.errors import InvalidInput, NotFound
from tests.fakes.memory_database import MemoryDatabase, table
from tests.fakes.memory_experiments_store import MemoryExperimentsStore, change
from tests.fakes.memory_lifecycle_store import MemoryLifecycleStore
from tests.unit.experiments.conftest import call_as

SOON = 5.0
NEVER = 1000.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EXPERIMENT_ID = "exp_" + "a" * 32
RUNNING, COMPLETED = ExperimentStatus.RUNNING, ExperimentStatus.COMPLETED
PENDING, SYNTHESIZING, SCORING = TrialStatus.PENDING, TrialStatus.SYNTHESIZING, TrialStatus.SCORING
AWAY = OperationalError("SELECT", None, Exception("the server closed the connection"))

EXPERIMENT = Experiment(
    id=EXPERIMENT_ID,
    developer_id="dev_a",
    name="a comparison",
    scenario="general",
    eval_mode=EvalMode.AUTOMATED,
    status=RUNNING,
    models=[ModelSpec("espeak", "en"), ModelSpec("flite", "slt")],
    prompts=["Hello."],
    webhook_url="",
    primary_metric="composite_per_prompt",
    audio_retention_days=30,
    total_trials=2,
    created_at=NOON,
)
FIRST = Trial(
    id="trl_1",
    experiment_id=EXPERIMENT_ID,
    prompt_index=0,
    model_index=0,
    prompt_text="Hello.",
    provider="espeak",
    voice_id="en",
    model_id="",
    speed=None,
    status=PENDING,
    attempts=0,
    created_at=NOON,
)
SECOND = dataclasses.replace(FIRST, id="trl_2", model_index=1, provider="flite", voice_id="slt")


class WatchedExperiment:
    """An experiment with two pending trials, and its watchers."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryExperimentsStore()
        self.lifecycle = MemoryLifecycleStore()
        self.changes = Changes(self.database)
        self.converted: list[WatchUpdate] = []
        self.watching = self.with_heartbeats(NEVER)

    def with_heartbeats(self, seconds: float) -> WatchExperiment[WatchUpdate]:
        return WatchExperiment(self.database, self.store, self.lifecycle, self.changes, seconds, self.to_message)

    def to_message(self, seen: WatchUpdate) -> WatchUpdate:
        self.converted.append(seen)
        return seen

    async def plan(self) -> None:
        async with self.database.transaction() as connection:
            await self.store.add(connection, EXPERIMENT, "")
            await self.store.add_trials(connection, [FIRST, SECOND], NOON)

    async def move(self, trial: Trial, status: TrialStatus, *, notify: bool = True) -> Trial:
        """Changes the status of a trial and returns the new trial."""
        async with self.database.transaction() as connection:
            moved = table(connection, "trials")[trial.id] = dataclasses.replace(trial, status=status)
            if notify:
                await notify_watchers(connection, EXPERIMENT_ID)
        return moved

    async def change(self, status: ExperimentStatus, **values: object) -> Experiment:
        """Changes columns of the experiment and returns the new experiment."""
        async with self.database.transaction() as connection:
            changed = change(connection, EXPERIMENT_ID, status=status, **values)
            await notify_watchers(connection, EXPERIMENT_ID)
        return changed

    async def delete(self) -> None:
        async with self.database.transaction() as connection:
            await self.lifecycle.delete(connection, EXPERIMENT_ID)
            await notify_watchers(connection, EXPERIMENT_ID)

    @asynccontextmanager
    async def watcher(
        self, watching: WatchExperiment[WatchUpdate] | None = None
    ) -> AsyncIterator[AsyncIterator[WatchUpdate]]:
        """Watches the experiment."""
        async with aclosing((watching or self.watching).watch(EXPERIMENT_ID)) as seen:
            yield seen


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WatchedExperiment]:
    monkeypatch.setattr(feed, "MAX_READ_INTERVAL_SECONDS", 0)
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0)
    call_as("dev_a")
    watched = WatchedExperiment()
    await watched.plan()
    listening = asyncio.create_task(watched.changes.run())
    await asyncio.sleep(0)
    yield watched
    listening.cancel()


async def next_of(seen: AsyncIterator[WatchUpdate]) -> WatchUpdate:
    async with asyncio.timeout(SOON):
        return await anext(seen)


async def rest_of(seen: AsyncIterator[WatchUpdate]) -> Sequence[WatchUpdate]:
    async with asyncio.timeout(SOON):
        return [one async for one in seen]


async def test_a_watcher_sees_each_change_and_then_the_end(watched: WatchedExperiment) -> None:
    async with watched.watcher() as seen:
        assert await next_of(seen) == WatchUpdate(EXPERIMENT)
        spoken = await watched.move(FIRST, SCORING)
        assert await next_of(seen) == WatchUpdate(EXPERIMENT, spoken)
        other = await watched.move(SECOND, SYNTHESIZING)
        assert await next_of(seen) == WatchUpdate(EXPERIMENT, other)
        ended = await watched.change(COMPLETED, ended_at=NOON)
        assert await rest_of(seen) == [WatchUpdate(ended, last=True)]


async def test_a_new_status_is_sent_as_a_state_message(watched: WatchedExperiment) -> None:
    created = await watched.change(ExperimentStatus.CREATED)
    async with watched.watcher() as seen:
        assert await next_of(seen) == WatchUpdate(created)
        assert await watched.change(RUNNING) == EXPERIMENT
        assert await next_of(seen) == WatchUpdate(EXPERIMENT)


async def test_a_watcher_of_an_ended_experiment_sees_its_trials_and_the_end(watched: WatchedExperiment) -> None:
    moved = [await watched.move(trial, TrialStatus.COMPLETED) for trial in (SECOND, FIRST)]
    ended = await watched.change(COMPLETED, ended_at=NOON)
    async with watched.watcher() as seen:
        expected = [
            WatchUpdate(ended),
            *(WatchUpdate(ended, trial) for trial in reversed(moved)),
            WatchUpdate(ended, last=True),
        ]
        assert await rest_of(seen) == expected


async def test_trials_that_were_always_pending_are_not_sent_but_retried_ones_are(watched: WatchedExperiment) -> None:
    failed = await watched.move(SECOND, TrialStatus.FAILED)
    async with watched.watcher() as seen:
        assert [await next_of(seen) for _ in range(2)] == [WatchUpdate(EXPERIMENT), WatchUpdate(EXPERIMENT, failed)]
        again = await watched.move(failed, PENDING)
        assert await next_of(seen) == WatchUpdate(EXPERIMENT, again)


async def test_each_vote_is_sent(watched: WatchedExperiment) -> None:
    async with watched.watcher() as seen:
        await next_of(seen)
        voted = await watched.change(RUNNING, listening_until=NOON, votes_needed=6, votes_received=1)
        assert await next_of(seen) == WatchUpdate(voted)


async def test_heartbeats_are_sent_while_nothing_changes(watched: WatchedExperiment) -> None:
    async with watched.watcher(watched.with_heartbeats(0.001)) as seen:
        assert [await next_of(seen) for _ in range(3)] == [WatchUpdate(EXPERIMENT), WatchUpdate(), WatchUpdate()]


async def test_a_change_without_a_notification_is_found_with_the_next_heartbeat(watched: WatchedExperiment) -> None:
    async with watched.watcher(watched.with_heartbeats(0.001)) as seen:
        await next_of(seen)
        moved = await watched.move(FIRST, SYNTHESIZING, notify=False)
        async with asyncio.timeout(SOON):
            while (one := await anext(seen)) == WatchUpdate():
                pass
        assert one == WatchUpdate(EXPERIMENT, moved)


async def test_watchers_read_again_after_a_lost_database_connection(watched: WatchedExperiment) -> None:
    async with watched.watcher() as seen:
        await next_of(seen)
        moved = await watched.move(FIRST, SYNTHESIZING, notify=False)
        watched.changes._on_change("")
        assert await next_of(seen) == WatchUpdate(EXPERIMENT, moved)


async def test_a_new_watcher_sees_changes_that_existing_watchers_were_not_notified_of(
    watched: WatchedExperiment,
) -> None:
    async with watched.watcher() as first, watched.watcher() as second:
        await next_of(first)
        moved = await watched.move(FIRST, SYNTHESIZING, notify=False)
        assert [await next_of(second) for _ in range(2)] == [WatchUpdate(EXPERIMENT), WatchUpdate(EXPERIMENT, moved)]
        assert await next_of(first) == WatchUpdate(EXPERIMENT, moved)


async def test_watchers_share_reads_and_messages(watched: WatchedExperiment) -> None:
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(watched.watcher()) for _ in range(50)]
        assert await asyncio.gather(*map(next_of, watchers)) == [WatchUpdate(EXPERIMENT)] * 50
        assert watched.database.lookups == 1
        moved = await watched.move(FIRST, SYNTHESIZING)
        assert await asyncio.gather(*map(next_of, watchers)) == [WatchUpdate(EXPERIMENT, moved)] * 50
        assert watched.database.lookups == 2
        assert watched.converted == [WatchUpdate(EXPERIMENT), WatchUpdate(EXPERIMENT, moved)]


async def test_a_slow_watcher_gets_the_latest_state_and_delays_nobody(watched: WatchedExperiment) -> None:
    async with watched.watcher() as slow, watched.watcher() as quick:
        for seen in (slow, quick):
            await next_of(seen)
        trial = FIRST
        for status in (SYNTHESIZING, SCORING, TrialStatus.COMPLETED):
            trial = await watched.move(trial, status)
            assert await next_of(quick) == WatchUpdate(EXPERIMENT, trial)
        other = await watched.move(SECOND, SYNTHESIZING)
        assert await next_of(quick) == WatchUpdate(EXPERIMENT, other)
        assert [await next_of(slow) for _ in range(2)] == [
            WatchUpdate(EXPERIMENT, trial),
            WatchUpdate(EXPERIMENT, other),
        ]


async def test_a_trial_that_changes_while_it_is_being_sent_is_sent_once(watched: WatchedExperiment) -> None:
    moved = [await watched.move(trial, SYNTHESIZING) for trial in (FIRST, SECOND)]
    async with watched.watcher() as slow, watched.watcher() as quick:
        assert [await next_of(slow) for _ in range(2)] == [WatchUpdate(EXPERIMENT), WatchUpdate(EXPERIMENT, moved[0])]
        await next_of(quick)
        again = await watched.move(moved[1], SCORING)
        while (await next_of(quick)).trial != again:
            pass
        assert await next_of(slow) == WatchUpdate(EXPERIMENT, again)


async def test_nothing_is_kept_after_the_last_watcher_leaves(watched: WatchedExperiment) -> None:
    async with watched.watcher() as first:
        async with watched.watcher() as second:
            await asyncio.gather(next_of(first), next_of(second))
        assert len(watched.watching._feeds) == 1
        assert len(watched.changes._watchers) == 1
        [(_, task)] = watched.watching._feeds.values()
    assert watched.watching._feeds == {}
    await asyncio.wait([task], timeout=SOON)
    assert watched.changes._watchers == {}


async def test_a_deleted_experiment_ends_as_cancelled_and_is_not_found_by_new_watchers(
    watched: WatchedExperiment,
) -> None:
    async with watched.watcher() as seen, watched.watcher() as late:
        await next_of(seen)
        await watched.delete()
        [end] = await rest_of(seen)
        assert end.last
        assert end.experiment is not None
        assert (end.experiment.id, end.experiment.status) == (EXPERIMENT_ID, ExperimentStatus.CANCELLED)
        assert end.experiment.ended_at is not None
        with pytest.raises(NotFound):
            await next_of(late)


async def test_a_restarted_experiment_can_be_watched_while_others_still_read_its_end(
    watched: WatchedExperiment,
) -> None:
    async with watched.watcher() as slow:
        await next_of(slow)
        ended = await watched.change(COMPLETED, ended_at=NOON)
        async with watched.watcher() as quick:
            assert [one.last for one in await rest_of(quick)] == [False, True]
        assert await watched.change(RUNNING, ended_at=None) == EXPERIMENT
        async with watched.watcher() as again:
            assert await next_of(again) == WatchUpdate(EXPERIMENT)
            moved = await watched.move(FIRST, SYNTHESIZING)
            assert await next_of(again) == WatchUpdate(EXPERIMENT, moved)
            assert await rest_of(slow) == [WatchUpdate(ended, last=True)]


async def test_during_a_database_outage_watchers_stay_and_new_watchers_get_the_error(
    watched: WatchedExperiment,
) -> None:
    async with watched.watcher() as seen, watched.watcher() as late:
        await next_of(seen)
        with watched.database.failing(AWAY):
            watched.changes._on_change(EXPERIMENT_ID)
            with pytest.raises(OperationalError):
                await next_of(late)
        moved = await watched.move(FIRST, SYNTHESIZING)
        assert await next_of(seen) == WatchUpdate(EXPERIMENT, moved)


async def test_an_unexpected_error_ends_the_streams_of_all_watchers(watched: WatchedExperiment) -> None:
    async with watched.watcher() as first, watched.watcher() as second:
        await asyncio.gather(next_of(first), next_of(second))
        with watched.database.failing(LookupError("a bug")):
            watched.changes._on_change(EXPERIMENT_ID)
            for seen in (first, second):
                with pytest.raises(LookupError, match="a bug"):
                    await next_of(seen)
    async with watched.watcher() as anew:
        assert await next_of(anew) == WatchUpdate(EXPERIMENT)


async def test_another_developers_experiment_is_not_found_even_while_its_owner_watches_it(
    watched: WatchedExperiment,
) -> None:
    async with watched.watcher() as seen, watched.watcher() as foreign:
        await next_of(seen)
        call_as("dev_b")
        with pytest.raises(NotFound):
            await next_of(foreign)
    assert watched.watching._feeds == {}


async def test_a_malformed_experiment_id_is_refused(watched: WatchedExperiment) -> None:
    async with aclosing(watched.watching.watch("x")) as seen:
        with pytest.raises(InvalidInput):
            await anext(seen)
