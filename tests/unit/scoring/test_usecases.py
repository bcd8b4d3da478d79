"""An evaluation is made once, its result is published for each request, and its owner can read it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import (
    EvaluationCompleted,
    EvaluationDeletionRequested,
    EvaluationFailed,
    EvaluationRequested,
)
from voicearena.scoring.v1.scoring_pb2 import ListeningMetrics

from services.runtime.bus import EventMetadata
from services.runtime.errors import InvalidInput, Unavailable
from services.scoring import consumers, convert, usecases
from services.scoring.domain import Job, JobEvaluation, Status
from services.scoring.evaluations.listened_jobs import OUT_OF_TIME, ListenedJobs
from services.scoring.metrics.signal import measure
from services.scoring.usecases import Scoring
from tests.fakes.bodies import wav_of
from tests.fakes.memory_database import MemoryDatabase, table
from tests.fakes.memory_evaluation_store import MemoryEvaluationStore
from tests.fakes.memory_scoring_store import MemoryScoringStore
from tests.fakes.recordings import recording, tone
from tests.unit.scoring import fakes

ASKED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = Job(
    id="trl_" + "0" * 32,
    requester="experiments",
    attempt=1,
    developer_id="dev_a",
    audio_name="a.wav",
    requested_at=ASKED_AT,
)
SOUND = tone(0.5)


@dataclass
class World:
    scoring: Scoring
    database: MemoryDatabase
    audio: fakes.MemoryRecordingStore
    listened: MemoryEvaluationStore

    @property
    def answers(self) -> list[Message]:
        return self.database.published()

    async def evaluations(self) -> dict[str, JobEvaluation]:
        async with self.database.reading() as connection:
            return dict(table(connection, "evaluations"))

    async def stored(self, id_: str = JOB.id) -> JobEvaluation:
        """Returns a stored evaluation."""
        async with self.database.reading() as connection:
            found = await MemoryScoringStore().get(connection, id_)
        assert found is not None
        return found


@pytest.fixture
def world() -> Iterator[World]:
    database, audio, store = MemoryDatabase("scoring"), fakes.MemoryRecordingStore(), MemoryEvaluationStore()
    audio.recordings["a.wav"] = wav_of(SOUND.tobytes())
    with ThreadPoolExecutor(1) as workers:
        scoring = Scoring(database, MemoryScoringStore(), ListenedJobs(store, max_waiting=2), audio, workers)
        yield World(scoring, database, audio, store)


def completed(attempt: int) -> EvaluationCompleted:
    metrics = convert.signal_metrics(measure(recording(SOUND)))
    return EvaluationCompleted(requester="experiments", job_id=JOB.id, attempt=attempt, signal_metrics=metrics)


async def test_a_recording_is_measured_and_the_result_published(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]
    stored = await world.stored()
    assert (stored.status, stored.signal_metrics) == (Status.completed, measure(recording(SOUND)))
    assert (stored.created_at, stored.developer_id) == (ASKED_AT, "dev_a")
    assert stored.completed_at is not None


async def test_a_redelivered_event_publishes_one_result(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]


async def test_a_repeated_request_publishes_the_stored_result(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    world.audio.recordings.clear()
    await world.scoring.evaluate(replace(JOB, attempt=2), "evt_2")
    assert world.answers == [completed(attempt=1), completed(attempt=2)]
    assert world.audio.readings == 1


async def test_the_result_names_the_latest_attempt(world: World) -> None:
    await world.scoring.evaluate(replace(JOB, attempt=3), "evt_3")
    await world.scoring.evaluate(replace(JOB, attempt=2), "evt_2")
    assert world.answers == [completed(attempt=3), completed(attempt=3)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "The audio is not in the audio store."),
        (b"not audio", "The audio is not a WAV that can be measured: it does not begin with RIFF."),
        (wav_of(b""), "The audio has no samples."),
    ],
)
async def test_unreadable_audio_fails_the_evaluation(world: World, content: bytes | None, message: str) -> None:
    world.audio.recordings = {"a.wav": content} if content is not None else {}
    await world.scoring.evaluate(JOB, "evt_1")
    failure = EvaluationFailed(requester="experiments", job_id=JOB.id, attempt=1, message=message)
    assert world.answers == [failure]
    assert (await world.stored()).status is Status.failed


async def test_audio_that_is_too_large_is_not_read_completely(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecases, "MAX_AUDIO_BYTES", 2 * 2**20)
    world.audio.recordings["a.wav"] = bytes(3 * 2**20)
    await world.scoring.evaluate(JOB, "evt_1")
    assert [answer.message for answer in world.answers] == ["The audio is larger than 2 MiB."]  # type: ignore[attr-defined]


async def test_an_unavailable_store_leaves_the_evaluation_running(world: World) -> None:
    world.audio.error = Unavailable("the audio store can't be read")
    with pytest.raises(Unavailable):
        await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == []
    assert (await world.stored()).status is Status.running
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]


async def test_a_dead_event_fails_its_evaluation(world: World) -> None:
    event = EvaluationRequested(
        requester="experiments", job_id=JOB.id, attempt=4, developer_id="dev_a", audio_name="a.wav"
    )
    metadata = EventMetadata("evt_1", 6, ASKED_AT, "")
    await consumers.on_dead(world.scoring)(event, metadata, "the disk is full")
    message = "The audio could not be measured, and there will be no further attempt: the disk is full"
    assert world.answers == [EvaluationFailed(requester="experiments", job_id=JOB.id, attempt=4, message=message)]


async def test_a_dead_event_does_not_change_a_result(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.give_up(replace(JOB, attempt=2), "evt_2", "too late")
    assert world.answers == [completed(attempt=1), completed(attempt=2)]


async def test_an_event_reaches_its_use_case(world: World) -> None:
    handlers = consumers.handlers(world.scoring)
    event = EvaluationRequested(
        requester="experiments", job_id=JOB.id, attempt=1, developer_id="dev_a", audio_name="a.wav"
    )
    await handlers[EvaluationRequested](event, EventMetadata("evt_1", 1, ASKED_AT, ""))
    assert world.answers == [completed(attempt=1)]


async def test_requested_evaluations_are_deleted_and_others_stay(world: World) -> None:
    other = replace(JOB, id="trl_" + "1" * 32)
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.evaluate(other, "evt_2")
    event = EvaluationDeletionRequested(requester="experiments", job_ids=[JOB.id, "trl_" + "2" * 32])
    metadata = EventMetadata("evt_3", 1, ASKED_AT, "")
    await consumers.handlers(world.scoring)[EvaluationDeletionRequested](event, metadata)
    assert list(await world.evaluations()) == [other.id]


async def test_a_redelivered_deletion_keeps_later_evaluations(world: World) -> None:
    await world.scoring.delete([JOB.id], "evt_1")
    await world.scoring.evaluate(JOB, "evt_2")
    await world.scoring.delete([JOB.id], "evt_1")
    assert list(await world.evaluations()) == [JOB.id]


async def test_no_result_is_published_for_an_evaluation_deleted_meanwhile(world: World) -> None:
    reading = world.audio.open

    async def deleted_meanwhile(name: str) -> AsyncIterator[bytes]:
        await world.scoring.delete([JOB.id], "evt_2")
        async for piece in reading(name):
            yield piece

    world.audio.open = deleted_meanwhile  # type: ignore[method-assign]
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == []
    assert await world.evaluations() == {}


async def test_too_many_deletions_at_once_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="job_ids: must have at most 500 entries, got 501"):
        await world.scoring.delete([JOB.id] * 501, "evt_1")


async def test_a_dead_deletion_publishes_nothing(world: World) -> None:
    event = EvaluationDeletionRequested(requester="experiments", job_ids=[JOB.id])
    await consumers.on_dead(world.scoring)(event, EventMetadata("evt_1", 6, ASKED_AT, ""), "why")
    assert world.answers == []
    assert await world.evaluations() == {}


LISTENED = replace(JOB, listen=True, reference_text="Good morning.", language="en-GB")


async def test_a_job_that_models_listen_to_waits_for_them_after_its_samples_were_measured(world: World) -> None:
    await world.scoring.evaluate(LISTENED, "evt_1")
    assert world.answers == []
    found = (await world.evaluations())[JOB.id]
    assert (found.status, found.signal_metrics) == (Status.pending, measure(recording(SOUND)))
    assert (found.reference_text, found.language, found.requester) == ("Good morning.", "en-GB", "experiments")
    assert found.steps == (
        *("decode", "speech_activity", "transcription", "alignment", "word_errors", "meaning", "pitch"),
        *("rhythm", "prosody", "naturalness", "quality"),
    )


async def test_a_language_that_is_unknown_is_taken_for_english(world: World) -> None:
    await world.scoring.evaluate(replace(LISTENED, language=""), "evt_1")
    assert (await world.evaluations())[JOB.id].language == "en"


async def test_a_request_that_is_repeated_while_models_listen_changes_only_the_attempt(world: World) -> None:
    await world.scoring.evaluate(LISTENED, "evt_1")
    for attempt, event_id in ((1, "evt_1"), (2, "evt_2")):
        await world.scoring.evaluate(replace(LISTENED, attempt=attempt), event_id)
    assert (world.answers, world.audio.readings) == ([], 1)
    assert (await world.stored()).attempt == 2


async def test_the_last_request_ends_the_wait_and_publishes_the_metrics_of_the_samples(world: World) -> None:
    await world.scoring.evaluate(LISTENED, "evt_1")
    # An earlier request that comes late ends nothing.
    await world.scoring.evaluate(replace(LISTENED, attempt=7), "evt_7")
    await world.scoring.evaluate(replace(JOB, attempt=6), "evt_6")
    assert world.answers == []
    for _ in range(2):
        await world.scoring.evaluate(replace(JOB, attempt=8), "evt_8")
    (answer,) = world.answers
    assert isinstance(answer, EvaluationCompleted)
    assert (answer.attempt, answer.signal_metrics) == (8, completed(8).signal_metrics)
    assert answer.listening_metrics == ListeningMetrics()
    async with world.database.reading() as connection:
        outcomes = await world.listened.outcomes(connection, JOB.id)
    assert {(one.status.value, one.reason) for one in outcomes} == {("skipped", OUT_OF_TIME)}


async def test_a_dead_request_does_not_fail_a_job_that_models_listen_to(world: World) -> None:
    await world.scoring.evaluate(LISTENED, "evt_1")
    await world.scoring.give_up(replace(LISTENED, attempt=2), "evt_2", "why")
    assert (world.answers, (await world.stored()).status) == ([], Status.pending)


async def test_while_too_many_jobs_wait_for_models_a_request_stays_in_progress(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecases, "FULL_SECONDS", 0.001)
    first, second, third = (replace(LISTENED, id=f"trl_{number}") for number in range(3))
    await world.scoring.evaluate(first, "evt_1")
    await world.scoring.evaluate(second, "evt_2")
    blocked = asyncio.create_task(world.scoring.evaluate(third, "evt_3"))
    await asyncio.sleep(0.05)
    assert not blocked.done()
    # Jobs that nothing listens to go on.
    await world.scoring.evaluate(JOB, "evt_4")
    assert world.answers == [completed(attempt=1)]
    await world.scoring.evaluate(replace(JOB, id=first.id), "evt_5")
    await asyncio.wait_for(blocked, 5)
    assert (await world.evaluations())[third.id].status is Status.pending


async def test_unreadable_audio_fails_before_models_listen(world: World) -> None:
    world.audio.recordings["a.wav"] = b"not audio"
    await world.scoring.evaluate(LISTENED, "evt_1")
    assert [type(answer) for answer in world.answers] == [EvaluationFailed]
