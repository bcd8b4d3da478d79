"""Periodic work: when its rounds begin, what it survives, and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from services.runtime import db
from services.runtime.errors import BusUnavailable
from services.runtime.periodic import periodic

SOON = 5.0
NEVER = 3600.0


class Rounds:
    """Counts the rounds of periodic work, and gives each the next outcome."""

    def __init__(self, *outcomes: int | Exception) -> None:
        self.count = 0
        self._outcomes = list(outcomes)
        self._done = asyncio.Condition()

    async def work(self) -> int | None:
        async with self._done:
            self.count += 1
            self._done.notify_all()
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def reach(self, count: int) -> None:
        """Waits until there were `count` rounds."""
        async with asyncio.timeout(SOON), self._done:
            await self._done.wait_for(lambda: self.count >= count)


@asynccontextmanager
async def running(work: Awaitable[None], name: str = "counting") -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(_awaited(work), name=name)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def until_idle() -> None:
    """Lets all tasks run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_round_begins_at_once_and_the_next_after_the_interval() -> None:
    rounds = Rounds()
    async with running(periodic(rounds.work, NEVER)):
        await rounds.reach(1)
        await until_idle()
        assert rounds.count == 1
    rounds = Rounds()
    async with running(periodic(rounds.work, 0.001)):
        await rounds.reach(4)


async def test_the_interval_can_differ_after_each_round() -> None:
    rounds, intervals = Rounds(), iter([0.001, 0.001, NEVER])
    async with running(periodic(rounds.work, lambda: next(intervals))):
        await rounds.reach(3)
        await until_idle()
        assert rounds.count == 3
        assert next(intervals, None) is None


async def test_after_a_full_batch_the_next_round_follows_at_once() -> None:
    rounds = Rounds(10, 12, 9, 10)
    async with running(periodic(rounds.work, NEVER, batch=10)):
        await rounds.reach(3)
        await until_idle()
        assert rounds.count == 3


async def test_without_a_batch_every_round_waits_for_the_interval() -> None:
    rounds = Rounds(1000)
    async with running(periodic(rounds.work, NEVER)):
        await rounds.reach(1)
        await until_idle()
        assert rounds.count == 1


async def test_a_wake_up_starts_the_next_round_early() -> None:
    rounds, wake = Rounds(), asyncio.Event()
    async with running(periodic(rounds.work, NEVER, wake=wake)):
        await rounds.reach(1)
        for count in (2, 3):
            await until_idle()
            wake.set()
            await rounds.reach(count)
        await until_idle()
        assert rounds.count == 3


async def test_a_wake_up_during_a_round_is_not_missed() -> None:
    wake = asyncio.Event()
    rounds = Rounds()

    async def work() -> None:
        if rounds.count == 0:
            wake.set()
        await rounds.work()

    async with running(periodic(work, NEVER, wake=wake)):
        await rounds.reach(2)
        await until_idle()
        assert rounds.count == 2


@pytest.mark.parametrize("end_after", [0, 1, 3])
async def test_it_ends_at_once_when_its_condition_is_true(end_after: int) -> None:
    rounds = Rounds()
    async with asyncio.timeout(SOON):
        await periodic(
            rounds.work, lambda: 0.0 if rounds.count < end_after else NEVER, until=lambda: rounds.count >= end_after
        )
    assert rounds.count == end_after


@pytest.mark.parametrize("outage", [db.DISCONNECTED[-2]("down"), BusUnavailable("down")])
async def test_the_work_survives_an_outage_and_logs_its_start_and_its_end(outage: Exception) -> None:
    rounds = Rounds(0, outage, outage, 0, 0, outage, 0)
    with capture_logs() as logged:
        async with running(periodic(rounds.work, 0.001)):
            await rounds.reach(8)
    assert [(line["log_level"], line["work"], line.get("error")) for line in logged] == [
        ("warning", "counting", "down"),
        ("info", "counting", None),
        ("warning", "counting", "down"),
        ("info", "counting", None),
    ]


async def test_the_round_after_an_outage_waits_for_the_interval() -> None:
    rounds = Rounds(5, BusUnavailable("down"))
    async with running(periodic(rounds.work, NEVER, batch=5)):
        await rounds.reach(2)
        await until_idle()
        assert rounds.count == 2


async def test_an_error_that_is_no_outage_ends_the_work() -> None:
    rounds = Rounds(0, ValueError("a fault"))
    with pytest.raises(ValueError, match="a fault"):
        await periodic(rounds.work, 0.001)
    with pytest.raises(BusUnavailable):
        await periodic(Rounds(BusUnavailable("down")).work, 0.001, outages=(OSError,))
    rounds = Rounds(OSError("down"))
    async with running(periodic(rounds.work, 0.001, outages=(OSError,))):
        await rounds.reach(2)


async def waits_between_rounds(reached: asyncio.Event) -> None:
    await asyncio.sleep(0)
    reached.set()


async def waits_within_a_round(reached: asyncio.Event) -> None:
    reached.set()
    await asyncio.Event().wait()


async def loses_the_cancellation(reached: asyncio.Event) -> None:
    reached.set()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def loses_it_as_python_does(reached: asyncio.Event) -> None:
    """In Python 3.11, `asyncio.wait_for` loses a cancellation that arrives when its future completes."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(_finish, done, reached))
    await asyncio.wait_for(done, NEVER)


def _finish(done: "asyncio.Future[None]", reached: asyncio.Event) -> None:
    reached.set()
    done.set_result(None)


@pytest.mark.parametrize("batch", [None, 0])
@pytest.mark.parametrize(
    "work",
    [waits_between_rounds, waits_within_a_round, loses_the_cancellation, loses_it_as_python_does],
)
async def test_a_cancellation_ends_the_work_even_if_a_round_loses_it(
    work: Callable[[asyncio.Event], Awaitable[None]], batch: int | None
) -> None:
    reached = asyncio.Event()
    task = asyncio.create_task(periodic(lambda: work(reached), NEVER, batch=batch))
    async with asyncio.timeout(SOON):
        await reached.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
