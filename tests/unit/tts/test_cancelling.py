"""What nobody wants any more is broken off, is not begun, and is deleted."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisFailed

from services.runtime.errors import InvalidInput
from services.tts.domain import Job
from services.tts.jobs_in_hand import JobsInHand
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.scene import NOON, Scene, job, kept, scene

LATER = NOON + timedelta(minutes=1)


def outcomes(here: Scene) -> dict[str, str]:
    """Returns how each job ended: `speech`, or the kind of its failure."""
    return {
        fact.job_id: SynthesisFailed.Kind.Name(fact.kind) if isinstance(fact, SynthesisFailed) else "speech"
        for fact in here.facts
        if isinstance(fact, SynthesisFailed | SpeechSynthesized)
    }


async def speaking(here: Scene, jobs: list[Job]) -> list[asyncio.Task[None]]:
    """Begins jobs, one after the other, and waits until each is at the provider or waits for a slot."""
    slots = here.providers.get("fake").slots
    going = []
    for number, each in enumerate(jobs, 1):
        going.append(asyncio.create_task(here.jobs.synthesize(each)))
        while here.engine.running + slots.waiting < number:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return going


async def test_the_jobs_of_a_cancelled_run_leave_their_provider_and_others_go_on(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(max_concurrency=2)])
    here.engine.hold.clear()
    # Warmed up before, so that all four are at the provider or wait for it.
    for run in ("exp_1", "exp_2"):
        await here.jobs.warm_ups.once(("experiments", run, "fake"), lambda: asyncio.sleep(0))
    jobs = [job(f"trl_{n}", run_id="exp_1") for n in (1, 2, 3)] + [job("trl_4", run_id="exp_2")]
    going = await speaking(here, jobs)
    await here.jobs.cancel_run("experiments", "exp_1", NOON)
    await asyncio.wait(going[:3])
    here.engine.hold.set()
    await asyncio.gather(*going)
    assert outcomes(here) == {"trl_1": "cancelled", "trl_2": "cancelled", "trl_3": "cancelled", "trl_4": "speech"}
    # The two at the provider were asked for; the one that waited never was.
    assert [fact.provider_requests for fact in here.facts if isinstance(fact, SynthesisFailed)].count(0) == 1
    assert len(here.engine.asked) == 3
    assert here.providers.get("fake").slots.in_use == 0
    assert len(here.jobs.in_hand) == 0


async def test_the_provider_is_let_go_at_once(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(max_concurrency=1)])
    here.engine.hold.clear()
    (going,) = await speaking(here, [job(run_id="exp_1")])
    await here.jobs.cancel_run("experiments", "exp_1", NOON)
    await going
    assert here.engine.closed.is_set()
    assert here.engine.running == 0


async def test_a_job_that_comes_after_its_run_was_cancelled_is_not_begun(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.cancel_run("experiments", "exp_1", NOON)
    await here.jobs.synthesize(job(run_id="exp_1"))
    assert outcomes(here) == {"trl_1": "cancelled"}
    assert here.engine.asked == []


async def test_what_is_asked_for_after_the_cancellation_is_meant(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.cancel_run("experiments", "exp_1", NOON)
    await here.jobs.synthesize(job(run_id="exp_1", requested_at=LATER))
    assert outcomes(here) == {"trl_1": "speech"}


@pytest.mark.parametrize(("requester", "run_id"), [("elo", "exp_1"), ("experiments", "exp_2"), ("experiments", "")])
async def test_a_cancellation_is_of_one_requesters_one_run(requester: str, run_id: str, tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.cancel_run(requester, run_id, NOON)
    await here.jobs.synthesize(job("trl_1", run_id="exp_1"))
    await here.jobs.synthesize(job("trl_2"))
    assert outcomes(here) == {"trl_1": "speech", "trl_2": "speech"}


async def test_a_cancellation_that_comes_late_does_not_take_an_earlier_one_back() -> None:
    in_hand = JobsInHand()
    in_hand.cancel_run("experiments", "exp_1", LATER)
    in_hand.cancel_run("experiments", "exp_1", NOON)
    with pytest.raises(Exception, match="did not want it"), in_hand.hold(job(run_id="exp_1", requested_at=LATER)):
        pass


async def test_runs_that_were_cancelled_long_ago_are_forgotten() -> None:
    in_hand = JobsInHand(most_cancelled_runs=2)
    for run in ("exp_1", "exp_2", "exp_3"):
        in_hand.cancel_run("experiments", run, NOON)
    with in_hand.hold(job(run_id="exp_1")):
        pass
    with pytest.raises(Exception, match="did not want it"), in_hand.hold(job(run_id="exp_2")):
        pass


async def test_a_cancellation_from_elsewhere_is_not_taken_for_a_withdrawal(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(max_concurrency=1)])
    here.engine.hold.clear()
    (going,) = await speaking(here, [job(run_id="exp_1")])
    going.cancel()
    await here.jobs.cancel_run("experiments", "exp_1", NOON)
    with pytest.raises(asyncio.CancelledError):
        await going
    assert here.facts == []


async def test_all_that_is_kept_of_a_job_is_deleted_and_of_no_other(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    for name in ("trl_1", "trl_10", "trl_2"):
        await here.jobs.synthesize(job(name, run_id=name))
    await here.jobs.delete(["trl_1", "trl_2", "trl_3"])
    await here.jobs.delete(["trl_1"])
    assert kept(tmp_path) == ["trl_10-try-1.json", "trl_10-try-2.json", "trl_10.json", "trl_10.wav"]


async def test_a_job_in_hand_that_is_deleted_is_ended_before(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(max_concurrency=1)])
    here.engine.hold.clear()
    (going,) = await speaking(here, [job()])
    await here.jobs.delete(["trl_1"])
    await going
    assert outcomes(here) == {"trl_1": "cancelled"}
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("job_ids", "message"),
    [
        (["trl_1"] * 501, "job_ids: must be at most 500, got 501"),
        (["trl_1", "../trl_1"], r"job_ids\[1\]: must be letters, digits, _ and -, at most 100"),
    ],
    ids=["many", "path"],
)
async def test_a_deletion_that_can_not_be_meant_deletes_nothing(
    job_ids: list[str], message: str, tmp_path: Path
) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job())
    with pytest.raises(InvalidInput, match=message):
        await here.jobs.delete(job_ids)
    assert kept(tmp_path) == ["trl_1-try-1.json", "trl_1.json", "trl_1.wav"]
    assert outcomes(here) == {"trl_1": "speech"}
