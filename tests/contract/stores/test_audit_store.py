"""The suite for the stores of metric audits."""

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.db import Database
from services.scoring.audit.domain import MetricAudit
from services.scoring.audit.expectations import Movement
from services.scoring.audit.judging import AuditStatus, Finding, MetricResult
from services.scoring.audit.store import SqlStore, Store
from tests.fakes.memory_audit_store import MemoryAuditStore
from tests.fakes.memory_database import MemoryDatabase

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
AUDIT = MetricAudit(
    completed_at=NOON,
    clips=4,
    voices=("espeak:en-us", "espeak:en-gb"),
    metrics=(
        MetricResult(
            "quality",
            "overall_mos",
            AuditStatus.failed,
            "noise_20_db: It changed by +0.00 and should fall by 0.15 or more.",
            ("ffmpeg", "dnsmos/1"),
            (
                Finding("silence", "original", Movement.absent, 0.0, None, True),
                Finding("noise_20_db", "original", Movement.falls, 0.15, 0.0, False, "It did not fall."),
            ),
        ),
        MetricResult("naturalness", "utmos", AuditStatus.not_run, "There is no model."),
    ),
    measured_by={"quality": "dnsmos/1", "naturalness": ""},
)


@pytest.fixture
def service() -> str:
    return "scoring"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryAuditStore() if isinstance(database, MemoryDatabase) else SqlStore()


async def claim(database: Database, store: Store, run: str, at: datetime = NOON) -> bool:
    async with database.transaction() as connection:
        return await store.claim(connection, run, at, at + MINUTE)


async def renew(database: Database, store: Store, run: str, until: datetime) -> bool:
    async with database.transaction() as connection:
        return await store.renew(connection, run, until)


async def free(database: Database, store: Store, run: str) -> None:
    async with database.transaction() as connection:
        await store.free(connection, run)


async def save(database: Database, store: Store, run: str, audit: MetricAudit = AUDIT) -> bool:
    async with database.transaction() as connection:
        return await store.save(connection, run, audit)


async def latest(database: Database, store: Store) -> MetricAudit | None:
    async with database.reading() as connection:
        return await store.latest(connection)


async def test_only_one_audit_is_in_progress(database: Database, store: Store) -> None:
    assert await claim(database, store, "aud_a")
    assert not await claim(database, store, "aud_b", NOON + MINUTE)
    await free(database, store, "aud_b")
    assert not await claim(database, store, "aud_b")
    await free(database, store, "aud_a")
    assert await claim(database, store, "aud_b")


async def test_an_audit_whose_process_has_ended_gives_its_place_up_in_time(database: Database, store: Store) -> None:
    assert await claim(database, store, "aud_a")
    assert await claim(database, store, "aud_b", NOON + MINUTE + SECOND)
    assert not await renew(database, store, "aud_a", NOON + 5 * MINUTE)
    assert not await save(database, store, "aud_a")
    assert await latest(database, store) is None


async def test_a_renewed_claim_lasts_longer(database: Database, store: Store) -> None:
    assert await claim(database, store, "aud_a")
    assert await renew(database, store, "aud_a", NOON + 2 * MINUTE)
    assert not await claim(database, store, "aud_b", NOON + MINUTE + SECOND)


async def test_the_latest_audit_is_read_as_it_was_saved_and_frees_the_place(database: Database, store: Store) -> None:
    assert await latest(database, store) is None
    assert await claim(database, store, "aud_a")
    assert await latest(database, store) is None
    assert await save(database, store, "aud_a")
    assert await latest(database, store) == AUDIT
    assert await claim(database, store, "aud_b")
    assert await latest(database, store) == AUDIT
    newer = MetricAudit(NOON + MINUTE, 2, (), (), {})
    assert await save(database, store, "aud_b", newer)
    assert await latest(database, store) == newer
