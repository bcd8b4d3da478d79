"""The suite for the stores of evaluations of recordings."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.runtime.db import Database
from services.scoring.domain import Job, Status
from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.recording_store import RecordingStore, SqlRecordingStore
from services.scoring.evaluations.store import ListenedJob, Run, SqlStore, Store
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.sound import SpeechActivity
from services.scoring.store import SqlStore as JobSqlStore
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_evaluation_store import MemoryEvaluationStore
from tests.fakes.memory_scoring_store import MemoryScoringStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
STEPS = ("decode", "speech_activity")
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
SPEECH = StepOutcome(
    "speech_activity", StepStatus.completed, 0.5, "", "silero/6", SpeechActivity(((0.5, 1.0),), 0.5, 0.25)
)


def evaluation(id_: str = "evl_a", **changes: Any) -> Evaluation:
    values: dict[str, Any] = {
        "id": id_,
        "developer_id": "dev_a",
        "status": Status.pending,
        "audio_name": f"{id_}.audio",
        "created_at": NOON,
        "model_id": "mdl_a",
        "reference_text": "Good morning.",
        "language": "en",
        "num_speakers": 2,
        "channels": "mix",
        "names": ("Ada",),
        "steps": STEPS,
        "conditions": ("telephone",),
        "content_type": "audio/mpeg",
        "uploaded": True,
    }
    return Evaluation(**{**values, **changes})


PENDING = [
    StepOutcome(step, StepStatus.pending, condition=condition) for condition in ("", "telephone") for step in STEPS
]


@pytest.fixture
def service() -> str:
    return "scoring"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryEvaluationStore() if isinstance(database, MemoryDatabase) else SqlStore()


@pytest.fixture
def recordings(database: Database) -> RecordingStore:
    return MemoryEvaluationStore() if isinstance(database, MemoryDatabase) else SqlRecordingStore()


async def add(database: Database, store: Store, *added: Evaluation, request_id: str = "") -> None:
    async with database.transaction() as connection:
        for each in added:
            assert await store.add(connection, each, PENDING, request_id, b"print")


async def claim(database: Database, store: Store, at: datetime = NOON, *, jobs: bool = False) -> Evaluation | None:
    async with database.transaction() as connection:
        return await store.claim(connection, at, at + MINUTE, jobs=jobs)


async def get(database: Database, store: Store, id_: str = "evl_a") -> Evaluation | None:
    async with database.reading() as connection:
        return await store.get(connection, id_)


async def outcomes(database: Database, store: Store, id_: str = "evl_a", **options: bool) -> Sequence[StepOutcome]:
    async with database.reading() as connection:
        return await store.outcomes(connection, id_, **options)


async def test_an_evaluation_is_read_as_it_was_added(database: Database, store: Store) -> None:
    await add(database, store, evaluation(), evaluation("evl_b", num_speakers=None))
    assert await get(database, store) == evaluation()
    assert await outcomes(database, store) == PENDING
    assert await get(database, store, "evl_c") is None
    assert await outcomes(database, store, "evl_c") == []


async def test_the_evaluation_of_a_job_is_read_too_and_never_claimed(database: Database, store: Store) -> None:
    jobs = MemoryScoringStore() if isinstance(database, MemoryDatabase) else JobSqlStore()
    job = Job("trl_a", "experiments", 1, "dev_a", "trl_a.wav", NOON)
    async with database.transaction() as connection:
        await jobs.begin(connection, job)
    running = await get(database, store, "trl_a")
    assert running == Evaluation(
        id="trl_a",
        developer_id="dev_a",
        status=Status.running,
        audio_name="trl_a.wav",
        created_at=NOON,
        requester="experiments",
    )
    assert running.of_job
    assert await claim(database, store, NOON + DAY) is None
    async with database.transaction() as connection:
        await jobs.finish(connection, "trl_a", METRICS, NOON + SECOND)
        assert (await store.count(connection, "dev_a")) == (0, 0)
        found = await store.find_audio(connection, "dev_a", "trl_a.wav")
    assert found == dataclasses.replace(
        running, status=Status.completed, signal_metrics=METRICS, completed_at=NOON + SECOND
    )


LISTENED = ListenedJob("Good morning.", "en-GB", STEPS, METRICS, "a trace")
STEPS_OF_JOB = [StepOutcome(step, StepStatus.pending) for step in STEPS]


async def queue_job(database: Database, store: Store, id_: str = "trl_a", at: datetime = NOON) -> bool:
    """Begins the evaluation of a job and makes it wait for models."""
    jobs = MemoryScoringStore() if isinstance(database, MemoryDatabase) else JobSqlStore()
    async with database.transaction() as connection:
        await jobs.begin(connection, Job(id_, "experiments", 1, "dev_a", f"{id_}.wav", NOON))
        return await store.queue_job(connection, id_, LISTENED, at)


async def test_a_job_waits_for_models_with_its_text_and_its_pending_steps(database: Database, store: Store) -> None:
    assert await queue_job(database, store)
    waiting = await get(database, store, "trl_a")
    assert waiting == Evaluation(
        id="trl_a",
        developer_id="dev_a",
        status=Status.pending,
        audio_name="trl_a.wav",
        created_at=NOON,
        requester="experiments",
        signal_metrics=METRICS,
        reference_text="Good morning.",
        language="en-GB",
        steps=STEPS,
        traceparent="a trace",
    )
    assert await outcomes(database, store, "trl_a") == STEPS_OF_JOB
    # It waits once, also if the job is requested again.
    assert not await queue_job(database, store)
    async with database.transaction() as connection:
        assert (await store.count_jobs(connection), await store.count(connection, "dev_a")) == (1, (0, 0))


async def test_jobs_and_recordings_wait_in_two_queues(database: Database, store: Store) -> None:
    assert await claim(database, store, jobs=True) is None
    await queue_job(database, store)
    await add(database, store, evaluation(created_at=NOON + MINUTE))
    first, second = await claim(database, store, jobs=True), await claim(database, store)
    assert [each and (each.id, each.run, each.status) for each in (first, second)] == [
        ("trl_a", 1, Status.running),
        ("evl_a", 1, Status.running),
    ]
    assert (await claim(database, store, jobs=True), await claim(database, store)) == (None, None)


async def test_a_job_that_models_listen_to_is_not_ended_as_one_of_samples_alone(
    database: Database, store: Store
) -> None:
    jobs = MemoryScoringStore() if isinstance(database, MemoryDatabase) else JobSqlStore()
    await queue_job(database, store)
    await claim(database, store, jobs=True)
    async with database.transaction() as connection:
        assert await jobs.finish(connection, "trl_a", "no further attempt", NOON) is None
        again = await jobs.begin(connection, Job("trl_a", "experiments", 2, "dev_a", "trl_a.wav", NOON))
    assert (again.status, again.attempt, again.queued_at) == (Status.running, 2, NOON)


@pytest.mark.parametrize("begun", [False, True])
async def test_a_job_is_completed_without_models(database: Database, store: Store, begun: bool) -> None:
    await queue_job(database, store)
    run = await claim(database, store, jobs=True) if begun else None
    async with database.transaction() as connection:
        await store.complete_job(connection, "trl_a", NOON + SECOND)
        assert not await store.renew(connection, Run("trl_a", run.run if run else 0), NOON + MINUTE)
        assert await store.count_jobs(connection) == 0
    found = await get(database, store, "trl_a")
    assert found is not None
    assert (found.status, found.completed_at, found.signal_metrics) == (Status.completed, NOON + SECOND, METRICS)
    assert await claim(database, store, NOON + DAY, jobs=True) is None


async def test_jobs_are_deleted_with_their_steps_and_those_in_progress_are_named(
    database: Database, store: Store
) -> None:
    jobs = MemoryScoringStore() if isinstance(database, MemoryDatabase) else JobSqlStore()
    for id_ in ("trl_a", "trl_b", "trl_c"):
        await queue_job(database, store, id_)
    async with database.transaction() as connection:
        await store.complete_job(connection, "trl_b", NOON)
        assert await jobs.delete(connection, ["trl_a", "trl_b", "trl_x"]) == ["trl_a"]
    assert await outcomes(database, store, "trl_a") == []
    assert await outcomes(database, store, "trl_c") == STEPS_OF_JOB


async def test_a_request_id_adds_one_evaluation(database: Database, store: Store) -> None:
    await add(database, store, evaluation(), request_id="once")
    async with database.transaction() as connection:
        assert not await store.add(connection, evaluation("evl_b"), PENDING, "once", b"print")
    async with database.reading() as connection:
        earlier = await store.find_request(connection, "dev_a", "once")
        assert earlier is not None
        assert (earlier.result, earlier.fingerprint, earlier.at) == (evaluation(), b"print", NOON)
        assert await store.find_request(connection, "dev_b", "once") is None
        assert await store.find_request(connection, "dev_a", "twice") is None


async def test_evaluations_are_counted_for_the_developer_and_waiting_ones_for_all(
    database: Database, store: Store
) -> None:
    await add(database, store, evaluation(), evaluation("evl_b"), evaluation("evl_c", developer_id="dev_b"))
    async with database.transaction() as connection:
        await store.cancel(connection, "evl_a", NOON)
        assert await store.count(connection, "dev_a") == (2, 2)
        assert await store.count(connection, "dev_c") == (0, 2)


async def test_pages_are_newest_first_and_filtered(database: Database, store: Store) -> None:
    added = [
        evaluation("evl_a"),
        evaluation("evl_b", model_id="mdl_b"),
        evaluation("evl_c", created_at=NOON + SECOND),
        evaluation("evl_d", developer_id="dev_b"),
    ]
    await add(database, store, *added)

    async def page(limit: int = 10, after: tuple[datetime, str] | None = None, **filters: str) -> list[str]:
        every = {"model_id": "", "scenario_id": "", "status": "", **filters}
        async with database.reading() as connection:
            found = await store.page(connection, "dev_a", **every, after=after, limit=limit)
        return [each.id for each in found]

    assert await page() == ["evl_c", "evl_b", "evl_a"]
    assert await page(limit=1, after=(NOON + SECOND, "evl_c")) == ["evl_b"]
    assert await page(model_id="mdl_b") == ["evl_b"]
    assert await page(status="running") == await page(scenario_id="scn_a") == []


async def test_audio_is_found_for_its_owner(database: Database, store: Store) -> None:
    again = evaluation("evl_b", audio_name="evl_a.audio", created_at=NOON + SECOND)
    await add(database, store, again, evaluation())
    async with database.reading() as connection:
        assert await store.find_audio(connection, "dev_a", "evl_a.audio") == evaluation()
        assert await store.find_audio(connection, "dev_b", "evl_a.audio") is None


async def test_the_evaluation_that_waits_longest_is_claimed_once(database: Database, store: Store) -> None:
    await add(database, store, evaluation("evl_b", created_at=NOON + SECOND), evaluation())
    running = {"status": Status.running, "run": 1, "tries": 1}
    assert await claim(database, store) == dataclasses.replace(evaluation(), **running)
    later = await claim(database, store)
    assert later == dataclasses.replace(evaluation("evl_b", created_at=NOON + SECOND), **running)
    assert await claim(database, store) is None


async def test_developers_take_turns(database: Database, store: Store) -> None:
    mine = [evaluation(f"evl_{n}", created_at=NOON + n * SECOND) for n in range(3)]
    await add(database, store, *mine, evaluation("evl_b", developer_id="dev_b", created_at=NOON + MINUTE))
    claimed = [await claim(database, store, NOON + 2 * MINUTE) for _ in range(4)]
    assert [each and each.id for each in claimed] == ["evl_0", "evl_b", "evl_1", "evl_2"]


async def test_an_evaluation_whose_claim_ran_out_is_run_again_from_the_start(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    async with database.transaction() as connection:
        await store.record(connection, Run("evl_a", 1), [SPEECH])
    assert await claim(database, store, NOON + MINUTE) is None
    again = await claim(database, store, NOON + MINUTE + SECOND)
    assert again is not None
    assert (again.run, again.tries) == (2, 2)
    assert await outcomes(database, store) == PENDING


async def test_a_renewed_claim_lasts_longer(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    async with database.transaction() as connection:
        assert await store.renew(connection, Run("evl_a", 1), NOON + 3 * MINUTE)
    assert await claim(database, store, NOON + 2 * MINUTE) is None


async def test_a_superseded_run_changes_nothing(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    current = await claim(database, store, NOON + DAY)
    async with database.transaction() as connection:
        old = Run("evl_a", 1)
        assert not await store.renew(connection, old, NOON + 2 * DAY)
        assert await store.end(connection, old, "", 1.5, NOON) is None
        await store.hand_back(connection, old)
    assert await get(database, store) == current


async def test_a_step_ends_once(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    run, started = Run("evl_a", 1), StepOutcome("speech_activity", StepStatus.started)
    failed = StepOutcome("decode", StepStatus.failed, 0.25, "No.", condition="telephone")
    async with database.transaction() as connection:
        await store.record(connection, run, [started, failed])
    assert await outcomes(database, store) == [PENDING[0], started, failed, PENDING[3]]
    async with database.transaction() as connection:
        await store.record(connection, run, [SPEECH])
        await store.record(connection, run, [started])
        await store.record(connection, run, [dataclasses.replace(SPEECH, seconds=9.0)])
        await store.record(connection, run, [StepOutcome("emotion", StepStatus.started)])
    assert await outcomes(database, store) == [PENDING[0], SPEECH, failed, PENDING[3]]
    without = dataclasses.replace(SPEECH, result=None)
    assert await outcomes(database, store, results=False) == [PENDING[0], without, failed, PENDING[3]]


async def test_a_run_that_is_handed_back_waits_again_and_is_no_try(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    async with database.transaction() as connection:
        await store.hand_back(connection, Run("evl_a", 1))
    assert await get(database, store) == dataclasses.replace(evaluation(), run=1, tries=0)
    again = await claim(database, store)
    assert again is not None
    assert (again.run, again.tries) == (2, 1)


@pytest.mark.parametrize(("message", "status"), [("", Status.completed), ("No.", Status.failed)])
async def test_a_run_ends_once(database: Database, store: Store, message: str, status: Status) -> None:
    await add(database, store, evaluation())
    claimed = await claim(database, store)
    assert claimed is not None
    ended = dataclasses.replace(
        claimed, status=status, error_message=message, duration_seconds=1.5, completed_at=NOON + SECOND
    )
    async with database.transaction() as connection:
        assert await store.end(connection, Run("evl_a", 1), message, 1.5, NOON + SECOND) == ended
        assert await store.end(connection, Run("evl_a", 1), "Again.", None, NOON + MINUTE) is None
        assert not await store.renew(connection, Run("evl_a", 1), NOON + DAY)
    assert await get(database, store) == ended
    assert await claim(database, store, NOON + DAY) is None


async def test_a_cancelled_evaluation_is_never_claimed(database: Database, store: Store) -> None:
    await add(database, store, evaluation(), evaluation("evl_b"))
    await claim(database, store)
    async with database.transaction() as connection:
        for id_ in ("evl_a", "evl_b"):
            cancelled = await store.cancel(connection, id_, NOON + SECOND)
            assert (cancelled.status, cancelled.completed_at) == (Status.cancelled, NOON + SECOND)
    assert await claim(database, store, NOON + DAY) is None


async def test_a_restarted_evaluation_waits_with_all_steps_pending(database: Database, store: Store) -> None:
    await add(database, store, evaluation())
    await claim(database, store)
    async with database.transaction() as connection:
        await store.record(connection, Run("evl_a", 1), [SPEECH])
        await store.end(connection, Run("evl_a", 1), "No.", 1.5, NOON)
        assert await store.restart(connection, "evl_a", NOON + SECOND) == dataclasses.replace(evaluation(), run=1)
    assert await outcomes(database, store) == PENDING
    again = await claim(database, store, NOON + MINUTE)
    assert again is not None
    assert (again.run, again.tries) == (2, 1)


async def test_only_the_named_evaluation_is_deleted(database: Database, store: Store) -> None:
    await add(database, store, evaluation(), evaluation("evl_b"))
    async with database.transaction() as connection:
        await store.delete(connection, "evl_a")
    assert await get(database, store) is None
    assert await outcomes(database, store) == []
    assert await get(database, store, "evl_b") == evaluation("evl_b")


async def test_uploaded_audio_is_due_after_the_end(
    database: Database, store: Store, recordings: RecordingStore
) -> None:
    stored = evaluation("evl_b", uploaded=False)
    await add(database, store, evaluation(), stored, evaluation("evl_c"), evaluation("evl_d"))
    async with database.transaction() as connection:
        for id_, at in (("evl_c", NOON + SECOND), ("evl_b", NOON), ("evl_d", NOON)):
            await store.cancel(connection, id_, at)

    async def due(before: datetime) -> list[str]:
        async with database.transaction() as connection:
            return [each.id for each in await recordings.audio_due(connection, before, 10)]

    assert await due(NOON) == []
    assert await due(NOON + MINUTE) == ["evl_d", "evl_c"]
    async with database.transaction() as connection:
        await recordings.forget_audio(connection, ["evl_d.audio", "of_no_evaluation.audio"], NOON + MINUTE)
    assert await due(NOON + MINUTE) == ["evl_c"]
    forgotten = await get(database, store, "evl_d")
    assert forgotten is not None
    assert forgotten.audio_deleted_at == NOON + MINUTE


async def test_unused_recordings_are_due_at_their_time_unless_they_are_used(
    database: Database, recordings: RecordingStore
) -> None:
    async with database.transaction() as connection:
        await recordings.expect_unused(connection, ["a.audio", "b.audio"], NOON + MINUTE)
        await recordings.expect_unused(connection, ["c.audio"], NOON)
        await recordings.expect_unused(connection, [], NOON)
        assert await recordings.use(connection, "b.audio")
        assert not await recordings.use(connection, "b.audio")

    async def due(at: datetime) -> Sequence[str]:
        async with database.transaction() as connection:
            return await recordings.unused_due(connection, at, 10)

    assert await due(NOON) == ["c.audio"]
    assert await due(NOON + MINUTE) == ["c.audio", "a.audio"]
    async with database.transaction() as connection:
        await recordings.forget_unused(connection, ["c.audio", "d.audio"])
    assert await due(NOON + MINUTE) == ["a.audio"]
