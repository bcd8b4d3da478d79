"""An evaluation is made once, answered as often as it is asked for, and read by its owner."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from voicearena.scoring.v1.events_pb2 import (
    EvaluationCompleted,
    EvaluationDeletionRequested,
    EvaluationFailed,
    EvaluationRequested,
)

from services.runtime import inbox, outbox
from services.runtime.bus import Delivery
from services.runtime.errors import CredentialsMissing, InvalidInput, NotFound, Unavailable
from services.runtime.identity import Caller, Identity, set_caller
from services.scoring import consumers, convert, usecases
from services.scoring.domain import Job, Status
from services.scoring.metrics.signal import measure
from services.scoring.usecases import Scoring
from tests.fakes.bodies import wav_of
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
    database: fakes.MemoryDatabase
    audio: fakes.MemoryAudio

    @property
    def answers(self) -> list[object]:
        return list(self.database.state.outbox)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(outbox, "add", fakes.add_to_outbox)
    monkeypatch.setattr(inbox, "first_time", fakes.first_time)
    database, audio = fakes.MemoryDatabase(), fakes.MemoryAudio()
    audio.recordings["a.wav"] = wav_of(SOUND.tobytes())
    with ThreadPoolExecutor(1) as workers:
        yield World(
            Scoring(database, fakes.MemoryStore(), audio, workers),  # type: ignore[arg-type]
            database,
            audio,
        )
    set_caller(None)


def completed(attempt: int) -> EvaluationCompleted:
    metrics = convert.signal_metrics(measure(recording(SOUND)))
    return EvaluationCompleted(requester="experiments", job_id=JOB.id, attempt=attempt, signal_metrics=metrics)


async def test_a_recording_is_measured_and_its_requester_answered(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]
    stored = world.database.state.evaluations[JOB.id]
    assert (stored.status, stored.signal_metrics) == (Status.completed, measure(recording(SOUND)))
    assert (stored.created_at, stored.developer_id) == (ASKED_AT, "dev_a")
    assert stored.completed_at is not None


async def test_an_event_that_comes_again_is_answered_once(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]


async def test_a_job_asked_for_again_is_answered_with_the_stored_result(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    world.audio.recordings.clear()
    await world.scoring.evaluate(replace(JOB, attempt=2), "evt_2")
    assert world.answers == [completed(attempt=1), completed(attempt=2)]
    assert world.audio.readings == 1


async def test_a_request_that_was_overtaken_is_answered_with_the_latest_attempt(world: World) -> None:
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
async def test_audio_that_can_not_be_read_fails_the_evaluation(
    world: World, content: bytes | None, message: str
) -> None:
    world.audio.recordings = {"a.wav": content} if content is not None else {}
    await world.scoring.evaluate(JOB, "evt_1")
    failure = EvaluationFailed(requester="experiments", job_id=JOB.id, attempt=1, message=message)
    assert world.answers == [failure]
    assert world.database.state.evaluations[JOB.id].status is Status.failed


async def test_audio_that_is_too_large_is_not_read_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecases, "MAX_AUDIO_BYTES", 2 * 2**20)
    world.audio.recordings["a.wav"] = bytes(3 * 2**20)
    await world.scoring.evaluate(JOB, "evt_1")
    assert [answer.message for answer in world.answers] == ["The audio is larger than 2 MB."]  # type: ignore[attr-defined]


async def test_a_store_that_is_away_leaves_the_job_for_later(world: World) -> None:
    world.audio.error = Unavailable("the audio store can't be read")
    with pytest.raises(Unavailable):
        await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == []
    assert world.database.state.evaluations[JOB.id].status is Status.running
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == [completed(attempt=1)]


async def test_an_event_that_was_given_up_fails_its_evaluation(world: World) -> None:
    event = EvaluationRequested(
        requester="experiments", job_id=JOB.id, attempt=4, developer_id="dev_a", audio_name="a.wav"
    )
    delivery = Delivery("evt_1", 6, ASKED_AT, "")
    await consumers.on_dead(world.scoring)(event, delivery, "the disk is full")
    message = "The audio could not be measured, and no further try is made: the disk is full"
    assert world.answers == [EvaluationFailed(requester="experiments", job_id=JOB.id, attempt=4, message=message)]


async def test_giving_up_does_not_undo_a_result(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.give_up(replace(JOB, attempt=2), "evt_2", "too late")
    assert world.answers == [completed(attempt=1), completed(attempt=2)]


async def test_an_event_reaches_its_use_case(world: World) -> None:
    handlers = consumers.handlers(world.scoring)
    event = EvaluationRequested(
        requester="experiments", job_id=JOB.id, attempt=1, developer_id="dev_a", audio_name="a.wav"
    )
    await handlers[EvaluationRequested](event, Delivery("evt_1", 1, ASKED_AT, ""))
    assert world.answers == [completed(attempt=1)]


async def test_the_owner_reads_an_evaluation(world: World) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    set_caller(Caller(Identity("dev_a", frozenset()), "token"))
    assert (await world.scoring.get_evaluation(JOB.id)).id == JOB.id


@pytest.mark.parametrize(("developer_id", "evaluation_id"), [("dev_b", JOB.id), ("dev_a", "trl_" + "1" * 32)])
async def test_what_is_not_there_and_what_is_somebody_elses_look_alike(
    world: World, developer_id: str, evaluation_id: str
) -> None:
    await world.scoring.evaluate(JOB, "evt_1")
    set_caller(Caller(Identity(developer_id, frozenset()), "token"))
    with pytest.raises(NotFound, match="there is no evaluation"):
        await world.scoring.get_evaluation(evaluation_id)


@pytest.mark.parametrize("evaluation_id", ["", "1", "trl_", "trl_" + "0" * 31, "trl_" + "0" * 32 + "\n", "' OR 1"])
async def test_an_id_that_is_not_one_is_refused(world: World, evaluation_id: str) -> None:
    set_caller(Caller(Identity("dev_a", frozenset()), "token"))
    with pytest.raises(InvalidInput, match="id: must be the id of a trial or other job"):
        await world.scoring.get_evaluation(evaluation_id)


async def test_nobody_reads_nothing(world: World) -> None:
    with pytest.raises(CredentialsMissing):
        await world.scoring.get_evaluation(JOB.id)


async def test_evaluations_are_deleted_on_request_and_others_stay(world: World) -> None:
    other = replace(JOB, id="trl_" + "1" * 32)
    await world.scoring.evaluate(JOB, "evt_1")
    await world.scoring.evaluate(other, "evt_2")
    event = EvaluationDeletionRequested(requester="experiments", job_ids=[JOB.id, "trl_" + "2" * 32])
    delivery = Delivery("evt_3", 1, ASKED_AT, "")
    await consumers.handlers(world.scoring)[EvaluationDeletionRequested](event, delivery)
    assert list(world.database.state.evaluations) == [other.id]


async def test_a_deletion_that_comes_again_does_not_touch_what_was_asked_for_since(world: World) -> None:
    await world.scoring.delete([JOB.id], "evt_1")
    await world.scoring.evaluate(JOB, "evt_2")
    await world.scoring.delete([JOB.id], "evt_1")
    assert list(world.database.state.evaluations) == [JOB.id]


async def test_what_is_deleted_while_it_is_measured_is_answered_to_nobody(world: World) -> None:
    reading = world.audio.open

    async def deleted_meanwhile(name: str) -> AsyncIterator[bytes]:
        await world.scoring.delete([JOB.id], "evt_2")
        async for piece in reading(name):
            yield piece

    world.audio.open = deleted_meanwhile  # type: ignore[method-assign]
    await world.scoring.evaluate(JOB, "evt_1")
    assert world.answers == []
    assert world.database.state.evaluations == {}


async def test_too_many_deletions_at_once_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="job_ids: must be at most 500, got 501"):
        await world.scoring.delete([JOB.id] * 501, "evt_1")


async def test_a_deletion_that_was_given_up_answers_nobody(world: World) -> None:
    event = EvaluationDeletionRequested(requester="experiments", job_ids=[JOB.id])
    await consumers.on_dead(world.scoring)(event, Delivery("evt_1", 6, ASKED_AT, ""), "why")
    assert world.answers == []
    assert world.database.state.evaluations == {}
