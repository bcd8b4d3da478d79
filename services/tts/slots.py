"""Who is next at a provider."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from services.runtime.errors import Busy
from services.tts.concurrency import ProviderLimit, pause_seconds
from services.tts.domain import SynthesisError
from services.tts.turns import DeveloperQueue, QueueFull, Turns

# Somebody listens: they are told to come back rather than kept waiting for longer.
MAX_STREAM_PAUSE_SECONDS = 20.0
# All streams together are one requester. No service has this name.
STREAMS = ""


class Slots:
    """The slots of one provider, which its requesters share: the services that ask for jobs, and streams.

    A free slot goes to the waiting requester that holds the fewest slots, of two that hold as many to the one that was
    served longest ago. So requesters that wait hold equal shares, whoever is alone has all slots, and where there is
    one slot they take turns.

    Streams, for which somebody waits, may wait in a bounded queue, in which developers have equal shares. Jobs are
    bounded by the consumer that brings them. How many slots there are follows what the provider answers, which
    `succeeded` and `failed` are told.
    """

    def __init__(self, provider: str, count: int, longest_queue: int) -> None:
        self._provider = provider
        self._count = count
        self._limit = ProviderLimit(count)
        self._turns = Turns()
        self._longest_queue = longest_queue
        self._queues = {STREAMS: DeveloperQueue(longest_queue)}
        self._end_of_pause: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """How many there are now; fewer than configured while the provider says that it is full."""
        return self._limit.now

    @property
    def in_use(self) -> int:
        """How many are held. More than there are, for a while, when there have become fewer."""
        return self._turns.held.total()

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(map(len, self._queues.values()))

    def share(self, requester: str) -> int:
        """Returns how many jobs a requester may have here, those that wait included, so that it gets its share.

        All slots if no other requester has any request here. Otherwise its part of them, as if it wanted them all, and
        a job that waits, so that a slot is not lost to others while the requester's next job is on its way. Others that
        want less than an equal part leave the rest to it.
        """
        others = sorted(self._wanted(each) for each in self._queues if each != requester and self._wanted(each))
        if not others:
            return self._count
        left, parts = self._limit.now, len(others) + 1
        for wanted in others:
            if wanted * parts > left:
                break
            left -= wanted
            parts -= 1
        return min(math.ceil(left / parts) + 1, self._count)

    def _wanted(self, requester: str) -> int:
        return self._turns.held[requester] + len(self._queues[requester])

    def for_stream(self, developer_id: str) -> AbstractAsyncContextManager[None]:
        """Holds a slot for a developer's stream; Busy if too many wait already, or if the provider is to be left alone
        for longer than somebody would wait."""
        if (pause := self._pause_left()) > MAX_STREAM_PAUSE_SECONDS:
            raise Busy(f"{self._provider} asked to be left alone; try again in {math.ceil(pause)} s")
        return self._hold(STREAMS, developer_id)

    def for_job(self, requester: str) -> AbstractAsyncContextManager[None]:
        """Holds a slot for a job of a requester. Its jobs get their slots in the order in which they come."""
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
                    with suppress(ValueError):  # `_hand_out` may have passed it over already
                        queue.remove(developer_id, turn)
                raise
        try:
            yield
        finally:
            self._ended(requester, developer_id)

    def succeeded(self) -> None:
        """Says that the request of a slot that is still held went well."""
        self._limit.succeeded()
        self._hand_out()

    def failed(self, error: SynthesisError) -> None:
        """Says that the request of a slot that is still held failed."""
        self._limit.failed(error, self.in_use)
        if pause := pause_seconds(error):
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        """Gives nothing out for so long, unless a longer pause is under way."""
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
        return self.in_use < self._limit.now and self._end_of_pause is None

    def _full(self) -> Busy:
        return Busy(f"{self._provider} is busy and its queue of {self._longest_queue} is full; try again later")

    def _began(self, requester: str, developer_id: str) -> None:
        self._turns.began(requester)
        self._queues[requester].turns.began(developer_id)

    def _ended(self, requester: str, developer_id: str) -> None:
        self._turns.ended(requester)
        self._queues[requester].turns.ended(developer_id)
        self._hand_out()

    def _hand_out(self) -> None:
        """Hands what is free to who is next."""
        while self._free():
            waiting = [requester for requester, queue in self._queues.items() if queue]
            if not waiting:
                return
            requester = self._turns.next_of(waiting)
            developer_id, turn = self._queues[requester].pop()
            # A future that was cancelled in this very turn of the loop is still in its queue.
            if not turn.done():
                self._began(requester, developer_id)
                turn.set_result(None)


def _is_held(turn: asyncio.Future[None]) -> bool:
    """Tells whether a slot was handed over at the moment of giving up."""
    return turn.done() and not turn.cancelled() and turn.exception() is None
