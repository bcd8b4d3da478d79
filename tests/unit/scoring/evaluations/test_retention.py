"""Recordings are deleted after their retention, and those that nothing needs."""

from datetime import datetime, timedelta

import pytest

from services.runtime.clock import now
from services.runtime.errors import NotFound, WrongState
from services.scoring.evaluations import recordings, retention
from services.scoring.evaluations.domain import EvaluationPlan
from tests.unit.scoring.evaluations.conftest import RETENTION_DAYS, World

DAY = timedelta(days=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """Sets the time of the sweeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._moment = now()
        for module in (recordings, retention):
            monkeypatch.setattr(module, "now", self.read)

    def read(self) -> datetime:
        return self._moment

    def advance(self, by: timedelta) -> None:
        self._moment += by


async def test_a_recording_is_deleted_after_its_retention_and_the_evaluation_stays(world: World, clock: Clock) -> None:
    ended, waiting = await world.upload(), await world.upload()
    await world.evaluations.cancel(ended.id)
    clock.advance(RETENTION_DAYS * DAY - timedelta(minutes=1))
    assert await world.retention.sweep() == 0
    clock.advance(timedelta(minutes=2))
    assert await world.retention.sweep() == 1
    assert world.audio.names == [waiting.audio_name]
    kept = (await world.evaluations.get(ended.id)).evaluation
    assert kept.audio_deleted_at == clock.read()
    with pytest.raises(NotFound, match="There is no recording"):
        await world.evaluations.audio(ended.id)
    with pytest.raises(WrongState, match="The recording was deleted"):
        await world.evaluations.retry(ended.id)
    assert await world.retention.sweep() == 0
    await world.evaluations.delete(ended.id)


async def test_an_upload_that_was_never_finished_leaves_nothing(world: World, clock: Clock) -> None:
    prepared = await world.evaluations.prepare(EvaluationPlan())
    world.audio.add(prepared.recording_name)
    clock.advance(timedelta(hours=5))
    assert await world.retention.sweep() == 0
    clock.advance(timedelta(hours=2))
    assert await world.retention.sweep() == 1
    assert world.audio.names == []


async def test_a_broken_upload_is_discarded_at_once(world: World) -> None:
    prepared = await world.evaluations.prepare(EvaluationPlan())
    world.audio.add(prepared.recording_name)
    await world.recordings.discard(prepared.recording_name)
    assert world.audio.names == []
    assert await world.recordings.sweep() == 0
