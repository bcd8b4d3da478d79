"""Concurrent reads share one query."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from services.runtime import batched_reads
from services.runtime.batched_reads import BatchedReads


class Source:
    """Values by key. Each read waits for `released`."""

    def __init__(self) -> None:
        self.reads: list[set[int]] = []
        self.called = asyncio.Event()
        self.released = asyncio.Event()
        self.error: Exception | None = None

    async def read(self, keys: Collection[int]) -> Mapping[int, str]:
        self.reads.append(set(keys))
        self.called.set()
        await self.released.wait()
        if self.error is not None:
            raise self.error
        return {key: f"value {key}" for key in keys if key >= 0}


@pytest.fixture
def source() -> Source:
    return Source()


async def test_reads_that_arrive_during_a_query_share_the_next_one(source: Source) -> None:
    values = BatchedReads(source.read)
    first = asyncio.create_task(values.get(1))
    await source.called.wait()
    others = [asyncio.create_task(values.get(key)) for key in (1, 2, 2, -3)]
    await asyncio.sleep(0)
    source.released.set()
    assert await first == "value 1"
    assert await asyncio.gather(*others) == ["value 1", "value 2", "value 2", None]
    assert source.reads == [{1}, {1, 2, -3}]


async def test_a_batch_has_a_maximum_size_and_all_reads_are_served(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_reads, "MAX_BATCHED_KEYS", 2)
    source.released.set()
    values = BatchedReads(source.read)
    assert await asyncio.gather(*map(values.get, range(5))) == [f"value {n}" for n in range(5)]
    assert source.reads == [{0, 1}, {2, 3}, {4}]


async def test_a_failed_query_fails_only_the_reads_of_its_batch(source: Source) -> None:
    values = BatchedReads(source.read)
    source.released.set()
    source.error = ZeroDivisionError()
    assert [type(e) for e in await asyncio.gather(values.get(1), values.get(2), return_exceptions=True)] == [
        ZeroDivisionError,
        ZeroDivisionError,
    ]
    source.error = None
    assert await values.get(1) == "value 1"


async def test_a_cancelled_read_does_not_affect_the_others(source: Source) -> None:
    values = BatchedReads(source.read)
    cancelled, other = asyncio.create_task(values.get(1)), asyncio.create_task(values.get(1))
    await source.called.wait()
    cancelled.cancel()
    source.released.set()
    assert await other == "value 1"
    assert cancelled.cancelled()
