"""What of each clip has gone out to its listener, and whether both clips of a pair can have been heard."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import WrongState
from services.shared.listening.domain import Assignment, Side
from services.shared.listening.store import ListeningStore

# A record comes a moment after the bytes. Its own time counts, but not further back: clocks may differ.
MAX_RECORD_AGE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes of a clip that the gateway has sent: from `start` to `end`, without the last, of `size`."""

    clip: str
    start: int
    end: int
    size: int


class Hearing:
    """Keeps what the gateways say they have sent."""

    def __init__(self, database: Database, store: ListeningStore, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def note(self, sent: Sent, at: datetime) -> None:
        """Adds bytes that went out at some moment to those before. The clip is whole once they cover all of it."""
        if not 0 <= sent.start < sent.end <= sent.size:
            return
        moment = self._clock()
        at = min(max(at, moment - MAX_RECORD_AGE), moment)
        async with self._database.transaction() as connection:
            assignment = await self._store.assignment_of_clip(connection, sent.clip)
            if assignment is None:
                return
            side = assignment.side_of(sent.clip)
            if assignment.sent_at(side) is None:
                await self._store.add_sent(connection, assignment.id, side, (sent.start, sent.end), sent.size, at)


def check_heard(assignment: Assignment, at: datetime) -> None:
    """Raises WrongState unless both clips went out whole, and there was time since to hear each, and both in turn."""
    ready_at = assignment.ready_at
    if ready_at is None:
        missing = [side for side in Side if assignment.sent_at(side) is None]
        clips = " and ".join(f"clip {side.upper()}" for side in missing)
        raise WrongState(f"{clips} must be fetched to the end first: play both clips, then vote", status="not_fetched")
    left = (ready_at - at).total_seconds()
    if left > 0:
        raise WrongState(
            f"clip A lasts {assignment.a_seconds:.1f} s and clip B {assignment.b_seconds:.1f} s; both can't have been "
            "heard yet: play both, then vote",
            status="not_heard",
            wait_seconds=str(math.ceil(left)),
        )
