"""Supervised children are kept running, stopped in time, and never left behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local import process as module
from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import WRAPPER, Command, Process

SLEEP = ["/bin/sleep", "600"]
TIMEOUT_SECONDS = 20


class Lines(list[str]):
    """The lines that a supervisor has printed."""

    def __call__(self, line: str) -> None:
        self.append(line)


def child(
    data_dir: DataDir, arguments: list[str], lines: Lines | None = None, stop_seconds: float = TIMEOUT_SECONDS
) -> Process:
    return Process(
        Command("child", arguments, dict(os.environ)), data_dir, Lines() if lines is None else lines, stop_seconds
    )


async def test_a_killed_child_is_started_again_with_a_message(data_dir):
    lines = Lines()
    process = child(data_dir, SLEEP, lines)
    await process.start()
    first = process.pid
    process.send(signal.SIGKILL)
    await asyncio.wait_for(process.wait_started(2), TIMEOUT_SECONDS)
    assert process.pid != first
    assert (process.exits, process.exit_status) == (1, -9)
    assert lines == ["child ended with signal SIGKILL; it is started again in 0.25 s"]
    await process.stop()


async def test_the_delay_grows_up_to_a_limit(data_dir, monkeypatch):
    monkeypatch.setattr(module, "FIRST_DELAY_SECONDS", 0.01)
    monkeypatch.setattr(module, "MAX_DELAY_SECONDS", 0.03)
    lines = Lines()
    process = child(data_dir, ["/bin/sh", "-c", "exit 3"], lines)
    await process.start()
    await asyncio.wait_for(process.wait_exited(4), TIMEOUT_SECONDS)
    await process.stop()
    delays = [line.removeprefix("child ended with status 3; it is started again in ") for line in lines]
    assert delays[:4] == ["0.01 s", "0.02 s", "0.03 s", "0.03 s"]


async def test_the_delay_does_not_grow_with_interruptions_on_purpose(data_dir, monkeypatch):
    monkeypatch.setattr(module, "FIRST_DELAY_SECONDS", 0.01)
    lines = Lines()
    process = child(data_dir, SLEEP, lines)
    await process.start()
    for times in (2, 3, 4):
        process.interrupt(signal.SIGKILL)
        await asyncio.wait_for(process.wait_started(times), TIMEOUT_SECONDS)
    await process.stop()
    assert lines == 3 * ["child ended with signal SIGKILL; it is started again in 0.01 s"]


async def test_a_stopped_child_stays_stopped(data_dir):
    lines = Lines()
    process = child(data_dir, SLEEP, lines)
    await process.start()
    stopped = psutil.Process(process.pid)
    await process.stop()
    assert not stopped.is_running()
    assert not process.running
    assert (process.starts, process.exits, lines) == (1, 0, [])
    with pytest.raises(MeshError, match="child is not running"):
        _ = process.pid


async def test_a_child_that_does_not_stop_is_killed(data_dir, tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    lines = Lines()
    script = f"trap '' TERM; echo > {ready}; while :; do sleep 600; done"
    process = child(data_dir, ["/bin/sh", "-c", script], lines, stop_seconds=0.05)
    await process.start()
    await asyncio.to_thread(ready.read_text)
    await process.stop()
    assert process.exit_status == -9
    assert lines == ["child did not stop within 0.05 s and is killed"]


async def test_the_children_of_a_child_end_with_it(data_dir, tmp_path):
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    process = child(data_dir, ["/bin/sh", "-c", f"sleep 600 & echo $! > {pids}; wait"])
    await process.start()
    grandchild = psutil.Process(int(await asyncio.to_thread(pids.read_text)))
    await process.stop()
    await asyncio.to_thread(psutil.wait_procs, [grandchild], TIMEOUT_SECONDS)
    assert not grandchild.is_running()


async def test_output_goes_to_the_log(data_dir):
    process = child(data_dir, ["/bin/sh", "-c", "echo out; echo err >&2; exit 1"])
    await process.start()
    await asyncio.wait_for(process.wait_exited(1), TIMEOUT_SECONDS)
    await process.stop()
    assert data_dir.tail("child").split()[:2] == ["out", "err"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals children when their parent ends")
async def test_a_child_ends_when_its_supervisor_is_killed(tmp_path: Path):
    """The supervisor here is a shell, which starts the child with the same wrapper."""
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    wrapped = f"{sys.executable} -I -S {WRAPPER} $$ 9 -1 -1 0 /bin/sh -c 'echo $$ > {pids}; exec sleep 600'"
    shell = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"{wrapped} & wait")
    orphan = psutil.Process(int(await asyncio.to_thread(pids.read_text)))
    shell.kill()
    await shell.wait()
    await asyncio.to_thread(psutil.wait_procs, [orphan], TIMEOUT_SECONDS)
    assert not orphan.is_running()


async def test_a_child_whose_supervisor_has_ended_does_not_start():
    wrapper = await asyncio.create_subprocess_exec(
        *[sys.executable, "-I", "-S", str(WRAPPER), "1", "9", "-1", "-1", "0", "/bin/echo", "begun"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(wrapper.communicate(), TIMEOUT_SECONDS)
    assert (out, err) == (b"", b"process 1 ended before its child started\n")
