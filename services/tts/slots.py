"""The slots of one provider, and the order in which requests get them."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from services.runtime.errors import Busy
from services.tts.concurrency import ConcurrencyLimit, pause_seconds
from services.tts.domain import SynthesisError
from services.tts.turns import DeveloperQueue, QueueFull, TurnOrder

# A person waits for the stream. If the pause is longer, they get an error that says when to try again.
MAX_STREAM_PAUSE_SECONDS = 20.0
# All streams together count as one requester. No service has this name.
STREAMS = ""


class Slots:
    """The slots of one provider. Its requesters share them: the services that request jobs, and all streams together.

    A free slot goes to the waiting requester that holds the fewest slots. If two hold the same number, it goes to the
    one whose last turn is longest ago. So waiting requesters have equal shares, a single requester can have all slots,
    and requesters take turns if there is only one slot.

    Streams wait in a bounded queue in which developers have equal shares. The number of waiting jobs is bounded by the
    consumer that receives them. The number of slots follows the provider's responses, which `succeeded` and `failed`
    record.
    """

    def __init__(self, provider: str, count: int, max_waiting: int) -> None:
        self._provider = provider
        self._count = count
        self._limit = ConcurrencyLimit(count)
        self._turns = TurnOrder()
        self._max_waiting = max_waiting
        self._queues = {STREAMS: DeveloperQueue(max_waiting)}
        self._end_of_pause: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """The number of slots now. It is below the configured number after the provider refused for concurrency."""
        return self._limit.current

    @property
    def in_use(self) -> int:
        """The number of slots that are held. It can exceed `limit` for a while after `limit` has been lowered."""
        return self._turns.held.total()

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a slot."""
        return sum(map(len, self._queues.values()))

    def share(self, requester: str) -> int:
        """Returns how many jobs a requester should have here, waiting jobs included, to use its share.

        It is all slots if no other requester has a request here. Otherwise it is an equal part of the slots and one
        waiting job, so that the requester does not lose its turn while its next job is on the way. What other
        requesters do not need of their equal parts is added.
        """
        others = sorted(self._wanted(each) for each in self._queues if each != requester and self._wanted(each))
        if not others:
            return self._count
        left, parts = self._limit.current, len(others) + 1
        for wanted in others:
            if wanted * parts > left:
                break
            left -= wanted
            parts -= 1
        return min(math.ceil(left / parts) + 1, self._count)

    def _wanted(self, requester: str) -> int:
        return self._turns.held[requester] + len(self._queues[requester])

    def for_stream(self, developer_id: str) -> AbstractAsyncContextManager[None]:
        """Holds a slot for a developer's stream.

        Raises Busy if the queue is full, or if the provider asked for a pause of more than 20 s.
        """
        if (pause := self._pause_left()) > MAX_STREAM_PAUSE_SECONDS:
            raise Busy(f"{self._provider} asked for a pause; try again in {math.ceil(pause)} s")
        return self._hold(STREAMS, developer_id)

    def for_job(self, requester: str) -> AbstractAsyncContextManager[None]:
        """Holds a slot for a job of a requester. The jobs of one requester get slots in the order of their calls."""
        self._queues.setdefault(requester, DeveloperQueue(math.inf))
        return self._hold(requester, "")

    @asynccontextmanager
    async def _hold(self, requester: str, developer_id: str) -> AsyncIterator[None]:
        if self._free():
            self._began(requester, developer_id)
        else:
            queue = self._queues[requester]
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if not queue.add(developer_id, turn):
                raise self._full()
            try:
                await turn
            except QueueFull:
                raise self._full() from None
            except asyncio.CancelledError:
                if _is_held(turn):
                    self._ended(requester, developer_id)
                else:
                    with suppress(ValueError):  # `_hand_out` may have removed it already
                        queue.remove(developer_id, turn)
                raise
        try:
            yield
        finally:
            self._ended(requester, developer_id)

    def succeeded(self) -> None:
        """Records that the request of a slot succeeded. The slot must still be held."""
        self._limit.succeeded()
        self._hand_out()

    def failed(self, error: SynthesisError) -> None:
        """Records that the request of a slot failed. The slot must still be held."""
        self._limit.failed(error, self.in_use)
        if pause := pause_seconds(error):
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        """Hands out no slots for this time. A longer pause that is already in effect stays."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._end_of_pause is not None:
            if self._end_of_pause.when() >= until:
                return
            self._end_of_pause.cancel()
        self._end_of_pause = loop.call_at(until, self._resume)

    def _resume(self) -> None:
        self._end_of_pause = None
        self._hand_out()

    def _pause_left(self) -> float:
        return self._end_of_pause.when() - asyncio.get_running_loop().time() if self._end_of_pause is not None else 0.0

    def _free(self) -> bool:
        return self.in_use < self._limit.current and self._end_of_pause is None

    def _full(self) -> Busy:
        return Busy(f"{self._provider} is busy and its queue is full ({self._max_waiting} waiting); try again later")

    def _began(self, requester: str, developer_id: str) -> None:
        self._turns.began(requester)
        self._queues[requester].turns.began(developer_id)

    def _ended(self, requester: str, developer_id: str) -> None:
        self._turns.ended(requester)
        self._queues[requester].turns.ended(developer_id)
        self._hand_out()

    def _hand_out(self) -> None:
        """Hands the free slots to the next waiting requests."""
        while self._free():
            waiting = [requester for requester, queue in self._queues.items() if queue]
            if not waiting:
                return
            requester = self._turns.next_of(waiting)
            developer_id, turn = self._queues[requester].pop()
            # A future that was cancelled in this iteration of the event loop is still in its queue.
            if not turn.done():
                self._began(requester, developer_id)
                turn.set_result(None)


def _is_held(turn: asyncio.Future[None]) -> bool:
    """Returns whether a slot was handed over at the moment of the cancellation."""
    return turn.done() and not turn.cancelled() and turn.exception() is None
