"""Fair turns between those who share the slots of a provider: requesters, and the developers of one requester."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable

# The number of last turns that are remembered. Then all are forgotten, and the next choice between two that hold the
# same number of slots is arbitrary.
MAX_REMEMBERED_TURNS = 1000


class QueueFull(Exception):
    """A waiting request has lost its place to a developer with fewer requests."""


class TurnOrder:
    """Chooses who holds the fewest slots. Of two with the same number, it chooses the one with the oldest last turn."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        """The number of slots that each one holds."""
        self._turns = 0
        self._last_turn: dict[str, int] = {}

    def next_of(self, waiting: Iterable[str]) -> str:
        """Returns the one of `waiting` that is next. Raises ValueError if it is empty."""
        return min(waiting, key=lambda each: (self.held[each], self._last_turn.get(each, 0)))

    def began(self, who: str) -> None:
        """Records that `who` holds one more slot."""
        self.held[who] += 1
        if len(self._last_turn) > MAX_REMEMBERED_TURNS:
            self._last_turn.clear()
        self._turns += 1
        self._last_turn[who] = self._turns

    def ended(self, who: str) -> None:
        """Records that `who` holds one slot less."""
        self.held[who] -= 1
        if not self.held[who]:
            del self.held[who]


class DeveloperQueue:
    """The waiting requests of one requester, at most `max_length`, with one line per developer.

    Developers take turns. One developer can fill the queue while no other waits. A developer with fewer requests then
    takes the last place of the developer with most requests.
    """

    def __init__(self, max_length: float) -> None:
        self.turns = TurnOrder()
        self._max_length = max_length
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, developer_id: str, turn: asyncio.Future[None]) -> bool:
        """Queues a request. Returns False if the queue has no place for it."""
        if len(self) >= self._max_length:
            most = max(self._lines, key=self._requests_of, default=None)
            if most is None or self._requests_of(most) <= self._requests_of(developer_id) + 1:
                return False
            last = self._lines[most][-1]
            self.remove(most, last)
            if not last.done():
                last.set_exception(QueueFull())
        self._lines.setdefault(developer_id, deque()).append(turn)
        return True

    def remove(self, developer_id: str, turn: asyncio.Future[None]) -> None:
        """Removes a request. Raises ValueError if it is not in the queue."""
        line = self._lines.get(developer_id)
        if line is None:
            raise ValueError("the developer has no waiting request")
        line.remove(turn)
        if not line:
            del self._lines[developer_id]

    def pop(self) -> tuple[str, asyncio.Future[None]]:
        """Removes and returns the next request, with its developer. Raises ValueError if the queue is empty."""
        developer_id = self.turns.next_of(self._lines)
        turn = self._lines[developer_id][0]
        self.remove(developer_id, turn)
        return developer_id, turn

    def _requests_of(self, developer_id: str) -> int:
        return self.turns.held[developer_id] + len(self._lines.get(developer_id, ()))
