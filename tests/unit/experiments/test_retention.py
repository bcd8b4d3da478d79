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
from tests.unit.experiments.conftest import Desk

DAY = timedelta(days=1)


@pytest.fixture
def retention_job(desk: Desk) -> Retention:
    return Retention(desk.database, desk.lifecycle_store, desk.listening)


async def ended(desk: Desk, at: datetime, status: ExperimentStatus = ExperimentStatus.COMPLETED) -> list[str]:
    """Ends an experiment that keeps audio for two days. Returns the ids of its trials."""
    experiment_id, (first, second) = await desk.start(audio_retention_days=2)
    if status is ExperimentStatus.CANCELLED:
        await desk.speak(first)
        await desk.planning.cancel(experiment_id)
    else:
        await desk.finish(first, second)
    async with desk.database.transaction() as connection:
        change(connection, experiment_id, status=status, ended_at=at)
    return sorted([first.id, second.id])


def deleted(desk: Desk) -> list[list[str]]:
    return [list(event.job_ids) for event in desk.database.published() if isinstance(event, SpeechDeletionRequested)]


@pytest.mark.parametrize("status", [ExperimentStatus.COMPLETED, ExperimentStatus.CANCELLED, ExperimentStatus.FAILED])
async def test_audio_is_deleted_after_its_retention_and_measurements_stay(
    desk: Desk, retention_job: Retention, status: ExperimentStatus
) -> None:
    trial_ids = await ended(desk, now() - 3 * DAY, status)
    before = now()
    assert await retention_job.sweep() == 1
    assert deleted(desk) == [trial_ids]
    [experiment] = (await desk.reading.page("", "", 0, ""))[0]
    first, *_ = await desk.trials(experiment.id)
    assert first.audio_name is None
    assert first.audio_deleted_at is not None
    assert before <= first.audio_deleted_at <= now()
    assert first.measurements.duration_seconds == 2.0
    assert await retention_job.sweep() == 0
    assert deleted(desk) == [trial_ids]


async def test_a_trial_without_audio_is_not_marked_as_deleted(desk: Desk, retention_job: Retention) -> None:
    await ended(desk, now() - 3 * DAY, ExperimentStatus.CANCELLED)
    await retention_job.sweep()
    [experiment] = (await desk.reading.page("", "", 0, ""))[0]
    _, second = await desk.trials(experiment.id)
    assert second.audio_deleted_at is None


async def test_audio_of_recent_or_unfinished_experiments_is_kept(desk: Desk, retention_job: Retention) -> None:
    await ended(desk, now() - DAY)
    await desk.start(audio_retention_days=1)
    assert await retention_job.sweep() == 0
    assert deleted(desk) == []


async def test_each_sweep_handles_one_batch_of_experiments(
    desk: Desk, retention_job: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    older = await ended(desk, now() - 5 * DAY)
    trial_ids = [*older, *(await ended(desk, now() - 4 * DAY)), *(await ended(desk, now() - 3 * DAY))]
    assert [await retention_job.sweep() for _ in range(3)] == [2, 1, 0]
    assert sorted(trial_id for part in deleted(desk) for trial_id in part) == sorted(trial_ids)


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


async def test_sweeping_continues_after_a_database_outage(desk: Desk) -> None:
    trial_ids = await ended(desk, now() - 3 * DAY)
    observed = ObservedRetention(desk.database, desk.lifecycle_store, desk.listening)
    observed.failed, observed.swept = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(5):
        with desk.database.failing(OperationalError("SELECT", None, Exception("away"))):
            sweeping = asyncio.create_task(periodic(observed.sweep, 0.001, batch=BATCH))
            await observed.failed.wait()
        await observed.swept.wait()
    assert deleted(desk) == [trial_ids]
    sweeping.cancel()
