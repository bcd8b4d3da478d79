"""Watching an experiment: its state of now, then what changes, then its end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.experiments.domain import ExperimentStatus, Trial, TrialStatus
from services.experiments.usecases.reading import Seen
from services.runtime.errors import NotFound
from tests.unit.experiments.conftest import Desk, call_as

SOON = 5.0


@pytest.fixture
async def listening(desk: Desk) -> AsyncIterator[None]:
    """The process listens for changes."""
    task = asyncio.create_task(desk.changes.run())
    await asyncio.sleep(0)
    yield
    task.cancel()


async def next_of(seen: AsyncIterator[Seen]) -> Seen:
    async with asyncio.timeout(SOON):
        return await anext(seen)


async def rest_of(seen: AsyncIterator[Seen]) -> list[Seen]:
    async with asyncio.timeout(SOON):
        return [one async for one in seen]


async def until(seen: AsyncIterator[Seen], trial: Trial, status: TrialStatus) -> list[Seen]:
    """Returns what is seen up to this step of a trial."""
    found: list[Seen] = []
    while not found or found[-1].trial is None or (found[-1].trial.id, found[-1].trial.status) != (trial.id, status):
        found.append(await next_of(seen))
    return found


async def test_a_watcher_sees_each_step_and_then_the_end(desk: Desk, listening: None) -> None:
    made = await desk.planning.create(desk.plan())
    async with desk.watching(made.id) as watched:
        assert await next_of(watched) == Seen(made)
        await desk.planning.run(made.id)
        first, second = await desk.trials(made.id)
        seen = await until(watched, second, TrialStatus.SYNTHESIZING)
        await desk.speak(first)
        seen += await until(watched, first, TrialStatus.SCORING)
        await desk.score(first)
        seen += await until(watched, first, TrialStatus.COMPLETED)
        await desk.finish(second)
        *rest, end = await rest_of(watched)
    steps = [(one.trial.id, one.trial.status) for one in (*seen, *rest) if one.trial is not None]
    assert steps == [
        (first.id, TrialStatus.SYNTHESIZING),
        (second.id, TrialStatus.SYNTHESIZING),
        (first.id, TrialStatus.SCORING),
        (first.id, TrialStatus.COMPLETED),
        (second.id, TrialStatus.COMPLETED),
    ]
    states = [one.experiment.status for one in (*seen, *rest) if one.experiment is not None and one.trial is None]
    assert states == [ExperimentStatus.RUNNING]
    assert end == Seen(await desk.reading.get(made.id), last=True)


async def test_who_comes_late_sees_where_things_stand_and_the_end(desk: Desk) -> None:
    experiment_id, trials = await desk.start()
    await desk.finish(*trials)
    async with desk.watching(experiment_id) as seen:
        state, *steps, end = await rest_of(seen)
    experiment = await desk.reading.get(experiment_id)
    assert experiment.status is ExperimentStatus.COMPLETED
    assert (state, end) == (Seen(experiment), Seen(experiment, last=True))
    assert [s.trial for s in steps] == await desk.trials(experiment_id)


async def test_while_nothing_changes_there_are_heartbeats(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    desk.reading._heartbeat_seconds = 0.001
    async with desk.watching(made.id) as seen:
        assert [await next_of(seen) for _ in range(3)] == [Seen(made), Seen(), Seen()]


async def test_after_a_lost_connection_watchers_look_again(desk: Desk, listening: None) -> None:
    made = await desk.planning.create(desk.plan())
    async with desk.watching(made.id) as seen:
        await next_of(seen)
        waiting = asyncio.create_task(next_of(seen))
        await asyncio.sleep(0)
        async with desk.database.transaction() as connection:
            await desk.store.set_status(connection, made.id, ExperimentStatus.RUNNING)
        desk.changes._heard("")
        assert (await waiting).experiment == await desk.reading.get(made.id)


async def test_nobody_is_remembered_once_watching_ends(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    async with desk.watching(made.id) as seen:
        await next_of(seen)
        assert len(desk.changes._watchers) == 1
    assert desk.changes._watchers == {}


async def test_another_developers_experiment_can_not_be_watched(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    call_as("dev_b")
    async with desk.watching(made.id) as seen:
        with pytest.raises(NotFound):
            await next_of(seen)
