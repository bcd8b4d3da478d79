"""The streams that wait for a provider, in equal shares for the developers who opened them."""

import asyncio
from collections import Counter, deque

# Developers; what is forgotten only makes the next turn of two who have as many streams a matter of chance.
MAX_REMEMBERED_TURNS = 1000


class QueueFull(Exception):
    """A stream has lost its place to a developer who has fewer waiting."""


class StreamQueue:
    """A bounded queue with a line for each developer.

    Next is the developer with the fewest streams that hold a slot, of two with as many the one whose last turn is
    longest ago. A developer may fill the queue while nobody else waits; who has fewer streams then takes the last place
    of who has most.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.speaking: Counter[str] = Counter()
        """How many of a developer's streams hold a slot."""
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._turns = 0
        self._last_turn: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, developer_id: str, turn: asyncio.Future[None]) -> bool:
        """Queues a stream; False if there is no place for it."""
        if len(self) >= self.longest:
            most = max(self._lines, key=self._streams_of, default=None)
            if most is None or self._streams_of(most) <= self._streams_of(developer_id) + 1:
                return False
            last = self._lines[most][-1]
            self.remove(most, last)
            if not last.done():
                last.set_exception(QueueFull())
        self._lines.setdefault(developer_id, deque()).append(turn)
        return True

    def remove(self, developer_id: str, turn: asyncio.Future[None]) -> None:
        """Takes a stream out of the queue; ValueError if it is not in it."""
        line = self._lines.get(developer_id)
        if line is None:
            raise ValueError("nobody waits")
        line.remove(turn)
        if not line:
            del self._lines[developer_id]

    def _streams_of(self, developer_id: str) -> int:
        return self.speaking[developer_id] + len(self._lines.get(developer_id, ()))

    def pop(self) -> tuple[str, asyncio.Future[None]]:
        """Takes out the stream that is next, with its developer; ValueError if none waits."""
        developer_id = min(self._lines, key=lambda each: (self.speaking[each], self._last_turn.get(each, 0)))
        turn = self._lines[developer_id][0]
        self.remove(developer_id, turn)
        return developer_id, turn

    def began(self, developer_id: str) -> None:
        """Notes that a developer's stream holds a slot."""
        self.speaking[developer_id] += 1
        if len(self._last_turn) > MAX_REMEMBERED_TURNS:
            self._last_turn.clear()
        self._turns += 1
        self._last_turn[developer_id] = self._turns

    def ended(self, developer_id: str) -> None:
        """Notes that a developer's stream does not hold its slot any more."""
        self.speaking[developer_id] -= 1
        if not self.speaking[developer_id]:
            del self.speaking[developer_id]
