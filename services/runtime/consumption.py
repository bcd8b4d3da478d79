"""Fetches the events of one JetStream consumer and dispatches a limited number of them at a time."""

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

FETCH_TIMEOUT_SECONDS = 5.0
# After an error that a repair did not remove.
FETCH_RETRY_SECONDS = 0.05
# Each fetches one event at a time, because larger batches were seen to stall. Two hide the latency of the server: they
# fetch thousands of events a second, and cost almost nothing while there are no events.
FETCHERS = 2
LAG_INTERVAL_SECONDS = 5.0
# The health check fails if the server has not reported the consumer's state, or nothing was fetched, for so long. NATS
# can take some seconds to start, and fetchers wait up to 5 s for an event.
MAX_SILENT_SECONDS = 20.0
# The health check fails if events wait and the server has delivered none for so long.
MAX_STUCK_SECONDS = 60.0
# How long a cancelled handler or fetcher may take to end.
CANCEL_TIMEOUT_SECONDS = 2.0
MAX_CANCELLATIONS = 3


class Consumption:
    """This process's part in one durable consumer of one stream."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStreamContext,
        stream: str,
        durable: str,
        *,
        dispatch: Callable[[Msg], Awaitable[None]],
        repair: Callable[[Exception | None], Awaitable[None]],
        max_in_flight: int,
        broadcast: bool,
    ) -> None:
        """`dispatch` handles and acknowledges a message. `repair` creates what is missing on the server."""
        self._client = client
        self._jetstream = jetstream
        self._stream = stream
        self._durable = durable
        self._dispatch = dispatch
        self._repair = repair
        self._capacity = asyncio.Semaphore(max_in_flight)
        self._max_in_flight = max_in_flight
        self._fetchers: set[asyncio.Task[None]] = set()
        self._fetcher_count = min(FETCHERS, max_in_flight)
        self._in_progress: set[asyncio.Task[None]] = set()
        self._labels = (stream, "broadcast" if broadcast else "shared")
        self._draining = False
        self._last_fetch = Stopwatch()
        self._last_report = Stopwatch()
        """Since the server last reported the consumer's state."""
        self._last_delivery = Stopwatch()
        """Since the server last delivered an event to any process, or none was waiting."""
        self._delivered = -1

    def check(self) -> None:
        """Raises BusUnavailable if waiting events do not reach this process."""
        if self._draining:
            return
        if self._last_report.seconds() > MAX_SILENT_SECONDS:
            raise BusUnavailable(f"the consumer of {self._stream} does not answer")
        if self._full:
            return
        if self._last_fetch.seconds() > MAX_SILENT_SECONDS:
            raise BusUnavailable(f"no task fetches events of {self._stream}")
        if self._last_delivery.seconds() > MAX_STUCK_SECONDS:
            raise BusUnavailable(f"events of {self._stream} are waiting but not delivered")

    @property
    def _full(self) -> bool:
        return len(self._in_progress) >= self._max_in_flight

    async def run(self) -> None:
        """Fetches and dispatches events until it is cancelled. Then it ends when all handlers have ended."""
        self._last_fetch, self._last_report, self._last_delivery = Stopwatch(), Stopwatch(), Stopwatch()
        telemetry.EVENTS_IN_PROGRESS.labels(*self._labels).set_function(lambda: len(self._in_progress))
        async with asyncio.TaskGroup() as tasks:
            if not self._draining:
                self._fetchers = {tasks.create_task(self._fetch(tasks)) for _ in range(self._fetcher_count)}
            tasks.create_task(periodic(self._measure_lag, LAG_INTERVAL_SECONDS), name=f"lag of {self._stream}")
            # After draining, too, it runs until it is cancelled.
            await asyncio.Event().wait()

    async def drain(self, seconds: float) -> None:
        """Takes no more events. Handlers get `seconds` to finish, then are cancelled and hand their events back."""
        self._draining = True
        left = set(self._fetchers)
        # A fetcher that waits for NATS can lose a cancellation. It is cancelled again.
        for _ in range(MAX_CANCELLATIONS):
            for fetcher in left:
                fetcher.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=CANCEL_TIMEOUT_SECONDS)
        if not self._in_progress:
            return
        log.info("finishing events in progress", stream=self._stream, count=len(self._in_progress))
        _, late = await asyncio.wait(self._in_progress, timeout=seconds)
        if late:
            log.info("handing back events in progress", stream=self._stream, count=len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=CANCEL_TIMEOUT_SECONDS)

    async def _fetch(self, tasks: asyncio.TaskGroup) -> None:
        """Fetches one event after another while fewer than `max_in_flight` are in progress."""
        pull: Pull | None = None

        async def fetch_one() -> bool:
            nonlocal pull
            await self._capacity.acquire()
            self._last_fetch = Stopwatch()
            message = None
            try:
                if pull is None:
                    pull = await Pull.open(self._client, self._jetstream, self._stream, self._durable)
                fetched = await pull.next(FETCH_TIMEOUT_SECONDS)
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
                    self._capacity.release()
            handler = tasks.create_task(self._handle(message))
            self._in_progress.add(handler)
            handler.add_done_callback(self._done)
            return True

        try:
            await periodic(fetch_one, FETCH_RETRY_SECONDS, batch=True)
        finally:
            if pull is not None:
                await pull.unsubscribe()

    async def _handle(self, message: Msg) -> None:
        await self._dispatch(message)

    def _done(self, handler: asyncio.Task[None]) -> None:
        self._in_progress.discard(handler)
        self._capacity.release()

    async def _measure_lag(self) -> None:
        waiting, unconfirmed = (
            gauge.labels(*self._labels) for gauge in (telemetry.EVENTS_WAITING, telemetry.EVENTS_UNCONFIRMED)
        )
        # Errors are ignored here. If the consumer is missing, the fetchers repair it.
        with suppress(nats.errors.Error, js_errors.Error, OSError, TimeoutError):
            info = await self._jetstream.consumer_info(self._stream, self._durable)
            waiting.set(info.num_pending or 0)
            unconfirmed.set(info.num_ack_pending or 0)
            self._last_report = Stopwatch()
            delivered = info.delivered.consumer_seq if info.delivered else 0
            if not info.num_pending or delivered != self._delivered or self._full:
                self._last_delivery = Stopwatch()
            self._delivered = delivered
