"""Whose turn it is, among those who share the slots of a provider: requesters, and the developers of one requester."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable

# Developers; what is forgotten only makes the next turn of two who have as many slots a matter of chance.
MAX_REMEMBERED_TURNS = 1000


class QueueFull(Exception):
    """A request has lost its place to a developer who has fewer waiting."""


class Turns:
    """Next is who holds the fewest slots, of two who hold as many the one whose last turn is longest ago."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        """The slots that each holds."""
        self._turns = 0
        self._last_turn: dict[str, int] = {}

    def next_of(self, waiting: Iterable[str]) -> str:
        """Returns who is next of those who wait; ValueError if none does."""
        return min(waiting, key=lambda each: (self.held[each], self._last_turn.get(each, 0)))

    def began(self, who: str) -> None:
        """Notes that somebody holds one slot more."""
        self.held[who] += 1
        if len(self._last_turn) > MAX_REMEMBERED_TURNS:
            self._last_turn.clear()
        self._turns += 1
        self._last_turn[who] = self._turns

    def ended(self, who: str) -> None:
        """Notes that somebody holds one slot less."""
        self.held[who] -= 1
        if not self.held[who]:
            del self.held[who]


class DeveloperQueue:
    """The waiting requests of one requester, at most `longest`, in a line for each developer.

    Developers take turns. One may fill the queue while nobody else waits; who has fewer requests then takes the last
    place of who has most.
    """

    def __init__(self, longest: float) -> None:
        self.turns = Turns()
        self._longest = longest
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, developer_id: str, turn: asyncio.Future[None]) -> bool:
        """Queues a request; False if there is no place for it."""
        if len(self) >= self._longest:
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
        """Takes a request out of the queue; ValueError if it is not in it."""
        line = self._lines.get(developer_id)
        if line is None:
            raise ValueError("nobody waits")
        line.remove(turn)
        if not line:
            del self._lines[developer_id]

    def pop(self) -> tuple[str, asyncio.Future[None]]:
        """Takes out the request that is next, with its developer; ValueError if none waits."""
        developer_id = self.turns.next_of(self._lines)
        turn = self._lines[developer_id][0]
        self.remove(developer_id, turn)
        return developer_id, turn

    def _requests_of(self, developer_id: str) -> int:
        return self.turns.held[developer_id] + len(self._lines.get(developer_id, ()))
