"""A user of clips that is no service: from a request to its end, with the shared consumers over PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed, EvaluationRequested
from voicearena.scoring.v1.scoring_pb2 import SignalMetrics
from voicearena.tts.v1.events_pb2 import (
    SpeechDeletionRequested,
    SpeechSynthesized,
    SynthesisFailed,
    SynthesisRequested,
    VoicesDiscovered,
)
from voicearena.tts.v1.tts_pb2 import Provider, SynthesisMeasurements

from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.deliveries import Delivery
from services.runtime.outbox import OUTBOX
from services.shared.clips import consumers
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.domain import ClipStatus, Ended
from services.shared.clips.facts import Requests
from services.shared.clips.progress import MAX_ATTEMPTS, Progress
from services.shared.clips.table import Figures, User
from tests.contract.stores.clip_users import Lines
from tests.fakes.memory_database import unpacked

PENDING = ClipStatus.PENDING
# Younger than anything: whatever is in flight is stale.
NO_PATIENCE = timedelta(days=-1)


class Reader:
    """The user: it has lines spoken and notes how they end."""

    def __init__(self, database: Database) -> None:
        self.lines = Lines(database)
        self.ended: list[Ended] = []
        registry = CollectorRegistry()
        figures = Figures(
            Counter("moved", "Lines that have come to a status", ["status"], registry=registry),
            Gauge("unfinished", "Lines that have not ended", ["provider", "status"], registry=registry),
            Gauge("wait", "Longest wait", ["provider"], registry=registry),
            Histogram("release", "Time of a release", registry=registry),
        )
        user = User(Requests("reader"), "line_id", figures)
        self.dispatcher = Dispatcher(database, self.lines.queue, user)
        self.progress = Progress(database, self.lines.clips, self.dispatcher, user, self._note)
        self._handlers = consumers.handlers(self.progress, self.dispatcher)
        self._on_dead = consumers.dead_handler(self.progress)
        self._events = 0

    async def _note(self, connection: AsyncConnection, line: Ended) -> None:
        self.ended.append(line)

    async def hear(self, event: Message, dead: str = "") -> None:
        """Takes an event in, or as one that could not be taken in."""
        self._events += 1
        delivery = Delivery(f"evt_{self._events}", 1, now(), "")
        await (self._on_dead(event, delivery, dead) if dead else self._handlers[type(event)](event, delivery))

    async def asked(self) -> list[Message]:
        """Returns what it has asked for and takes it out of the outbox."""
        async with self.lines.database.transaction() as connection:
            rows = await connection.execute(sa.select(OUTBOX.c.envelope).order_by(OUTBOX.c.seq))
            events = [unpacked(row.envelope) for row in rows]
            await connection.execute(sa.delete(OUTBOX))
        return events


@pytest.fixture
def service() -> str:
    return "lines"


@pytest.fixture
def reader(emptied_schema: Database) -> Reader:
    return Reader(emptied_schema)


def answer(clip_id: str, **values: Any) -> SpeechSynthesized:
    measured = SynthesisMeasurements(ttfb_ms=90.0, duration_seconds=1.5)
    spoken = {"audio_name": f"{clip_id}.wav", "measurements": measured, "share": 1, **values}
    return SpeechSynthesized(requester="reader", job_id=clip_id, attempt=1, **spoken)


async def test_a_line_is_spoken_evaluated_and_complete(reader: Reader) -> None:
    for number in range(3):
        await reader.lines.add(f"line_{number}", number, status=PENDING, attempts=0, speed=1.25)
    await reader.hear(VoicesDiscovered(provider=Provider(id="espeak", max_concurrency=2)))
    asked = await reader.asked()
    assert [(each.job_id, each.run_id, each.attempt) for each in asked] == [  # type: ignore[attr-defined]
        ("line_0", "line_0", 1),
        ("line_1", "line_1", 1),
    ]
    (first, _) = asked
    assert isinstance(first, SynthesisRequested)
    assert (first.requester, first.text, first.developer_id, first.parameters.speed) == (
        "reader",
        "Hello.",
        "dev_a",
        1.25,
    )
    # Others wait at the provider: one slot is its own, so nothing takes the place of the first line.
    await reader.hear(answer("line_0"))
    (evaluation,) = await reader.asked()
    assert evaluation == EvaluationRequested(
        requester="reader",
        job_id="line_0",
        attempt=1,
        developer_id="dev_a",
        audio_name="line_0.wav",
        run_id="line_0",
    )
    await reader.hear(answer("line_1", share=2))
    assert [type(each) for each in await reader.asked()] == [EvaluationRequested, SynthesisRequested]
    evaluated = EvaluationCompleted(requester="reader", job_id="line_0", attempt=1)
    evaluated.signal_metrics.CopyFrom(SignalMetrics(peak=0.5))
    await reader.hear(evaluated)
    assert reader.ended == [Ended("line_0", "line_0", ClipStatus.COMPLETED, True)]
    row = await reader.lines.read("line_0")
    assert (row.measurements.ttfb_ms, row.measurements.peak) == (90.0, 0.5)


async def test_a_line_fails_with_what_tts_or_scoring_says(reader: Reader) -> None:
    await reader.lines.add("line_0")
    await reader.lines.add("line_1", 1, status=ClipStatus.SCORING)
    await reader.lines.add("line_2", 2)
    why = {"kind": SynthesisFailed.quota_exceeded, "message": "spent", "provider_requests": 3}
    await reader.hear(SynthesisFailed(requester="reader", job_id="line_0", attempt=1, **why))  # type: ignore[arg-type]
    await reader.hear(EvaluationFailed(requester="reader", job_id="line_1", attempt=1, message="no WAV"))
    await reader.hear(answer("line_2"), dead="no such column")
    rows = [await reader.lines.read(f"line_{number}") for number in range(3)]
    assert [(row.error_kind, row.error_message, row.provider_requests) for row in rows] == [
        ("quota_exceeded", "quota_exceeded: spent", 3),
        ("evaluation_failed", "not measured: no WAV", 0),
        ("bad_audio", "not taken in: no such column", 0),
    ]
    assert [line.status for line in reader.ended] == [ClipStatus.FAILED] * 3


async def test_what_stays_unanswered_is_asked_for_again_and_given_up(reader: Reader) -> None:
    await reader.lines.add("line_0")
    for attempt in range(2, MAX_ATTEMPTS + 1):
        assert await reader.progress.reconcile(NO_PATIENCE) == 1
        (again,) = await reader.asked()
        assert isinstance(again, SynthesisRequested)
        assert again.attempt == attempt
    # A late answer to the first request has no effect any more.
    await reader.hear(answer("line_0"))
    assert await reader.progress.reconcile(NO_PATIENCE) == 1
    assert (await reader.lines.read("line_0")).error_message == f"no speech came back after {MAX_ATTEMPTS} requests"
    assert reader.ended == [Ended("line_0", "line_0", ClipStatus.FAILED, True)]


async def test_what_belongs_to_a_deleted_line_is_deleted(reader: Reader) -> None:
    await reader.hear(answer("line_9"))
    assert await reader.asked() == [SpeechDeletionRequested(requester="reader", job_ids=["line_9"])]
    assert reader.ended == []


async def test_nothing_counts_that_comes_for_a_line_that_nobody_wants_any_more(reader: Reader) -> None:
    await reader.lines.add("line_0")
    await reader.lines.stop("line_0")
    await reader.hear(answer("line_0"))
    assert await reader.progress.reconcile(NO_PATIENCE) == 0
    assert (await reader.asked(), reader.ended) == ([], [])
