from collections.abc import Iterator

import pytest

from services.runtime.errors import Busy
from services.scoring.workers.fair_queue import AGED_AFTER_SECONDS, FairQueue


def put(queue: FairQueue[str], names: str, *, interactive: bool = False, now: float = 0.0) -> None:
    """Adds items such as `a1 b1`, whose developer is their first letter."""
    for name in names.split():
        queue.put(name, name[0], interactive=interactive, now=now)


def taken(queue: FairQueue[str], now: float = 0.0) -> Iterator[str]:
    while waiting := queue.take(now):
        yield waiting.item


def test_developers_take_turns() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1 a2 a3 b1 b2 c1")
    assert list(taken(queue)) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_developer_with_less_work_in_progress_goes_first() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1 b1")
    waiting = queue.take(0.0, {"a": 2, "b": 1})
    assert waiting
    assert waiting.item == "b1"


def test_interactive_work_goes_before_bulk_work() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1 a2")
    put(queue, "a3 b1", interactive=True)
    assert list(taken(queue)) == ["a3", "b1", "a1", "a2"]


def test_aged_bulk_work_gets_one_of_four_turns() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1 a2")
    put(queue, "b1 b2 b3 b4 b5 b6 b7", interactive=True)
    assert list(taken(queue, AGED_AFTER_SECONDS)) == ["b1", "b2", "b3", "a1", "b4", "b5", "b6", "a2", "b7"]


def test_only_interactive_work_is_taken_if_bulk_work_is_not_wanted() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1")
    assert queue.take(0.0, with_bulk=False) is None
    assert len(queue) == 1


def test_bulk_work_cannot_fill_the_queue_for_interactive_work() -> None:
    queue: FairQueue[str] = FairQueue(2)
    put(queue, "a1 a2")
    with pytest.raises(Busy, match="2 recordings wait to be evaluated, which is the limit; try again later"):
        put(queue, "b1")
    put(queue, "b1", interactive=True)
    assert len(queue) == 3


def test_removed_work_is_not_taken() -> None:
    queue: FairQueue[str] = FairQueue(10)
    put(queue, "a1")
    queue.remove(queue.put("a2", "a", interactive=False, now=0.0))
    queue.remove(queue.put("b1", "b", interactive=True, now=0.0))
    assert list(taken(queue)) == ["a1"]
    assert queue.oldest() is None
