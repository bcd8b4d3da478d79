"""Audio is deleted after its retention, whatever the status of its experiment."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested

from services.experiments.domain import ExperimentStatus
from services.experiments.running import retention
from services.experiments.running.retention import BATCH, Retention
from services.runtime.clock import now
from services.runtime.periodic import periodic
from tests.fakes.memory_experiments_store import change
from tests.unit.experiments.conftest import World

DAY = timedelta(days=1)


@pytest.fixture
def retention_job(world: World) -> Retention:
    return Retention(world.database, world.lifecycle_store, world.listening)


async def ended(world: World, at: datetime, status: ExperimentStatus = ExperimentStatus.COMPLETED) -> list[str]:
    """Ends an experiment that keeps audio for two days. Returns the ids of its trials."""
    experiment_id, (first, second) = await world.start(audio_retention_days=2)
    if status is ExperimentStatus.CANCELLED:
        await world.speak(first)
        await world.planning.cancel(experiment_id)
    else:
        await world.finish(first, second)
    async with world.database.transaction() as connection:
        change(connection, experiment_id, status=status, ended_at=at)
    return sorted([first.id, second.id])


def deleted(world: World) -> list[list[str]]:
    return [list(event.job_ids) for event in world.database.published() if isinstance(event, SpeechDeletionRequested)]


@pytest.mark.parametrize("status", [ExperimentStatus.COMPLETED, ExperimentStatus.CANCELLED, ExperimentStatus.FAILED])
async def test_audio_is_deleted_after_its_retention_and_measurements_stay(
    world: World, retention_job: Retention, status: ExperimentStatus
) -> None:
    trial_ids = await ended(world, now() - 3 * DAY, status)
    before = now()
    assert await retention_job.sweep() == 1
    assert deleted(world) == [trial_ids]
    [experiment] = (await world.reading.page("", "", 0, ""))[0]
    first, *_ = await world.trials(experiment.id)
    assert first.audio_name is None
    assert first.audio_deleted_at is not None
    assert before <= first.audio_deleted_at <= now()
    assert first.measurements.duration_seconds == 2.0
    assert await retention_job.sweep() == 0
    assert deleted(world) == [trial_ids]


async def test_a_trial_without_audio_is_not_marked_as_deleted(world: World, retention_job: Retention) -> None:
    await ended(world, now() - 3 * DAY, ExperimentStatus.CANCELLED)
    await retention_job.sweep()
    [experiment] = (await world.reading.page("", "", 0, ""))[0]
    _, second = await world.trials(experiment.id)
    assert second.audio_deleted_at is None


async def test_audio_of_recent_or_unfinished_experiments_is_kept(world: World, retention_job: Retention) -> None:
    await ended(world, now() - DAY)
    await world.start(audio_retention_days=1)
    assert await retention_job.sweep() == 0
    assert deleted(world) == []


async def test_each_sweep_handles_one_batch_of_experiments(
    world: World, retention_job: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    older = await ended(world, now() - 5 * DAY)
    trial_ids = [*older, *(await ended(world, now() - 4 * DAY)), *(await ended(world, now() - 3 * DAY))]
    assert [await retention_job.sweep() for _ in range(3)] == [2, 1, 0]
    assert sorted(trial_id for part in deleted(world) for trial_id in part) == sorted(trial_ids)


class ObservedRetention(Retention):
    """Sets events after its sweeps."""

    failed: asyncio.Event
    swept: asyncio.Event

    async def sweep(self) -> int:
        try:
            count = await super().sweep()
        except OperationalError:
            self.failed.set()
            raise
        self.swept.set()
        return count


async def test_sweeping_continues_after_a_database_outage(world: World) -> None:
    trial_ids = await ended(world, now() - 3 * DAY)
    observed = ObservedRetention(world.database, world.lifecycle_store, world.listening)
    observed.failed, observed.swept = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(5):
        with world.database.failing(OperationalError("SELECT", None, Exception("away"))):
            sweeping = asyncio.create_task(periodic(observed.sweep, 0.001, batch=BATCH))
            await observed.failed.wait()
        await observed.swept.wait()
    assert deleted(world) == [trial_ids]
    sweeping.cancel()
