"""Cancelling the jobs of a run, and deleting jobs."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisFailed

from services.runtime.errors import InvalidInput
from services.tts.domain import Job
from services.tts.jobs_in_progress import JobsInProgress
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.use_cases import NOON, UseCases, job, kept, use_cases

LATER = NOON + timedelta(minutes=1)


def outcomes(tts: UseCases) -> dict[str, str]:
    """Returns how each job ended: `speech`, or the kind of its failure."""
    return {
        fact.job_id: SynthesisFailed.Kind.Name(fact.kind) if isinstance(fact, SynthesisFailed) else "speech"
        for fact in tts.facts
        if isinstance(fact, SynthesisFailed | SpeechSynthesized)
    }


async def speaking(tts: UseCases, jobs: list[Job]) -> list[asyncio.Task[None]]:
    """Starts jobs one after another, and waits until each one is at the provider or waits for a slot."""
    slots = tts.providers.get("fake").slots
    tasks = []
    for number, each in enumerate(jobs, 1):
        tasks.append(asyncio.create_task(tts.jobs.synthesize(each)))
        while tts.engine.running + slots.waiting < number:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return tasks


async def test_the_jobs_of_a_cancelled_run_end_and_other_jobs_continue(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=2)])
    tts.engine.hold.clear()
    # The runs are already warmed up, so all four jobs are at the provider or wait for it.
    for run in ("exp_1", "exp_2"):
        await tts.jobs.warm_ups.once(("experiments", run, "fake"), lambda: asyncio.sleep(0))
    jobs = [job(f"trl_{n}", run_id="exp_1") for n in (1, 2, 3)] + [job("trl_4", run_id="exp_2")]
    tasks = await speaking(tts, jobs)
    await tts.jobs.cancel_run("experiments", "exp_1", NOON)
    await asyncio.wait(tasks[:3])
    tts.engine.hold.set()
    await asyncio.gather(*tasks)
    assert outcomes(tts) == {"trl_1": "cancelled", "trl_2": "cancelled", "trl_3": "cancelled", "trl_4": "speech"}
    # Two cancelled jobs had made a request; the one that waited had not.
    assert [fact.provider_requests for fact in tts.facts if isinstance(fact, SynthesisFailed)].count(0) == 1
    assert len(tts.engine.utterances) == 3
    assert tts.providers.get("fake").slots.in_use == 0
    assert len(tts.jobs.in_progress) == 0


async def test_a_cancelled_job_stops_the_engine_at_once(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=1)])
    tts.engine.hold.clear()
    (task,) = await speaking(tts, [job(run_id="exp_1")])
    await tts.jobs.cancel_run("experiments", "exp_1", NOON)
    await task
    assert tts.engine.closed.is_set()
    assert tts.engine.running == 0


async def test_a_job_that_arrives_after_the_cancellation_of_its_run_does_not_start(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.cancel_run("experiments", "exp_1", NOON)
    await tts.jobs.synthesize(job(run_id="exp_1"))
    assert outcomes(tts) == {"trl_1": "cancelled"}
    assert tts.engine.utterances == []


async def test_a_job_that_is_requested_after_the_cancellation_is_done(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.cancel_run("experiments", "exp_1", NOON)
    await tts.jobs.synthesize(job(run_id="exp_1", requested_at=LATER))
    assert outcomes(tts) == {"trl_1": "speech"}


@pytest.mark.parametrize(("requester", "run_id"), [("elo", "exp_1"), ("experiments", "exp_2"), ("experiments", "")])
async def test_a_cancellation_affects_only_one_run_of_one_requester(
    requester: str, run_id: str, tmp_path: Path
) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.cancel_run(requester, run_id, NOON)
    await tts.jobs.synthesize(job("trl_1", run_id="exp_1"))
    await tts.jobs.synthesize(job("trl_2"))
    assert outcomes(tts) == {"trl_1": "speech", "trl_2": "speech"}


async def test_an_older_cancellation_does_not_replace_a_newer_one() -> None:
    in_progress = JobsInProgress()
    in_progress.cancel_run("experiments", "exp_1", LATER)
    in_progress.cancel_run("experiments", "exp_1", NOON)
    with (
        pytest.raises(Exception, match="The requester cancelled the job"),
        in_progress.track(job(run_id="exp_1", requested_at=LATER)),
    ):
        pass


async def test_old_cancelled_runs_are_forgotten() -> None:
    in_progress = JobsInProgress(max_cancelled_runs=2)
    for run in ("exp_1", "exp_2", "exp_3"):
        in_progress.cancel_run("experiments", run, NOON)
    with in_progress.track(job(run_id="exp_1")):
        pass
    with pytest.raises(Exception, match="The requester cancelled the job"), in_progress.track(job(run_id="exp_2")):
        pass


async def test_a_cancelled_task_is_not_reported_as_a_cancelled_job(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=1)])
    tts.engine.hold.clear()
    (task,) = await speaking(tts, [job(run_id="exp_1")])
    task.cancel()
    await tts.jobs.cancel_run("experiments", "exp_1", NOON)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tts.facts == []


async def test_a_deletion_removes_every_object_of_the_job_and_no_other(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    for name in ("trl_1", "trl_10", "trl_2"):
        await tts.jobs.synthesize(job(name, run_id=name))
    await tts.jobs.delete(["trl_1", "trl_2", "trl_3"])
    await tts.jobs.delete(["trl_1"])
    assert kept(tmp_path) == ["trl_10-try-1.json", "trl_10-try-2.json", "trl_10.json", "trl_10.wav"]


async def test_a_job_in_progress_is_cancelled_before_it_is_deleted(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=1)])
    tts.engine.hold.clear()
    (task,) = await speaking(tts, [job()])
    await tts.jobs.delete(["trl_1"])
    await task
    assert outcomes(tts) == {"trl_1": "cancelled"}
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("job_ids", "message"),
    [
        (["trl_1"] * 501, "job_ids: must have at most 500 entries, got 501"),
        (["trl_1", "../trl_1"], r"job_ids\[1\]: must be 1 to 100 letters, digits, _ or -"),
    ],
    ids=["many", "path"],
)
async def test_an_invalid_deletion_deletes_nothing(job_ids: list[str], message: str, tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    with pytest.raises(InvalidInput, match=message):
        await tts.jobs.delete(job_ids)
    assert kept(tmp_path) == ["trl_1-try-1.json", "trl_1.json", "trl_1.wav"]
    assert outcomes(tts) == {"trl_1": "speech"}
