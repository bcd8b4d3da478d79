"""Evaluations that wait are run, their steps are stored while they run, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, RecordingEvaluated
from voicearena.scoring.v1.scoring_pb2 import ListeningMetrics

from services.runtime.clock import now
from services.runtime.errors import Busy
from services.scoring.backends.backend import Transcript
from services.scoring.domain import Job, Status
from services.scoring.evaluations import running
from services.scoring.evaluations.domain import Evaluation, EvaluationPlan
from services.scoring.evaluations.job_results import job_ended
from services.scoring.evaluations.listened_jobs import STEPS, ListenedJobs
from services.scoring.evaluations.running import GIVEN_UP
from services.scoring.evaluations.steps import NO_NUMBER, NUL_TEXT
from services.scoring.evaluations.store import Run
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.meaning import MeaningMetrics
from services.scoring.pipeline.steps.opinion import NaturalnessMetrics
from services.scoring.pipeline.steps.sound import NO_SPEECH, LoudnessMetrics
from services.scoring.workers.job import EvaluationFailed
from tests.fakes.memory_scoring_store import MemoryScoringStore
from tests.unit.scoring.evaluations import outcomes
from tests.unit.scoring.evaluations.conftest import AWAY, MODEL, RECORDED, SCENARIO, SOON_SECONDS, World, call_as

SIGNAL = EvaluationPlan(steps=("signal",))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUSY_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(running, name, 0.01)


async def statuses(world: World, evaluation: Evaluation) -> list[tuple[str, str]]:
    return [(one.step, one.status.value) for one in await world.outcomes(evaluation.id)]


async def test_a_recording_is_evaluated_with_what_was_said_of_it(world: World) -> None:
    plan = EvaluationPlan(
        reference_text="Good morning.",
        language="de",
        num_speakers=2,
        channels="mix",
        names=("Ada",),
        steps=("signal",),
        conditions=("telephone",),
    )
    async with world.running():
        evaluation = await world.upload(plan)
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.duration_seconds, ended.error_message) == (Status.completed, 1.5, "")
    assert ended.completed_at is not None
    (job,) = world.runner.jobs
    assert (job.id, job.developer_id, job.steps, job.conditions) == (
        *(evaluation.id, "dev_a", ("decode", "signal"), ("telephone",)),
    )
    assert job.audio_path.read_bytes() == b"RIFF"
    options = job.options
    assert (options.reference_text, options.language) == ("Good morning.", "de")
    assert (options.num_speakers, options.channels) == (2, "mix")
    assert (options.names, job.interactive) == (("Ada",), True)
    ends = await world.outcomes(evaluation.id)
    assert [(one.condition, one.step, one.status.value, one.backend) for one in ends] == [
        (condition, step, "completed", f"{step}/1") for condition in ("", "telephone") for step in ("decode", "signal")
    ]


async def test_a_recording_in_a_bucket_is_fetched_and_the_copy_deleted(world: World) -> None:
    world.audio.is_local = False
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL, content=b"fLaC1234")
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
        path = world.runner.jobs[0].audio_path
        assert path.read_bytes() == b"fLaC1234"
        world.runner.resume()
        await world.ended(evaluation.id)
    assert not path.exists()


async def test_a_recording_that_cannot_be_decoded_fails_with_the_reason(world: World) -> None:
    reason = "The file is not audio in a format that can be decoded."
    world.runner.duration_seconds = None
    world.runner.ends["", "decode"] = StepOutcome("decode", StepStatus.failed, reason=reason)
    async with world.running():
        ended = await world.ended((await world.upload(SIGNAL)).id)
    assert (ended.status, ended.error_message, ended.duration_seconds) == (Status.failed, reason, None)


async def test_a_failed_step_does_not_fail_the_evaluation(world: World) -> None:
    failed = world.runner.ends["", "signal"] = StepOutcome("signal", StepStatus.failed, 0.5, "It broke.")
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        assert (await world.ended(evaluation.id)).status is Status.completed
    assert (await world.outcomes(evaluation.id))[1] == failed


async def test_an_evaluation_that_cannot_be_completed_fails_with_its_open_steps(world: World) -> None:
    world.runner.errors = [EvaluationFailed("The recording ended its process twice.")]
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.error_message) == (Status.failed, "The recording ended its process twice.")
    assert {one.reason for one in await world.outcomes(evaluation.id)} == {"The recording ended its process twice."}


async def test_a_recording_that_is_gone_fails_the_evaluation(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    await world.audio.delete(evaluation.audio_name)
    async with world.running():
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.error_message) == (
        *(Status.failed, "The recording is not in the audio store any more."),
    )


@pytest.mark.parametrize("error", [Busy("full"), AWAY, OperationalError("SELECT", None, Exception("away"))])
async def test_an_evaluation_waits_while_it_cannot_run(world: World, error: Exception) -> None:
    world.runner.errors = [error] * 5
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.tries, len(world.runner.jobs)) == (Status.completed, 1, 6)


async def test_at_most_so_many_run_at_a_time_and_developers_take_turns(world: World) -> None:
    world.runner.hold = "signal"
    mine = [await world.upload(SIGNAL) for _ in range(3)]
    call_as("dev_b")
    theirs = await world.upload(SIGNAL)
    async with world.running(max_running=2):
        held = [await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS) for _ in range(2)]
        assert set(held) == {mine[0].id, theirs.id}
        assert len(world.runner.jobs) == 2
        world.runner.resume()
        await world.ended(theirs.id)
        call_as("dev_a")
        for each in mine:
            await world.ended(each.id)
    assert sorted(job.id for job in world.runner.jobs) == sorted(each.id for each in [*mine, theirs])


async def test_steps_are_stored_while_the_evaluation_runs(world: World) -> None:
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        async with asyncio.timeout(SOON_SECONDS):
            async for _ in world.watching().watch(evaluation.id):
                if await statuses(world, evaluation) == [("decode", "completed"), ("signal", "started")]:
                    break
        assert (await world.get(evaluation.id)).status is Status.running
        world.runner.resume()
        await world.ended(evaluation.id)


async def test_cancelling_ends_the_work_at_once(world: World) -> None:
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
        await world.evaluations.cancel(evaluation.id)
        await asyncio.wait_for(world.runner.ended.get(), SOON_SECONDS)
        assert world.runner.cancelled == [evaluation.id]
    assert (await world.get(evaluation.id)).status is Status.cancelled
    assert await statuses(world, evaluation) == [("decode", "completed"), ("signal", "failed")]


async def test_deleting_ends_the_work_at_once(world: World) -> None:
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
        await world.evaluations.delete(evaluation.id)
        await asyncio.wait_for(world.runner.ended.get(), SOON_SECONDS)
        assert world.runner.cancelled == [evaluation.id]
    assert world.audio.names == []


async def test_a_process_that_stops_hands_its_evaluation_back(world: World) -> None:
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
    waiting = await world.get(evaluation.id)
    assert (waiting.status, waiting.run, waiting.tries) == (Status.pending, 1, 0)
    world.runner.resume()
    async with world.running():
        assert (await world.ended(evaluation.id)).status is Status.completed
    assert [job.id for job in world.runner.jobs] == [evaluation.id] * 2


async def interrupt(world: World, times: int, *, jobs: bool = False) -> None:
    """Claims the evaluation as processes do that then end without a word."""
    moment = now() - timedelta(hours=1)
    for _ in range(times):
        async with world.database.transaction() as connection:
            claimed = await world.store.claim(connection, moment, moment + timedelta(seconds=1), jobs=jobs)
            assert claimed is not None
            run = Run(claimed.id, claimed.run)
            await world.store.record(connection, run, [StepOutcome("decode", StepStatus.completed, backend="old/1")])
        moment += timedelta(minutes=1)


async def test_an_evaluation_whose_process_is_gone_is_run_again_and_no_result_is_doubled(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    await interrupt(world, times=2)
    async with world.running():
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.run) == (Status.completed, 3)
    assert [one.backend for one in await world.outcomes(evaluation.id)] == ["decode/1", "signal/1"]


async def test_an_evaluation_that_is_interrupted_again_and_again_is_given_up(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    await interrupt(world, times=3)
    async with world.running():
        ended = await world.ended(evaluation.id)
    assert (ended.status, ended.error_message) == (Status.failed, GIVEN_UP)
    assert world.runner.jobs == []
    assert {one.reason for one in await world.outcomes(evaluation.id)} == {GIVEN_UP}


async def test_a_run_that_was_superseded_stores_nothing(world: World) -> None:
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
        async with world.database.transaction() as connection:
            later = now() + timedelta(hours=1)
            assert await world.store.claim(connection, later, later + timedelta(hours=1)) is not None
        world.runner.resume()
        await asyncio.wait_for(world.runner.ended.get(), SOON_SECONDS)
    found = await world.get(evaluation.id)
    assert (found.status, found.run) == (Status.running, 2)
    assert await statuses(world, evaluation) == [("decode", "pending"), ("signal", "pending")]


async def test_a_step_that_ends_while_the_database_is_away_is_stored_afterwards(world: World) -> None:
    away = OperationalError("SELECT", None, Exception("the server closed the connection"))
    metrics = SignalMetrics(
        duration_seconds=1.5,
        silence_ratio=0.5,
        leading_silence_ms=0.0,
        trailing_silence_ms=0.0,
        peak=0.5,
        clipping_ratio=0.0,
        loudness_lufs=None,
        dc_offset=0.0,
        audible=True,
        rms=0.25,
        backend="signal/1",
    )
    completed = StepOutcome("signal", StepStatus.completed, 0.25, backend="signal/1", result=metrics)
    world.runner.ends["", "signal"] = completed
    world.runner.hold = "signal"
    async with world.running():
        evaluation = await world.upload(SIGNAL)
        await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS)
        with world.database.failing(away):
            world.runner.resume()
            await asyncio.sleep(0.05)
        assert (await world.ended(evaluation.id)).status is Status.completed
    assert (await world.outcomes(evaluation.id))[1] == completed


@pytest.mark.parametrize(("value", "reason"), [(float("nan"), NO_NUMBER), (float("-inf"), NO_NUMBER)])
async def test_a_step_whose_result_is_not_a_number_has_failed(world: World, value: float, reason: str) -> None:
    result = LoudnessMetrics(value, None, None)
    world.runner.ends["", "loudness"] = StepOutcome("loudness", StepStatus.completed, 0.25, "", "sound/1", result)
    async with world.running():
        evaluation = await world.upload(EvaluationPlan(steps=("loudness",)))
        assert (await world.ended(evaluation.id)).status is Status.completed
    assert (await world.outcomes(evaluation.id))[1] == StepOutcome("loudness", StepStatus.failed, 0.25, reason)


async def test_a_step_whose_text_cannot_be_stored_has_failed(world: World) -> None:
    result = Transcript("Hello\0", "en", ())
    world.runner.ends["", "transcription"] = StepOutcome("transcription", StepStatus.completed, 0.25, result=result)
    async with world.running():
        evaluation = await world.upload(EvaluationPlan(steps=("transcription",)))
        await world.ended(evaluation.id)
    assert (await world.outcomes(evaluation.id))[-1] == StepOutcome("transcription", StepStatus.failed, 0.25, NUL_TEXT)


async def listen(world: World, number: int = 0) -> str:
    """Makes a job wait for models, and returns its id."""
    job_id = f"trl_{number:032x}"
    job = Job(job_id, "experiments", 3, "dev_a", world.audio.add(f"{job_id}.wav"), now(), True, "Call 47 now.", "en-GB")
    async with world.database.transaction() as connection:
        await MemoryScoringStore().begin(connection, job)
        assert await ListenedJobs(world.store).add(connection, job, outcomes.SIGNAL, now())
    return job_id


def heard_by_models(world: World) -> None:
    """Lets the steps have the results in `outcomes`."""
    for outcome in outcomes.completed():
        world.runner.ends["", outcome.step] = outcome
    meaning = StepOutcome("meaning", StepStatus.completed, 0.25, backend="meaning/1", result=MeaningMetrics(0.625))
    world.runner.ends["", "meaning"] = meaning
    world.runner.ends["", "naturalness"] = StepOutcome("naturalness", StepStatus.skipped, reason="There is no model.")


def published(world: World) -> EvaluationCompleted:
    (event,) = world.database.published()
    assert isinstance(event, EvaluationCompleted)
    return event


async def test_models_listen_to_a_job_with_its_text_and_the_requester_gets_what_they_heard(world: World) -> None:
    heard_by_models(world)
    async with world.running():
        ended = await world.ended(await listen(world))
    (job,) = world.runner.jobs
    assert (job.options.reference_text, job.options.language, job.interactive) == ("Call 47 now.", "en-GB", False)
    assert "signal" not in job.steps
    assert (ended.status, ended.error_message, ended.signal_metrics) == (Status.completed, "", outcomes.SIGNAL)
    event = published(world)
    assert (event.requester, event.job_id, event.attempt) == ("experiments", ended.id, 3)
    assert event.signal_metrics.backend == "voicearena-signal/1"
    assert event.listening_metrics == ListeningMetrics(
        **{"word_error_rate": 2 / 3, "hard_word_accuracy": 0.0, "speech_failures": 1, "semascore": 0.625},
        **{"prosody_score": 0.75, "signal_quality_mos": 3.25},
    )
    assert event.heard.transcript == "Call 48 now. Now!"
    assert [list(span.transcript) for span in event.heard.words.alignment] == [["call"], ["48"], ["now"], ["again"]]
    assert dict(event.heard.backends) == {
        "transcript": "transcription/1",
        "prosody_score": "prosody/1",
        "signal_quality_mos": "quality/1",
        "semascore": "meaning/1",
        **dict.fromkeys(("word_error_rate", "hard_word_accuracy", "speech_failures"), "word_errors/1"),
    }


async def test_a_recording_of_a_scenario_is_kept_as_a_copy_with_all_that_battles_need(world: World) -> None:
    heard_by_models(world)
    async with world.running():
        ended = await world.upload(EvaluationPlan(model_id=RECORDED, scenario_id=SCENARIO))
        ended = await world.ended(ended.id)
    assert ended.status is Status.completed
    assert (await world.get(ended.id)).copy_name in world.audio.names
    (event,) = world.database.published()
    assert isinstance(event, RecordingEvaluated)
    assert (event.audio_name, event.model_id, event.scenario_id) == (f"{ended.id}.wav", RECORDED, SCENARIO)
    assert event.signal_metrics.peak == outcomes.SIGNAL.peak
    assert event.listening_metrics.semascore == 0.625
    assert (event.heard.transcript, event.heard.backends["semascore"]) == ("Call 48 now. Now!", "meaning/1")
    await world.evaluations.delete(ended.id)
    assert world.audio.names == []


async def test_another_recording_has_no_copy_and_its_fact_no_metrics(world: World) -> None:
    async with world.running():
        ended = await world.ended((await world.upload(EvaluationPlan(scenario_id=SCENARIO))).id)
    assert (await world.get(ended.id)).audio_name in world.audio.names
    assert len(world.audio.names) == 1
    (event,) = world.database.published()
    assert isinstance(event, RecordingEvaluated)
    assert (event.audio_name, event.HasField("signal_metrics"), event.HasField("heard")) == ("", False, False)


async def test_a_copy_waits_for_the_audio_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BUSY_SECONDS", 0.01)
    put, away = world.audio.put_stream, [AWAY]

    async def put_stream(name: str, pieces: AsyncIterator[bytes]) -> None:
        if away:
            raise away.pop()
        await put(name, pieces)

    monkeypatch.setattr(world.audio, "put_stream", put_stream)
    heard_by_models(world)
    async with world.running():
        ended = await world.ended((await world.upload(EvaluationPlan(model_id=MODEL, scenario_id=SCENARIO))).id)
    assert (ended.status, away, ended.copy_name in world.audio.names) == (Status.completed, [], True)


async def test_a_recording_of_a_scenario_that_is_too_long_fails(world: World) -> None:
    world.runner.duration_seconds, world.runner.copy = 300.5, None
    async with world.running():
        ended = await world.ended((await world.upload(EvaluationPlan(model_id=RECORDED, scenario_id=SCENARIO))).id)
    assert (ended.status, ended.error_message) == (
        Status.failed,
        "A recording of a scenario can be 300 s long at most.",
    )


def test_silence_has_every_word_wrong_in_one_place() -> None:
    silent = replace(outcomes.RUNNING, signal_metrics=replace(outcomes.SIGNAL, audible=False))
    skipped = [StepOutcome(step, StepStatus.skipped, reason=NO_SPEECH) for step in ("transcription", "word_errors")]
    event = job_ended("experiments", silent, skipped)
    assert isinstance(event, EvaluationCompleted)
    assert event.listening_metrics == ListeningMetrics(word_error_rate=1, speech_failures=1)
    assert event.heard.backends == dict.fromkeys(("word_error_rate", "speech_failures"), "voicearena-signal/1")
    not_heard = job_ended("experiments", replace(silent, signal_metrics=outcomes.SIGNAL), skipped)
    assert isinstance(not_heard, EvaluationCompleted)
    assert not_heard.listening_metrics == ListeningMetrics()


@pytest.mark.parametrize("error", [EvaluationFailed("It ended its process twice."), None])
async def test_a_job_is_completed_without_what_could_not_be_heard(world: World, error: Exception | None) -> None:
    world.runner.errors = [error] if error else []
    if error is None:
        world.runner.duration_seconds = None
        failed = StepOutcome("decode", StepStatus.failed, reason="It can't be decoded.")
        skipped = {step: StepOutcome(step, StepStatus.skipped, reason="It can't be decoded.") for step in STEPS}
        world.runner.ends.update({("", step): one for step, one in {**skipped, "decode": failed}.items()})
    async with world.running():
        ended = await world.ended(await listen(world))
    assert (ended.status, ended.error_message) == (Status.completed, "")
    assert {one.reason for one in await world.outcomes(ended.id)} == {str(error or "It can't be decoded.")}
    event = published(world)
    assert (event.signal_metrics.backend, event.listening_metrics) == ("voicearena-signal/1", ListeningMetrics())


async def test_a_step_that_ended_before_the_process_did_keeps_its_value(world: World) -> None:
    heard_by_models(world)
    world.runner.breaks = {"quality": EvaluationFailed("It ended its process twice.")}
    async with world.running():
        ended = await world.ended(await listen(world))
    event = published(world)
    assert (event.listening_metrics.word_error_rate, event.listening_metrics.prosody_score) == (2 / 3, 0.75)
    assert not event.listening_metrics.HasField("signal_quality_mos")
    assert {one.step: one.reason for one in await world.outcomes(ended.id)}["quality"] == "It ended its process twice."


async def test_a_job_whose_process_ends_again_and_again_is_completed_without_models(world: World) -> None:
    job_id = await listen(world)
    await interrupt(world, times=3, jobs=True)
    async with world.running():
        assert (await world.ended(job_id)).status is Status.completed
    assert world.runner.jobs == []
    assert {one.reason for one in await world.outcomes(job_id)} == {GIVEN_UP}
    assert published(world).attempt == 3


async def test_a_job_is_interrupted_by_its_deletion_and_by_the_last_request(world: World) -> None:
    world.runner.hold = "quality"
    async with world.running(max_running=3):
        deleted, stopped = await listen(world), await listen(world, 1)
        held = {await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS) for _ in range(2)}
        assert held == {deleted, stopped}
        async with world.database.transaction() as connection:
            queue = ListenedJobs(world.store)
            await queue.interrupt(connection, await MemoryScoringStore().delete(connection, [deleted]))
            assert await queue.stop_waiting(connection, stopped, now())
            assert not await queue.stop_waiting(connection, stopped, now())
        for _ in range(2):
            await asyncio.wait_for(world.runner.ended.get(), SOON_SECONDS)
    assert set(world.runner.cancelled) == {deleted, stopped}
    assert world.database.published() == []


async def test_one_process_is_free_for_recordings_while_many_jobs_wait(world: World) -> None:
    world.runner.hold = "decode"
    waiting = [await listen(world, number) for number in range(4)]
    async with world.running(max_running=3):
        held = {await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS) for _ in range(2)}
        assert held == set(waiting[:2])
        uploaded = await world.upload(SIGNAL)
        assert await asyncio.wait_for(world.runner.held.get(), SOON_SECONDS) == uploaded.id
        assert len(world.runner.jobs) == 3
        world.runner.resume()
        for job_id in waiting:
            await world.ended(job_id)


@pytest.mark.parametrize(
    ("scores", "backend", "mos", "of_model"),
    [
        (NaturalnessMetrics(distillmos=4.0), "distillmos-v7/1", 4.0, "distillmos-v7/1"),
        (NaturalnessMetrics(3.5, 4.0), "distillmos-v7/1 + utmos22-strong/2", 3.5, "utmos22-strong/2"),
    ],
)
def test_naturalness_is_that_of_one_model_with_its_own_name(
    scores: NaturalnessMetrics, backend: str, mos: float, of_model: str
) -> None:
    outcome = StepOutcome("naturalness", StepStatus.completed, backend=backend, result=scores)
    event = job_ended("experiments", replace(outcomes.RUNNING, signal_metrics=outcomes.SIGNAL), [outcome])
    assert isinstance(event, EvaluationCompleted)
    assert event.listening_metrics == ListeningMetrics(naturalness_mos=mos)
    assert (dict(event.heard.backends), event.heard.HasField("transcript")) == ({"naturalness_mos": of_model}, False)
