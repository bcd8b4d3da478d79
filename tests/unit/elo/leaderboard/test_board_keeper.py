"""The process that publishes boards is watched, and killed if it hangs."""

import asyncio
import os
import sys

import pytest

from services.elo.leaderboard.board_keeper import NOTHING_TO_DO, BoardKeeper, BoardProcessEnded

ALIVE = "import sys, time\nfor _ in range({}): print(flush=True); time.sleep(0.05)\n"


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def keeper(code: str, max_silent_seconds: float = 20.0) -> BoardKeeper:
    return BoardKeeper(at_once, (sys.executable, "-c", code), max_silent_seconds)


async def at_once() -> None:
    """There is always work."""


async def test_a_process_that_ends_is_reported() -> None:
    with pytest.raises(BoardProcessEnded, match="status 3"):
        await keeper("import sys; sys.exit(3)").run()


async def test_a_process_that_says_nothing_any_more_is_killed() -> None:
    hanging = keeper("import os, time; os.write(1, b'%d\\n' % os.getpid()); time.sleep(60)", 2.0)
    run = asyncio.create_task(hanging.run())
    await asyncio.sleep(0)
    pids: list[int] = []
    while not run.done():
        pids += [hanging.pid] if hanging.pid else []
        await asyncio.wait([run], timeout=0.1)
    with pytest.raises(BoardProcessEnded, match="it reported nothing for 2 s"):
        await run
    assert pids
    assert not running(pids[-1])


async def test_a_process_that_reports_runs_longer_than_the_limit_of_silence() -> None:
    with pytest.raises(BoardProcessEnded, match="status 0"):
        await keeper(ALIVE.format(40), 1.5).run()


async def test_one_thread_computes_matrices() -> None:
    with pytest.raises(BoardProcessEnded, match="status 7"):
        await keeper("import os, sys; sys.exit(7 * (os.environ['OPENBLAS_NUM_THREADS'] == '1'))").run()


async def test_the_process_is_killed_with_the_service() -> None:
    stopped = keeper(ALIVE.format(2000))
    run = asyncio.create_task(stopped.run())
    while stopped.pid is None:
        await asyncio.wait([run], timeout=0.05)
    pid = stopped.pid
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not running(pid)


async def test_a_process_that_had_nothing_to_do_is_started_again_when_there_is_work() -> None:
    waits = 0

    async def second_time() -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            raise EOFError

    code = f"import sys; sys.exit({NOTHING_TO_DO})"
    with pytest.raises(EOFError):
        await BoardKeeper(second_time, (sys.executable, "-c", code)).run()
    assert waits == 3
