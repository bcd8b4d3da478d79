"""A bounded queue in which developers take turns and interactive work goes first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.runtime.errors import Busy

AGED_AFTER_SECONDS = 30.0
"""Bulk work that has waited this long is aged."""
MAX_PASSED = 3
"""Interactive work goes before aged bulk work at most this many times in a row, so that bulk work never starves."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Waiting(Generic[Item]):
    """Work that waits."""

    item: Item
    developer_id: str
    interactive: bool
    since: float
    """When it began to wait, in seconds of a monotonic clock."""


@dataclass(slots=True)
class _Lane(Generic[Item]):
    """Work of one urgency: a line for each developer."""

    lines: dict[str, deque[Waiting[Item]]] = field(default_factory=dict)
    """In the order of turns: the developer who was served last is at the end."""
    size: int = 0

    def put(self, waiting: Waiting[Item]) -> None:
        self.lines.setdefault(waiting.developer_id, deque()).append(waiting)
        self.size += 1

    def heads(self) -> Iterator[Waiting[Item]]:
        return (line[0] for line in self.lines.values())

    def take(self, at_work: Mapping[str, int]) -> Waiting[Item]:
        # min returns the first of equals: the developer who was served least recently.
        developer_id = min(self.lines, key=lambda one: at_work.get(one, 0))
        line = self.lines.pop(developer_id)
        waiting = line.popleft()
        if line:
            self.lines[developer_id] = line
        self.size -= 1
        return waiting

    def remove(self, waiting: Waiting[Item]) -> None:
        line = self.lines.get(waiting.developer_id, deque())
        if waiting not in line:
            return
        line.remove(waiting)
        if not line:
            del self.lines[waiting.developer_id]
        self.size -= 1


class FairQueue(Generic[Item]):
    """Work of many developers.

    Interactive work goes before bulk work, except that aged bulk work gets one of four turns. Within each, developers
    take turns. `max_waiting` bounds interactive and bulk work each, so that bulk work cannot fill the queue for others.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._interactive: _Lane[Item] = _Lane()
        self._bulk: _Lane[Item] = _Lane()
        self._passed = 0

    def __len__(self) -> int:
        return self._interactive.size + self._bulk.size

    @property
    def interactive(self) -> int:
        """The number of interactive items."""
        return self._interactive.size

    def put(self, item: Item, developer_id: str, *, interactive: bool, now: float) -> Waiting[Item]:
        """Adds work and returns its place, which `remove` takes. Raises Busy if too much work waits."""
        lane = self._lane(interactive)
        if lane.size >= self._max_waiting:
            raise Busy(f"{lane.size} recordings wait to be evaluated, which is the limit; try again later")
        waiting = Waiting(item, developer_id, interactive, now)
        lane.put(waiting)
        return waiting

    def oldest(self) -> float | None:
        """Returns since when the oldest work waits, None if the queue is empty."""
        return min((head.since for lane in (self._interactive, self._bulk) for head in lane.heads()), default=None)

    def take(
        self, now: float, at_work: Mapping[str, int] | None = None, *, with_bulk: bool = True
    ) -> Waiting[Item] | None:
        """Removes and returns the work whose turn it is, None if there is none.

        `at_work` is how much of each developer's work is being done; those with the least go first. Without
        `with_bulk` it takes interactive work only.
        """
        bulk = with_bulk and self._bulk.size > 0
        if self._interactive.size:
            aged = bulk and now - min(head.since for head in self._bulk.heads()) >= AGED_AFTER_SECONDS
            if not aged or self._passed < MAX_PASSED:
                self._passed += aged
                return self._interactive.take(at_work or {})
        if not bulk:
            return None
        self._passed = 0
        return self._bulk.take(at_work or {})

    def remove(self, waiting: Waiting[Item]) -> None:
        """Removes work that is no longer wanted, if it still waits."""
        self._lane(waiting.interactive).remove(waiting)

    def _lane(self, interactive: bool) -> _Lane[Item]:
        return self._interactive if interactive else self._bulk
