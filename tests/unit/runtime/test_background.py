"""Background work is restarted however it ends. If that fails, the process must end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.runtime import background
from services.runtime.background import MIN_REPORTED_FAILURES, Background, WorkEnded
from services.runtime.backoff import Backoff

SOON = 10.0


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTARTS", Backoff(0.001, 0.2))


@pytest.fixture
async def lost() -> asyncio.Queue[str]:
    """Receives the names of lost work."""
    return asyncio.Queue()


async def ends_by_itself() -> None:
    return


async def fails() -> None:
    raise OSError(28, "No space left on device")


async def fails_in_a_task_group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fails())


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("ending", [ends_by_itself, fails, fails_in_a_task_group, cancels_itself])
async def test_work_is_restarted_however_it_ends(
    lost: asyncio.Queue[str], ending: Callable[[], Awaitable[None]]
) -> None:
    started: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        started.put_nowait(1)
        if started.qsize() <= MIN_REPORTED_FAILURES:
            await ending()
            return
        await asyncio.Event().wait()

    background_work = Background(lost.put_nowait)
    background_work.add("work", work)
    background_work.start()
    async with asyncio.timeout(SOON):
        while started.qsize() <= MIN_REPORTED_FAILURES:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert set(background_work.failing()) == {"work"}
        assert isinstance(background_work.failing()["work"], OSError | WorkEnded | ExceptionGroup)
        # After running long enough it counts as healthy again.
        while background_work.failing():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await background_work.end()
    assert lost.empty()


async def test_work_that_fails_once_is_not_reported(lost: asyncio.Queue[str]) -> None:
    again = asyncio.Event()
    started = []

    async def work() -> None:
        started.append(1)
        if len(started) == 1:
            await fails()
        again.set()
        await asyncio.Event().wait()

    background_work = Background(lost.put_nowait)
    background_work.add("work", work)
    background_work.start()
    async with asyncio.timeout(SOON):
        await again.wait()
    assert background_work.failing() == {}
    await background_work.end()


async def test_the_process_must_end_when_work_can_not_be_restarted(
    lost: asyncio.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("logging fails")

    # An error in the restarting task itself ends that task.
    monkeypatch.setattr(background, "log", type("Log", (), {"error": staticmethod(refuse)}))
    background_work = Background(lost.put_nowait)
    background_work.add("work", fails)
    background_work.start()
    async with asyncio.timeout(SOON):
        assert await lost.get() == "work"
    await background_work.end()


async def test_end_ends_all_work_and_reports_none_as_lost(lost: asyncio.Queue[str]) -> None:
    ended: list[str] = []

    def work(name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        return run

    background_work = Background(lost.put_nowait)
    for name in ("a", "b"):
        background_work.add(name, work(name))
    background_work.start()
    await asyncio.sleep(0)
    await background_work.end()
    assert (sorted(ended), lost.empty()) == (["a", "b"], True)
