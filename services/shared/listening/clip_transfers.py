"""Which bytes of each clip have been sent to its listener, and whether the listener can have heard both clips."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import WrongState
from services.shared.listening.domain import Assignment, Side
from services.shared.listening.store import ListeningStore

# The gateway reports a moment after it has sent the bytes. Its time counts, but no older than this: clocks may differ.
MAX_RECORD_AGE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class SentRange:
    """Bytes `start` to `end` (exclusive) of a clip of `size` bytes, which the gateway has sent to the listener."""

    clip: str
    start: int
    end: int
    size: int


class ClipTransfers:
    """Records the bytes of clips that the gateways report as sent."""

    def __init__(self, database: Database, store: ListeningStore, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def record(self, sent: SentRange, at: datetime) -> None:
        """Adds the bytes that were sent at this time. A clip is complete once its ranges cover all of it.

        Ignores unknown clips and impossible ranges.
        """
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


def check_both_heard(assignment: Assignment, at: datetime) -> None:
    """Raises WrongState unless both clips were sent completely and there was time to hear one after the other."""
    ready_at = assignment.ready_at
    if ready_at is None:
        missing = [side for side in Side if assignment.sent_at(side) is None]
        clips = " and ".join(f"clip {side.upper()}" for side in missing)
        raise WrongState(
            f"Play both clips to the end before you vote. The end of {clips} was not fetched yet.", status="not_fetched"
        )
    left = (ready_at - at).total_seconds()
    if left > 0:
        raise WrongState(
            f"Play both clips to the end before you vote. Clip A lasts {assignment.a_seconds:.1f} s and clip B lasts "
            f"{assignment.b_seconds:.1f} s, so you can't have heard both yet.",
            status="not_heard",
            wait_seconds=str(math.ceil(left)),
        )
