"""Takes the events of one consumer from NATS and hands them to handlers, a bounded number at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js import errors as js_errors

from services.runtime import telemetry
from services.runtime.errors import BusUnavailable
from services.runtime.event_loop import Stopwatch
from services.runtime.periodic import is_cancelled, periodic
from services.runtime.pull import Pull

log = structlog.get_logger()

FETCH_SECONDS = 5.0
# What a repair does not mend is not tried without end in one moment.
FETCH_AGAIN_SECONDS = 0.05
# Each asks for one event at a time, since larger batches were seen to stall. Two hide the way to the server: thousands
# of events a second, and next to nothing while there are none.
FETCHERS = 2
LAG_SECONDS = 5.0
# How long a consumer may be out of sight, or have events without giving out one, before it counts as dead. NATS may
# take some seconds to start, and fetchers wait up to 5 s for an event.
MAX_SILENT_SECONDS = 20.0
MAX_STUCK_SECONDS = 60.0
# Within which handlers and fetchers that are cancelled have to end.
CANCEL_SECONDS = 2.0
CANCELLATIONS = 3


class Consumption:
    """One durable consumer of one stream, as this process takes part in it."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStreamContext,
        stream: str,
        durable: str,
        *,
        deliver: Callable[[Msg], Awaitable[None]],
        repair: Callable[[Exception | None], Awaitable[None]],
        max_in_flight: int,
        broadcast: bool,
    ) -> None:
        """`deliver` deals with a message to its acknowledgement; `repair` makes what is missing on the server."""
        self._client = client
        self._jetstream = jetstream
        self._stream = stream
        self._durable = durable
        self._deliver = deliver
        self._repair = repair
        self._room = asyncio.Semaphore(max_in_flight)
        self._max_in_flight = max_in_flight
        self._fetchers: set[asyncio.Task[None]] = set()
        self._fetcher_count = min(FETCHERS, max_in_flight)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._labels = (stream, "broadcast" if broadcast else "shared")
        self._draining = False
        self._fetched = Stopwatch()
        self._seen = Stopwatch()
        self._moved = Stopwatch()
        self._given_out = -1

    def check(self) -> None:
        """Raises BusUnavailable if events don't reach this process though they should."""
        if self._draining:
            return
        if self._seen.seconds() > MAX_SILENT_SECONDS:
            raise BusUnavailable(f"the consumer of {self._stream} does not answer")
        if self._full:
            return
        if self._fetched.seconds() > MAX_SILENT_SECONDS:
            raise BusUnavailable(f"nothing asks for events of {self._stream}")
        if self._moved.seconds() > MAX_STUCK_SECONDS:
            raise BusUnavailable(f"events of {self._stream} wait and are not given out")

    @property
    def _full(self) -> bool:
        """Whether this process has as much in hand as it takes."""
        return len(self._in_hand) >= self._max_in_flight

    async def run(self) -> None:
        """Hands on what comes, for ever; cancelled, it ends when all handlers have."""
        self._fetched, self._seen, self._moved = Stopwatch(), Stopwatch(), Stopwatch()
        telemetry.EVENTS_IN_HAND.labels(*self._labels).set_function(lambda: len(self._in_hand))
        async with asyncio.TaskGroup() as tasks:
            if not self._draining:
                self._fetchers = {tasks.create_task(self._fetch(tasks)) for _ in range(self._fetcher_count)}
            tasks.create_task(periodic(self._look_at_lag, LAG_SECONDS), name=f"lag of {self._stream}")
            # Not even when it was drained does it end before it is told to.
            await asyncio.Event().wait()

    async def drain(self, seconds: float) -> None:
        """Takes nothing more, and gives what is in hand so long; what is not done then is cancelled and handed back."""
        self._draining = True
        left = set(self._fetchers)
        # One that waits for NATS may swallow a cancellation; it gets another.
        for _ in range(CANCELLATIONS):
            for fetcher in left:
                fetcher.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)
        if not self._in_hand:
            return
        log.info("finishing events in hand", stream=self._stream, count=len(self._in_hand))
        _, late = await asyncio.wait(self._in_hand, timeout=seconds)
        if late:
            log.info("handing back events in hand", stream=self._stream, count=len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=CANCEL_SECONDS)

    async def _fetch(self, tasks: asyncio.TaskGroup) -> None:
        """Takes one event after another as long as there is room."""
        pull: Pull | None = None

        async def fetch_one() -> bool:
            nonlocal pull
            await self._room.acquire()
            self._fetched = Stopwatch()
            message = None
            try:
                if pull is None:
                    pull = await Pull.open(self._client, self._jetstream, self._stream, self._durable)
                fetched = await pull.next(FETCH_SECONDS)
                if is_cancelled():
                    await fetched.nak()
                    return True
                message = fetched
            except TimeoutError:
                return True
            except (nats.errors.Error, js_errors.Error, OSError) as error:
                await self._repair(error)
                return False
            finally:
                if message is None:
                    self._room.release()
            handler = tasks.create_task(self._handle(message))
            self._in_hand.add(handler)
            handler.add_done_callback(self._done)
            return True

        try:
            await periodic(fetch_one, FETCH_AGAIN_SECONDS, batch=True)
        finally:
            if pull is not None:
                await pull.leave()

    async def _handle(self, message: Msg) -> None:
        await self._deliver(message)

    def _done(self, handler: asyncio.Task[None]) -> None:
        self._in_hand.discard(handler)
        self._room.release()

    async def _look_at_lag(self) -> None:
        waiting, unconfirmed = (
            gauge.labels(*self._labels) for gauge in (telemetry.EVENTS_WAITING, telemetry.EVENTS_UNCONFIRMED)
        )
        # A consumer that is missing is the fetchers' matter.
        with suppress(nats.errors.Error, js_errors.Error, OSError, TimeoutError):
            info = await self._jetstream.consumer_info(self._stream, self._durable)
            waiting.set(info.num_pending or 0)
            unconfirmed.set(info.num_ack_pending or 0)
            self._seen = Stopwatch()
            given_out = info.delivered.consumer_seq if info.delivered else 0
            if not info.num_pending or given_out != self._given_out or self._full:
                self._moved = Stopwatch()
            self._given_out = given_out
