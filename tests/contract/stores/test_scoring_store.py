"""The suite for the stores of the scoring service."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.db import Database
from services.scoring.domain import Job, JobEvaluation, Status
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.store import SqlStore, Store
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_scoring_store import MemoryScoringStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
JOB = Job("trl_a", "experiments", 1, "dev_a", "trl_a.wav", NOON)
RUNNING = JobEvaluation("trl_a", 1, "dev_a", "trl_a.wav", Status.running, None, "", NOON, None, "experiments")
METRICS = SignalMetrics(
    duration_seconds=1.5,
    silence_ratio=0.25,
    leading_silence_ms=12.5,
    trailing_silence_ms=0.0,
    peak=0.75,
    clipping_ratio=0.0,
    loudness_lufs=None,
    dc_offset=-0.125,
    audible=True,
    rms=0.0625,
    backend="signal/1",
)


@pytest.fixture
def service() -> str:
    return "scoring"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryScoringStore() if isinstance(database, MemoryDatabase) else SqlStore()


@pytest.fixture
async def begun(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        assert await store.begin(connection, JOB) == RUNNING


async def test_a_job_starts_as_a_running_evaluation(database: Database, store: Store, begun: None) -> None:
    async with database.reading() as connection:
        assert await store.get(connection, JOB.id) == RUNNING
        assert await store.get(connection, "trl_b") is None


async def test_a_later_request_for_a_job_changes_only_the_attempt(
    database: Database, store: Store, begun: None
) -> None:
    again = dataclasses.replace(JOB, attempt=3, audio_name="other.wav", requested_at=LATER)
    async with database.transaction() as connection:
        assert await store.begin(connection, again) == dataclasses.replace(RUNNING, attempt=3)


async def test_a_late_earlier_request_does_not_lower_the_attempt(database: Database, store: Store, begun: None) -> None:
    async with database.transaction() as connection:
        await store.begin(connection, dataclasses.replace(JOB, attempt=3))
        assert (await store.begin(connection, dataclasses.replace(JOB, attempt=2))).attempt == 3


@pytest.mark.parametrize(
    ("outcome", "ended"),
    [
        (METRICS, dataclasses.replace(RUNNING, status=Status.completed, signal_metrics=METRICS, completed_at=LATER)),
        ("too loud", dataclasses.replace(RUNNING, status=Status.failed, error_message="too loud", completed_at=LATER)),
    ],
    ids=["completed", "failed"],
)
async def test_an_evaluation_ends_once(
    database: Database, store: Store, begun: None, outcome: SignalMetrics | str, ended: JobEvaluation
) -> None:
    async with database.transaction() as connection:
        await store.finish(connection, JOB.id, outcome, LATER)
        await store.finish(connection, JOB.id, "another end", LATER + timedelta(minutes=1))
        await store.finish(connection, JOB.id, METRICS, LATER + timedelta(minutes=1))
    async with database.reading() as connection:
        assert await store.get(connection, JOB.id) == ended


async def test_a_request_for_an_ended_job_returns_its_result(database: Database, store: Store, begun: None) -> None:
    async with database.transaction() as connection:
        await store.finish(connection, JOB.id, METRICS, LATER)
        again = await store.begin(connection, dataclasses.replace(JOB, attempt=2))
    assert (again.status, again.attempt, again.signal_metrics) == (Status.completed, 2, METRICS)


async def test_a_later_request_for_a_failed_job_restarts_it(database: Database, store: Store, begun: None) -> None:
    async with database.transaction() as connection:
        await store.finish(connection, JOB.id, "too loud", LATER)
        assert (await store.begin(connection, JOB)).status is Status.failed
        assert await store.begin(connection, dataclasses.replace(JOB, attempt=2)) == dataclasses.replace(
            RUNNING, attempt=2
        )
        await store.finish(connection, JOB.id, METRICS, LATER)
        measured = await store.get(connection, JOB.id)
    assert measured == dataclasses.replace(
        RUNNING, attempt=2, status=Status.completed, signal_metrics=METRICS, completed_at=LATER
    )


async def test_finishing_an_unknown_job_does_nothing(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        await store.finish(connection, JOB.id, METRICS, LATER)
    async with database.reading() as connection:
        assert await store.get(connection, JOB.id) is None


async def test_only_the_named_evaluations_are_deleted(database: Database, store: Store, begun: None) -> None:
    other = dataclasses.replace(JOB, id="trl_b")
    async with database.transaction() as connection:
        await store.begin(connection, other)
        await store.finish(connection, JOB.id, METRICS, LATER)
        await store.delete(connection, ["trl_a", "trl_c"])
        await store.delete(connection, [])
    async with database.reading() as connection:
        assert await store.get(connection, "trl_a") is None
        assert await store.get(connection, "trl_b") == dataclasses.replace(RUNNING, id="trl_b")
