"""Watching an experiment: its state of now, then what changes, then its end; on one read for all who watch."""

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
from services.experiments.running.changes import Changes, announce
from services.experiments.running.feed import Seen
from services.experiments.running.watching import Watching
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


class Room:
    """An experiment of two pending trials, and those who watch it."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryExperimentsStore()
        self.lifecycle = MemoryLifecycleStore()
        self.changes = Changes(self.database)
        self.shown: list[Seen] = []
        self.watching = self.with_heartbeats(NEVER)

    def with_heartbeats(self, seconds: float) -> Watching[Seen]:
        return Watching(self.database, self.store, self.lifecycle, self.changes, seconds, self.show)

    def show(self, seen: Seen) -> Seen:
        self.shown.append(seen)
        return seen

    async def plan(self) -> None:
        async with self.database.transaction() as connection:
            await self.store.add(connection, EXPERIMENT, "")
            await self.store.add_trials(connection, [FIRST, SECOND], NOON)

    async def move(self, trial: Trial, status: TrialStatus, *, aloud: bool = True) -> Trial:
        """Takes a trial to a status, and returns it as it is then."""
        async with self.database.transaction() as connection:
            moved = table(connection, "trials")[trial.id] = dataclasses.replace(trial, status=status)
            if aloud:
                await announce(connection, EXPERIMENT_ID)
        return moved

    async def change(self, status: ExperimentStatus, **values: object) -> Experiment:
        """Writes columns of the experiment, and returns it as it is then."""
        async with self.database.transaction() as connection:
            changed = change(connection, EXPERIMENT_ID, status=status, **values)
            await announce(connection, EXPERIMENT_ID)
        return changed

    async def delete(self) -> None:
        async with self.database.transaction() as connection:
            await self.lifecycle.delete(connection, EXPERIMENT_ID)
            await announce(connection, EXPERIMENT_ID)

    @asynccontextmanager
    async def watcher(self, watching: Watching[Seen] | None = None) -> AsyncIterator[AsyncIterator[Seen]]:
        """Somebody who watches."""
        async with aclosing((watching or self.watching).watch(EXPERIMENT_ID)) as seen:
            yield seen


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(feed, "MAX_READ_INTERVAL_SECONDS", 0)
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0)
    call_as("dev_a")
    room = Room()
    await room.plan()
    listening = asyncio.create_task(room.changes.run())
    await asyncio.sleep(0)
    yield room
    listening.cancel()


async def next_of(seen: AsyncIterator[Seen]) -> Seen:
    async with asyncio.timeout(SOON):
        return await anext(seen)


async def rest_of(seen: AsyncIterator[Seen]) -> Sequence[Seen]:
    async with asyncio.timeout(SOON):
        return [one async for one in seen]


async def test_a_watcher_sees_each_step_and_then_the_end(room: Room) -> None:
    async with room.watcher() as seen:
        assert await next_of(seen) == Seen(EXPERIMENT)
        spoken = await room.move(FIRST, SCORING)
        assert await next_of(seen) == Seen(EXPERIMENT, spoken)
        other = await room.move(SECOND, SYNTHESIZING)
        assert await next_of(seen) == Seen(EXPERIMENT, other)
        ended = await room.change(COMPLETED, ended_at=NOON)
        assert await rest_of(seen) == [Seen(ended, last=True)]


async def test_a_status_that_is_not_the_last_is_told_for_itself(room: Room) -> None:
    created = await room.change(ExperimentStatus.CREATED)
    async with room.watcher() as seen:
        assert await next_of(seen) == Seen(created)
        assert await room.change(RUNNING) == EXPERIMENT
        assert await next_of(seen) == Seen(EXPERIMENT)


async def test_who_comes_late_sees_where_things_stand_and_the_end(room: Room) -> None:
    moved = [await room.move(trial, TrialStatus.COMPLETED) for trial in (SECOND, FIRST)]
    ended = await room.change(COMPLETED, ended_at=NOON)
    async with room.watcher() as seen:
        expected = [Seen(ended), *(Seen(ended, trial) for trial in reversed(moved)), Seen(ended, last=True)]
        assert await rest_of(seen) == expected


async def test_what_waits_for_its_first_turn_is_not_told_of_but_what_waits_again_is(room: Room) -> None:
    failed = await room.move(SECOND, TrialStatus.FAILED)
    async with room.watcher() as seen:
        assert [await next_of(seen) for _ in range(2)] == [Seen(EXPERIMENT), Seen(EXPERIMENT, failed)]
        again = await room.move(failed, PENDING)
        assert await next_of(seen) == Seen(EXPERIMENT, again)


async def test_each_vote_is_told(room: Room) -> None:
    async with room.watcher() as seen:
        await next_of(seen)
        heard = await room.change(RUNNING, listening_until=NOON, votes_needed=6, votes_received=1)
        assert await next_of(seen) == Seen(heard)


async def test_while_nothing_changes_there_are_heartbeats(room: Room) -> None:
    async with room.watcher(room.with_heartbeats(0.001)) as seen:
        assert [await next_of(seen) for _ in range(3)] == [Seen(EXPERIMENT), Seen(), Seen()]


async def test_a_change_that_nobody_was_told_of_is_found_with_the_next_heartbeat(room: Room) -> None:
    async with room.watcher(room.with_heartbeats(0.001)) as seen:
        await next_of(seen)
        moved = await room.move(FIRST, SYNTHESIZING, aloud=False)
        async with asyncio.timeout(SOON):
            while (one := await anext(seen)) == Seen():
                pass
        assert one == Seen(EXPERIMENT, moved)


async def test_after_a_lost_connection_watchers_look_again(room: Room) -> None:
    async with room.watcher() as seen:
        await next_of(seen)
        moved = await room.move(FIRST, SYNTHESIZING, aloud=False)
        room.changes._heard("")
        assert await next_of(seen) == Seen(EXPERIMENT, moved)


async def test_who_comes_sees_what_was_there_before_even_if_the_others_have_not_heard_of_it(room: Room) -> None:
    async with room.watcher() as first, room.watcher() as second:
        await next_of(first)
        moved = await room.move(FIRST, SYNTHESIZING, aloud=False)
        assert [await next_of(second) for _ in range(2)] == [Seen(EXPERIMENT), Seen(EXPERIMENT, moved)]
        assert await next_of(first) == Seen(EXPERIMENT, moved)


async def test_watchers_share_reads_and_messages(room: Room) -> None:
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(room.watcher()) for _ in range(50)]
        assert await asyncio.gather(*map(next_of, watchers)) == [Seen(EXPERIMENT)] * 50
        assert room.database.lookups == 1
        moved = await room.move(FIRST, SYNTHESIZING)
        assert await asyncio.gather(*map(next_of, watchers)) == [Seen(EXPERIMENT, moved)] * 50
        assert room.database.lookups == 2
        assert room.shown == [Seen(EXPERIMENT), Seen(EXPERIMENT, moved)]


async def test_who_is_slow_gets_the_latest_and_keeps_nobody_waiting(room: Room) -> None:
    async with room.watcher() as slow, room.watcher() as quick:
        for seen in (slow, quick):
            await next_of(seen)
        trial = FIRST
        for status in (SYNTHESIZING, SCORING, TrialStatus.COMPLETED):
            trial = await room.move(trial, status)
            assert await next_of(quick) == Seen(EXPERIMENT, trial)
        other = await room.move(SECOND, SYNTHESIZING)
        assert await next_of(quick) == Seen(EXPERIMENT, other)
        assert [await next_of(slow) for _ in range(2)] == [Seen(EXPERIMENT, trial), Seen(EXPERIMENT, other)]


async def test_what_moves_again_while_it_is_being_told_is_told_once(room: Room) -> None:
    moved = [await room.move(trial, SYNTHESIZING) for trial in (FIRST, SECOND)]
    async with room.watcher() as slow, room.watcher() as quick:
        assert [await next_of(slow) for _ in range(2)] == [Seen(EXPERIMENT), Seen(EXPERIMENT, moved[0])]
        await next_of(quick)
        again = await room.move(moved[1], SCORING)
        while (await next_of(quick)).trial != again:
            pass
        assert await next_of(slow) == Seen(EXPERIMENT, again)


async def test_nobody_is_remembered_once_watching_ends(room: Room) -> None:
    async with room.watcher() as first:
        async with room.watcher() as second:
            await asyncio.gather(next_of(first), next_of(second))
        assert len(room.watching._feeds) == 1
        assert len(room.changes._watchers) == 1
        [(_, task)] = room.watching._feeds.values()
    assert room.watching._feeds == {}
    await asyncio.wait([task], timeout=SOON)
    assert room.changes._watchers == {}


async def test_what_is_deleted_ends_as_cancelled_and_is_not_there_for_who_comes_then(room: Room) -> None:
    async with room.watcher() as seen, room.watcher() as late:
        await next_of(seen)
        await room.delete()
        [end] = await rest_of(seen)
        assert end.last
        assert end.experiment is not None
        assert (end.experiment.id, end.experiment.status) == (EXPERIMENT_ID, ExperimentStatus.CANCELLED)
        assert end.experiment.ended_at is not None
        with pytest.raises(NotFound):
            await next_of(late)


async def test_what_begins_again_can_be_watched_again_while_others_still_hear_of_its_end(room: Room) -> None:
    async with room.watcher() as slow:
        await next_of(slow)
        ended = await room.change(COMPLETED, ended_at=NOON)
        async with room.watcher() as quick:
            assert [one.last for one in await rest_of(quick)] == [False, True]
        assert await room.change(RUNNING, ended_at=None) == EXPERIMENT
        async with room.watcher() as again:
            assert await next_of(again) == Seen(EXPERIMENT)
            moved = await room.move(FIRST, SYNTHESIZING)
            assert await next_of(again) == Seen(EXPERIMENT, moved)
            assert await rest_of(slow) == [Seen(ended, last=True)]


async def test_while_the_database_is_away_watchers_stay_and_newcomers_are_told(room: Room) -> None:
    async with room.watcher() as seen, room.watcher() as newcomer:
        await next_of(seen)
        with room.database.failing(AWAY):
            room.changes._heard(EXPERIMENT_ID)
            with pytest.raises(OperationalError):
                await next_of(newcomer)
        moved = await room.move(FIRST, SYNTHESIZING)
        assert await next_of(seen) == Seen(EXPERIMENT, moved)


async def test_a_fault_ends_the_stream_of_everybody(room: Room) -> None:
    async with room.watcher() as first, room.watcher() as second:
        await asyncio.gather(next_of(first), next_of(second))
        with room.database.failing(LookupError("a fault")):
            room.changes._heard(EXPERIMENT_ID)
            for seen in (first, second):
                with pytest.raises(LookupError, match="a fault"):
                    await next_of(seen)
    async with room.watcher() as anew:
        assert await next_of(anew) == Seen(EXPERIMENT)


async def test_another_developers_experiment_can_not_be_watched_even_while_its_owner_does(room: Room) -> None:
    async with room.watcher() as seen, room.watcher() as foreign:
        await next_of(seen)
        call_as("dev_b")
        with pytest.raises(NotFound):
            await next_of(foreign)
    assert room.watching._feeds == {}


async def test_what_is_no_id_is_refused(room: Room) -> None:
    async with aclosing(room.watching.watch("x")) as seen:
        with pytest.raises(InvalidInput):
            await anext(seen)
