"""However background work ends, it is begun again; if that can't be done any more, the process is told to end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.runtime import background
from services.runtime.background import FAILURES_TO_TELL, Background, WorkEnded
from services.runtime.backoff import Backoff

SOON = 10.0


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTARTS", Backoff(0.001, 0.2))


@pytest.fixture
async def lost() -> asyncio.Queue[str]:
    """Takes the names of work that can't be kept going."""
    return asyncio.Queue()


async def ends_by_itself() -> None:
    return


async def breaks() -> None:
    raise OSError(28, "No space left on device")


async def breaks_in_a_group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(breaks())


async def is_cancelled_by_a_fault() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("ending", [ends_by_itself, breaks, breaks_in_a_group, is_cancelled_by_a_fault])
async def test_work_is_begun_again_however_it_ends(
    lost: asyncio.Queue[str], ending: Callable[[], Awaitable[None]]
) -> None:
    begun: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        begun.put_nowait(1)
        if begun.qsize() <= FAILURES_TO_TELL:
            await ending()
            return
        await asyncio.Event().wait()

    kept = Background(lost.put_nowait)
    kept.add("work", work)
    kept.start()
    async with asyncio.timeout(SOON):
        while begun.qsize() <= FAILURES_TO_TELL:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert set(kept.failing()) == {"work"}
        assert isinstance(kept.failing()["work"], OSError | WorkEnded | ExceptionGroup)
        # It goes on for long enough, and is as good as new.
        while kept.failing():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await kept.end()
    assert lost.empty()


async def test_work_that_breaks_once_is_no_fault(lost: asyncio.Queue[str]) -> None:
    again = asyncio.Event()
    begun = []

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            await breaks()
        again.set()
        await asyncio.Event().wait()

    kept = Background(lost.put_nowait)
    kept.add("work", work)
    kept.start()
    async with asyncio.timeout(SOON):
        await again.wait()
    assert kept.failing() == {}
    await kept.end()


async def test_the_process_is_to_end_when_work_can_not_be_kept_going(
    lost: asyncio.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("nothing is logged any more")

    # What must not happen, and would end the task that keeps the work.
    monkeypatch.setattr(background, "log", type("Log", (), {"error": staticmethod(refuse)}))
    kept = Background(lost.put_nowait)
    kept.add("work", breaks)
    kept.start()
    async with asyncio.timeout(SOON):
        assert await lost.get() == "work"
    await kept.end()


async def test_ending_it_ends_all_work_and_is_no_loss(lost: asyncio.Queue[str]) -> None:
    ended: list[str] = []

    def work(name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        return run

    kept = Background(lost.put_nowait)
    for name in ("a", "b"):
        kept.add(name, work(name))
    kept.start()
    await asyncio.sleep(0)
    await kept.end()
    assert (sorted(ended), lost.empty()) == (["a", "b"], True)
