"""Reads made together: one round trip for all who wait."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from services.runtime import batched_reads
from services.runtime.batched_reads import BatchedReads


class Shelf:
    """Values by key; a read waits until it is let go."""

    def __init__(self) -> None:
        self.reads: list[set[int]] = []
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()
        self.fault: Exception | None = None

    async def read(self, keys: Collection[int]) -> Mapping[int, str]:
        self.reads.append(set(keys))
        self.asked.set()
        await self.let_go.wait()
        if self.fault is not None:
            raise self.fault
        return {key: f"value {key}" for key in keys if key >= 0}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_who_arrives_while_a_read_is_under_way_shares_the_next(shelf: Shelf) -> None:
    values = BatchedReads(shelf.read)
    first = asyncio.create_task(values.get(1))
    await shelf.asked.wait()
    others = [asyncio.create_task(values.get(key)) for key in (1, 2, 2, -3)]
    await asyncio.sleep(0)
    shelf.let_go.set()
    assert await first == "value 1"
    assert await asyncio.gather(*others) == ["value 1", "value 2", "value 2", None]
    assert shelf.reads == [{1}, {1, 2, -3}]


async def test_a_batch_is_bounded_and_nobody_is_left_out(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_reads, "MAX_BATCHED_KEYS", 2)
    shelf.let_go.set()
    values = BatchedReads(shelf.read)
    assert await asyncio.gather(*map(values.get, range(5))) == [f"value {n}" for n in range(5)]
    assert shelf.reads == [{0, 1}, {2, 3}, {4}]


async def test_a_read_that_breaks_breaks_for_its_batch_only(shelf: Shelf) -> None:
    values = BatchedReads(shelf.read)
    shelf.let_go.set()
    shelf.fault = ZeroDivisionError()
    assert [type(e) for e in await asyncio.gather(values.get(1), values.get(2), return_exceptions=True)] == [
        ZeroDivisionError,
        ZeroDivisionError,
    ]
    shelf.fault = None
    assert await values.get(1) == "value 1"


async def test_who_gives_up_does_not_spoil_it_for_the_others(shelf: Shelf) -> None:
    values = BatchedReads(shelf.read)
    gone, stays = asyncio.create_task(values.get(1)), asyncio.create_task(values.get(1))
    await shelf.asked.wait()
    gone.cancel()
    shelf.let_go.set()
    assert await stays == "value 1"
    assert gone.cancelled()
