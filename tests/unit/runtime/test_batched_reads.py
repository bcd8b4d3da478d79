"""Reads that arrive together are made together, and each caller gets its own answer."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from services.runtime import batched_reads
from services.runtime.batched_reads import BatchedReads
from services.runtime.errors import Unavailable


class Library:
    """Something slow to read from: each reading waits until it is let go on."""

    def __init__(self) -> None:
        self.values = {"a": 1, "b": 2}
        self.readings: list[set[str]] = []
        self.fault: Exception | None = None
        self._begun = asyncio.Event()
        self._go_on = asyncio.Semaphore(0)

    async def read(self, keys: Collection[str]) -> Mapping[str, int]:
        self.readings.append(set(keys))
        self._begun.set()
        await self._go_on.acquire()
        if self.fault is not None:
            raise self.fault
        return {key: self.values[key] for key in keys if key in self.values}

    async def begun(self) -> None:
        """Waits until the next reading is under way."""
        await self._begun.wait()
        self._begun.clear()

    def let_go_on(self, readings: int = 1) -> None:
        for _ in range(readings):
            self._go_on.release()


async def started(*_: "asyncio.Task[int | None]") -> None:
    """Lets tasks come to where they wait."""
    await asyncio.sleep(0)


async def test_a_caller_who_is_alone_is_answered_alone() -> None:
    library = Library()
    library.let_go_on(2)
    reads = BatchedReads(library.read)
    assert await reads.get("a") == 1
    assert await reads.get("c") is None
    assert library.readings == [{"a"}, {"c"}]


async def test_callers_who_come_meanwhile_share_the_next_reading() -> None:
    library = Library()
    reads = BatchedReads(library.read)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(reads.get("a"))
        await library.begun()
        others = [tasks.create_task(reads.get(key)) for key in ("b", "c", "b")]
        await started(*others)
        library.values["b"] = 3
        library.let_go_on(2)
    assert library.readings == [{"a"}, {"b", "c"}]
    assert [task.result() for task in (first, *others)] == [1, 3, None, 3]


async def test_a_call_never_gets_what_was_read_before_it_began() -> None:
    library = Library()
    reads = BatchedReads(library.read)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(reads.get("a"))
        await library.begun()
        second = tasks.create_task(reads.get("a"))
        await started(second)
        library.let_go_on(2)
    assert library.readings == [{"a"}, {"a"}]
    assert (first.result(), second.result()) == (1, 1)


async def test_what_breaks_a_reading_reaches_each_of_its_callers_and_no_later_one() -> None:
    library = Library()
    reads = BatchedReads(library.read)
    library.fault = Unavailable("away")
    calls = [asyncio.create_task(reads.get(key)) for key in ("a", "b")]
    await library.begun()
    library.let_go_on()
    for call in calls:
        with pytest.raises(Unavailable, match="away"):
            await call
    library.fault = None
    library.let_go_on()
    assert await reads.get("b") == 2


async def test_a_cancelled_call_takes_no_other_with_it() -> None:
    library = Library()
    reads = BatchedReads(library.read)
    left, stays = (asyncio.create_task(reads.get("a")) for _ in range(2))
    await library.begun()
    left.cancel()
    library.let_go_on()
    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await left


async def test_a_reading_has_no_more_keys_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_reads, "LARGEST_BATCH", 2)
    library = Library()
    library.let_go_on(9)
    reads = BatchedReads(library.read)
    found = await asyncio.gather(*(reads.get(key) for key in ("a", "b", "c")))
    assert found == [1, 2, None]
    assert library.readings == [{"a", "b"}, {"c"}]
