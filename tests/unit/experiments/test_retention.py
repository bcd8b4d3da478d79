"""Audio is deleted when its retention time is over, whatever became of its experiment."""

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
def sweeps(desk: Desk) -> Retention:
    return Retention(desk.database, desk.lifecycle_store, desk.listening)


async def ended(desk: Desk, at: datetime, status: ExperimentStatus = ExperimentStatus.COMPLETED) -> list[str]:
    """Ends an experiment that keeps audio for two days, and returns its trials' ids."""
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
async def test_audio_goes_when_its_time_is_over_and_what_was_measured_stays(
    desk: Desk, sweeps: Retention, status: ExperimentStatus
) -> None:
    trial_ids = await ended(desk, now() - 3 * DAY, status)
    before = now()
    assert await sweeps.sweep() == 1
    assert deleted(desk) == [trial_ids]
    [experiment] = (await desk.reading.page("", "", 0, ""))[0]
    first, *_ = await desk.trials(experiment.id)
    assert first.audio_name is None
    assert first.audio_deleted_at is not None
    assert before <= first.audio_deleted_at <= now()
    assert first.measurements.duration_seconds == 2.0
    assert await sweeps.sweep() == 0
    assert deleted(desk) == [trial_ids]


async def test_a_trial_that_had_no_audio_has_lost_none(desk: Desk, sweeps: Retention) -> None:
    await ended(desk, now() - 3 * DAY, ExperimentStatus.CANCELLED)
    await sweeps.sweep()
    [experiment] = (await desk.reading.page("", "", 0, ""))[0]
    _, second = await desk.trials(experiment.id)
    assert second.audio_deleted_at is None


async def test_what_is_younger_or_has_not_ended_is_kept(desk: Desk, sweeps: Retention) -> None:
    await ended(desk, now() - DAY)
    await desk.start(audio_retention_days=1)
    assert await sweeps.sweep() == 0
    assert deleted(desk) == []


async def test_a_sweep_takes_a_few_experiments_and_the_next_goes_on(
    desk: Desk, sweeps: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    older = await ended(desk, now() - 5 * DAY)
    trial_ids = [*older, *(await ended(desk, now() - 4 * DAY)), *(await ended(desk, now() - 3 * DAY))]
    assert [await sweeps.sweep() for _ in range(3)] == [2, 1, 0]
    assert sorted(trial_id for part in deleted(desk) for trial_id in part) == sorted(trial_ids)


class Watched(Retention):
    """Tells how its sweeps went."""

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


async def test_sweeping_goes_on_when_the_database_comes_back(desk: Desk) -> None:
    trial_ids = await ended(desk, now() - 3 * DAY)
    watched = Watched(desk.database, desk.lifecycle_store, desk.listening)
    watched.failed, watched.swept = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(5):
        with desk.database.failing(OperationalError("SELECT", None, Exception("away"))):
            sweeping = asyncio.create_task(periodic(watched.sweep, 0.001, batch=BATCH))
            await watched.failed.wait()
        await watched.swept.wait()
    assert deleted(desk) == [trial_ids]
    sweeping.cancel()
