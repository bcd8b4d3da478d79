from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
import uvloop

from services.runtime.errors import Busy, Unavailable
from services.scoring.pipeline.step import StepStatus
from services.scoring.pipeline.steps import STEPS
from services.scoring.workers.job import EvaluationFailed
from services.scoring.workers.pool import WorkerPool
from tests.unit.scoring.workers.conftest import Begin, NewPool

STEP_NAMES = [step.name for step in STEPS]


class Gate:
    """A step with the script `wait PATH` waits here."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.script = f"wait {path}"

    async def open(self) -> None:
        """Lets the step go on. It must wait."""
        await asyncio.to_thread(self.path.write_bytes, b".")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def processes() -> dict[int, str]:
    """Returns the processes that this one has started, with the names of their modules."""
    return {
        child.pid: child.cmdline()[2].rpartition(".")[2]
        for child in psutil.Process().children()
        if "scripted" in " ".join(child.cmdline())
    }


async def gone(pid: int) -> None:
    """Waits until a process has ended."""
    await asyncio.to_thread(psutil.wait_procs, [psutil.Process(pid)] if psutil.pid_exists(pid) else [], 60)
    assert not psutil.pid_exists(pid)


async def test_steps_are_reported_as_they_start_and_end(new_pool: NewPool, begin: Begin, gate: Gate) -> None:
    running = begin(new_pool(), {"decode": "complete", "signal": gate.script, "noise": "fail"})
    await running.reached("signal")
    assert running.outcomes == [("decode", "started"), ("decode", "completed"), ("signal", "started")]
    await gate.open()
    found = await running.task
    assert found.duration_seconds == 1.5
    assert {name: one.status for name, one in found.outcomes.items()} == {
        "decode": StepStatus.completed,
        "signal": StepStatus.completed,
        "noise": StepStatus.failed,
    }
    assert found.outcomes["noise"].reason == "It was told to fail."


async def test_a_pool_at_rest_has_no_processes(new_pool: NewPool, begin: Begin) -> None:
    pool = new_pool(idle_seconds=0.01)
    assert processes() == {}
    running = begin(pool, {"quality": "call quality"})
    await running.reached("quality", "completed")
    started = processes()
    assert sorted(started.values()) == ["scripted_model_owner", "scripted_worker"]
    await running.task
    for pid in started:
        await gone(pid)


async def test_models_are_not_loaded_for_steps_that_need_none(new_pool: NewPool, begin: Begin) -> None:
    await begin(new_pool(), {"signal": "complete"}).task
    assert list(processes().values()) == ["scripted_worker"]


def test_it_works_on_the_event_loop_of_services(new_pool_factory: NewPool, begin: Begin) -> None:
    async def evaluate() -> StepStatus:
        pool = new_pool_factory()
        try:
            found = await begin(pool, {"quality": "call quality"}).task
        finally:
            await pool.close()
        return found.outcomes["quality"].status

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(evaluate()) is StepStatus.completed


async def test_a_worker_is_used_again(new_pool: NewPool, begin: Begin) -> None:
    pool = new_pool()
    await begin(pool, {"decode": "complete"}).task
    before = processes()
    await begin(pool, {"decode": "complete"}).task
    assert processes() == before


async def test_a_worker_that_was_killed_while_idle_is_replaced(new_pool: NewPool, begin: Begin) -> None:
    pool = new_pool()
    await begin(pool, {"decode": "complete"}).task
    (worker,) = [pid for pid, name in processes().items() if name == "scripted_worker"]
    os.kill(worker, signal.SIGKILL)
    again = begin(pool, {"decode": "complete"})
    await again.task
    assert again.outcomes == [("decode", "started"), ("decode", "completed")]


@pytest.mark.parametrize("step", STEP_NAMES)
async def test_a_worker_that_is_killed_in_any_step_loses_nothing_and_repeats_no_step(
    step: str, new_pool: NewPool, begin: Begin
) -> None:
    running = begin(new_pool(), {name: "die_once" if name == step else "complete" for name in STEP_NAMES})
    found = await running.task
    assert [one.status for one in found.outcomes.values()] == [StepStatus.completed] * 17
    assert [name for name, status in running.outcomes if status == "completed"] == STEP_NAMES


async def test_a_job_that_kills_two_workers_fails_and_says_in_which_step(new_pool: NewPool, begin: Begin) -> None:
    pool = new_pool(max_workers=2)
    running = begin(pool, {"decode": "complete", "signal": "die"})
    with pytest.raises(EvaluationFailed) as failed:
        await running.task
    assert str(failed.value) == "The process that evaluated the recording ended twice during signal (SIGKILL)."


async def test_other_jobs_do_not_notice_a_dead_worker(new_pool: NewPool, begin: Begin, gate: Gate) -> None:
    pool = new_pool(max_workers=2)
    other = begin(pool, {"decode": gate.script}, "dev_b")
    with pytest.raises(EvaluationFailed):
        await begin(pool, {"decode": "die"}).task
    await gate.open()
    await other.task
    assert other.outcomes == [("decode", "started"), ("decode", "completed")]


async def test_cancelling_ends_the_work_and_all_that_it_started(new_pool: NewPool, begin: Begin, gate: Gate) -> None:
    pool = new_pool()
    running = begin(pool, {"decode": "children", "signal": gate.script})
    await running.reached("signal")
    (worker,) = [pid for pid, name in processes().items() if name == "scripted_worker"]
    (child,) = [one.pid for one in psutil.Process(worker).children()]
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task
    await gone(worker)
    await gone(child)
    await begin(pool, {"decode": "complete"}).task


async def test_a_job_that_is_cancelled_while_it_waits_gives_up_its_place(
    new_pool: NewPool, begin: Begin, gate: Gate
) -> None:
    pool = new_pool(max_waiting=1)
    first = begin(pool, {"decode": gate.script})
    await first.reached("decode")
    second = begin(pool, {"decode": "complete"})
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="1 recordings wait to be evaluated"):
        await begin(pool, {"decode": "complete"}).task
    second.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second.task
    third = begin(pool, {"decode": "complete"})
    await gate.open()
    await third.task
    assert second.outcomes == []


async def test_bulk_jobs_leave_one_worker_for_interactive_jobs(new_pool: NewPool, begin: Begin, gate: Gate) -> None:
    pool = new_pool(max_workers=2)
    first = begin(pool, {"decode": gate.script}, interactive=False)
    second = begin(pool, {"decode": "complete"}, interactive=False)
    await first.reached("decode")
    await begin(pool, {"decode": "complete"}, "dev_b").task
    assert second.outcomes == []
    await gate.open()
    await asyncio.gather(first.task, second.task)


async def test_workers_have_the_lowest_priority(new_pool: NewPool, begin: Begin) -> None:
    found = await begin(new_pool(), {"decode": "niceness"}).task
    assert found.outcomes["decode"].reason == "19"


async def test_closing_the_pool_ends_all_processes_and_deletes_all_files(
    new_pool: NewPool, begin: Begin, gate: Gate
) -> None:
    pool = new_pool()
    running = begin(pool, {"decode": "complete", "signal": gate.script})
    await running.reached("signal")
    started = processes()
    await pool.close()
    with pytest.raises(Unavailable, match="scoring is being stopped"):
        await running.task
    for pid in started:
        await gone(pid)
    assert not pool.folder.exists()


class TestModels:
    async def owner(self, pool: WorkerPool, begin: Begin) -> int:
        """Calls a model and returns the id of the process that owns it."""
        found = await begin(pool, {"quality": "call quality"}).task
        return int(float(found.outcomes["quality"].backend))

    async def test_one_process_owns_the_models(self, new_pool: NewPool, begin: Begin) -> None:
        pool = new_pool(max_workers=2)
        first, second = await asyncio.gather(self.owner(pool, begin), self.owner(pool, begin))
        assert first == second
        assert processes()[first] == "scripted_model_owner"
        assert os.getpriority(os.PRIO_PROCESS, first) == 19

    async def test_a_killed_owner_is_replaced(self, new_pool: NewPool, begin: Begin) -> None:
        pool = new_pool()
        first = await self.owner(pool, begin)
        os.kill(first, signal.SIGKILL)
        assert await self.owner(pool, begin) != first

    async def test_a_call_is_repeated_if_the_owner_is_killed_during_it(
        self, new_pool: NewPool, begin: Begin, tmp_path: Path
    ) -> None:
        (tmp_path / "die_once").touch()
        found = await begin(new_pool(), {"quality": "call quality"}).task
        assert found.outcomes["quality"].status is StepStatus.completed

    async def test_a_call_that_kills_the_owner_twice_fails_its_step_only(
        self, new_pool: NewPool, begin: Begin, tmp_path: Path
    ) -> None:
        (tmp_path / "die").touch()
        found = await begin(new_pool(), {"quality": "call quality", "signal": "complete"}).task
        assert found.outcomes["quality"].reason == (
            "The process with the models ended while the model dnsmos worked on this recording."
        )
        assert found.outcomes["signal"].status is StepStatus.completed


async def test_jobs_that_are_cancelled_at_the_same_moment_leave_their_places(
    new_pool: NewPool, begin: Begin, gate: Gate
) -> None:
    pool = new_pool()
    running = begin(pool, {"signal": gate.script})
    await running.reached("signal")
    waiting = [begin(pool, {"signal": "complete"}) for _ in range(3)]
    await asyncio.sleep(0)
    last = begin(pool, {"signal": "complete"}, "dev_b")
    cancelled = [running.task, *(one.task for one in waiting)]
    for task in cancelled:
        task.cancel()
    ended = await asyncio.gather(*cancelled, return_exceptions=True)
    assert [type(error) for error in ended] == [asyncio.CancelledError] * 4
    assert (await last.task).outcomes["signal"].status is StepStatus.completed
