"""Clips of a minimal user, from the request to the end, with the shared consumers over PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.scoring.v1.evaluation_metrics_pb2 import SignalMetrics, WordErrors
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed, EvaluationRequested
from voicearena.scoring.v1.scoring_pb2 import HeardSpeech as HeardSpeechMessage
from voicearena.scoring.v1.scoring_pb2 import ListeningMetrics
from voicearena.tts.v1.events_pb2 import (
    SpeechDeletionRequested,
    SpeechSynthesized,
    SynthesisFailed,
    SynthesisRequested,
    VoicesDiscovered,
)
from voicearena.tts.v1.tts_pb2 import Provider, SynthesisMeasurements

from services.runtime.bus import EventMetadata
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from services.shared.clips import consumers
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.domain import ClipStatus, EndedClip
from services.shared.clips.facts import Requests
from services.shared.clips.progress import MAX_ATTEMPTS, Progress
from services.shared.clips.table import ClipUser, OperationalMetrics
from tests.contract.stores.clip_users import Lines
from tests.fakes.memory_database import unpacked

PENDING = ClipStatus.PENDING
# With this timeout every unfinished clip is stale.
EXPIRED_TIMEOUT = timedelta(days=-1)


class Reader:
    """The user. Its clips are lines of text, and it records how they end."""

    def __init__(self, database: Database) -> None:
        self.lines = Lines(database)
        self.ended: list[EndedClip] = []
        registry = CollectorRegistry()
        operational_metrics = OperationalMetrics(
            Counter("moved", "Lines that have reached a status", ["status"], registry=registry),
            Gauge("unfinished", "Lines that have not ended", ["provider", "status"], registry=registry),
            Gauge("wait", "Longest wait", ["provider"], registry=registry),
            Histogram("release", "Time of a release", registry=registry),
        )
        user = ClipUser(Requests("reader"), "line_id", operational_metrics)
        self.dispatcher = Dispatcher(database, self.lines.queue, user)
        self.progress = Progress(database, self.lines.clips, self.dispatcher, user, self._record_end)
        self._handlers = consumers.handlers(self.progress, self.dispatcher)
        self._on_dead = consumers.dead_handler(self.progress)
        self._events = 0

    async def _record_end(self, connection: AsyncConnection, line: EndedClip) -> None:
        self.ended.append(line)

    async def handle(self, event: Message, dead: str = "") -> None:
        """Handles an event, or handles it as a dead event if `dead` is the reason."""
        self._events += 1
        metadata = EventMetadata(f"evt_{self._events}", 1, now(), "")
        await (self._on_dead(event, metadata, dead) if dead else self._handlers[type(event)](event, metadata))

    async def take_requests(self) -> list[Message]:
        """Returns the requests in the outbox and removes them."""
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


def speech(clip_id: str, **values: Any) -> SpeechSynthesized:
    measured = SynthesisMeasurements(ttfb_ms=90.0, duration_seconds=1.5)
    spoken = {"audio_name": f"{clip_id}.wav", "measurements": measured, "share": 1, **values}
    return SpeechSynthesized(requester="reader", job_id=clip_id, attempt=1, **spoken)


async def test_a_line_is_synthesized_evaluated_and_completed(reader: Reader) -> None:
    for number in range(3):
        await reader.lines.add(f"line_{number}", number, status=PENDING, attempts=0, speed=1.25)
    await reader.handle(VoicesDiscovered(provider=Provider(id="espeak", max_concurrency=2)))
    take_requests = await reader.take_requests()
    assert [(each.job_id, each.run_id, each.attempt) for each in take_requests] == [  # type: ignore[attr-defined]
        ("line_0", "line_0", 1),
        ("line_1", "line_1", 1),
    ]
    (first, _) = take_requests
    assert isinstance(first, SynthesisRequested)
    assert (first.requester, first.text, first.developer_id, first.parameters.speed) == (
        "reader",
        "Hello.",
        "dev_a",
        1.25,
    )
    # Others wait for the provider and the share is one slot, so no clip follows the first line yet.
    await reader.handle(speech("line_0"))
    (evaluation,) = await reader.take_requests()
    assert evaluation == EvaluationRequested(
        requester="reader",
        job_id="line_0",
        attempt=1,
        developer_id="dev_a",
        audio_name="line_0.wav",
        run_id="line_0",
    )
    await reader.handle(speech("line_1", share=2))
    assert [type(each) for each in await reader.take_requests()] == [EvaluationRequested, SynthesisRequested]
    evaluated = EvaluationCompleted(requester="reader", job_id="line_0", attempt=1)
    evaluated.signal_metrics.CopyFrom(SignalMetrics(peak=0.5))
    await reader.handle(evaluated)
    assert reader.ended == [EndedClip("line_0", "line_0", ClipStatus.COMPLETED, True)]
    row = await reader.lines.read("line_0")
    assert (row.measurements.ttfb_ms, row.measurements.peak) == (90.0, 0.5)


async def test_a_line_fails_with_the_error_of_tts_or_scoring(reader: Reader) -> None:
    await reader.lines.add("line_0")
    await reader.lines.add("line_1", 1, status=ClipStatus.SCORING)
    await reader.lines.add("line_2", 2)
    failure = {"kind": SynthesisFailed.quota_exceeded, "message": "spent", "provider_requests": 3}
    await reader.handle(SynthesisFailed(requester="reader", job_id="line_0", attempt=1, **failure))  # type: ignore[arg-type]
    await reader.handle(EvaluationFailed(requester="reader", job_id="line_1", attempt=1, message="no WAV"))
    await reader.handle(speech("line_2"), dead="no such column")
    rows = [await reader.lines.read(f"line_{number}") for number in range(3)]
    assert [(row.error_kind, row.error_message, row.provider_requests) for row in rows] == [
        ("quota_exceeded", "quota_exceeded: spent", 3),
        ("evaluation_failed", "evaluation failed: no WAV", 0),
        ("bad_audio", "the result could not be processed: no such column", 0),
    ]
    assert [line.status for line in reader.ended] == [ClipStatus.FAILED] * 3


async def test_a_request_without_a_result_is_repeated_and_then_given_up(reader: Reader) -> None:
    await reader.lines.add("line_0")
    for attempt in range(2, MAX_ATTEMPTS + 1):
        assert await reader.progress.reconcile(EXPIRED_TIMEOUT) == 1
        (again,) = await reader.take_requests()
        assert isinstance(again, SynthesisRequested)
        assert again.attempt == attempt
    # A late result of the first request has no effect.
    await reader.handle(speech("line_0"))
    assert await reader.progress.reconcile(EXPIRED_TIMEOUT) == 1
    assert (await reader.lines.read("line_0")).error_message == f"no speech came back after {MAX_ATTEMPTS} requests"
    assert reader.ended == [EndedClip("line_0", "line_0", ClipStatus.FAILED, True)]


async def test_a_line_that_models_listen_to_is_requested_with_its_text_until_the_last_request(reader: Reader) -> None:
    await reader.lines.add("line_0", heard=True, spoken_language="en-GB")
    await reader.handle(speech("line_0"))
    for attempt in range(1, MAX_ATTEMPTS):
        (request,) = await reader.take_requests()
        assert isinstance(request, EvaluationRequested)
        assert (request.attempt, request.listen, request.reference_text, request.language) == (
            *(attempt, True, "Hello.", "en-GB"),
        )
        assert await reader.progress.reconcile(EXPIRED_TIMEOUT) == 1
    (last,) = await reader.take_requests()
    assert isinstance(last, EvaluationRequested)
    assert (last.attempt, last.listen, last.reference_text) == (MAX_ATTEMPTS, False, "")


async def test_what_models_heard_arrives_at_the_line(reader: Reader) -> None:
    await reader.lines.add("line_0", heard=True, status=ClipStatus.SCORING)
    words = WordErrors(
        word_error_rate=0.5, hits=1, alignment=[WordErrors.Span(operation="delete", reference=["hello"])]
    )
    evaluated = EvaluationCompleted(
        requester="reader",
        job_id="line_0",
        attempt=1,
        signal_metrics=SignalMetrics(peak=0.5),
        listening_metrics=ListeningMetrics(word_error_rate=0.5, speech_failures=0, signal_quality_mos=3.25),
        heard=HeardSpeechMessage(transcript="", words=words, backends={"word_error_rate": "words/1"}),
    )
    await reader.handle(evaluated)
    row = await reader.lines.read("line_0")
    measured = row.measurements
    assert (measured.peak, measured.word_error_rate, measured.speech_failures, measured.signal_quality_mos) == (
        *(0.5, 0.5, 0, 3.25),
    )
    assert (measured.naturalness_mos, measured.prosody_score, measured.hard_word_accuracy) == (None, None, None)
    heard = row.heard_speech
    assert heard is not None
    assert (heard.transcript, heard.backends) == ("", {"word_error_rate": "words/1"})
    assert ParseDict(dict(heard.words or {}), WordErrors()) == words


async def test_the_speech_of_a_deleted_line_is_deleted(reader: Reader) -> None:
    await reader.handle(speech("line_9"))
    assert await reader.take_requests() == [SpeechDeletionRequested(requester="reader", job_ids=["line_9"])]
    assert reader.ended == []


async def test_a_result_for_a_stopped_line_has_no_effect(reader: Reader) -> None:
    await reader.lines.add("line_0")
    await reader.lines.stop("line_0")
    await reader.handle(speech("line_0"))
    assert await reader.progress.reconcile(EXPIRED_TIMEOUT) == 0
    assert (await reader.take_requests(), reader.ended) == ([], [])
