"""Publishes events to NATS JetStream, and delivers them to handlers at least once.

PostgreSQL is the truth, and the bus makes work start quickly. So streams and consumers that are missing on the server
are created again whenever an operation needs them.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import nats
import nats.errors
import structlog
from google.protobuf.message import Message
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors

from services.runtime import events, streams, telemetry
from services.runtime.clock import now
from services.runtime.consumption import Consumption
from services.runtime.errors import BusUnavailable
from services.runtime.event_dispatcher import DeadHandler, EventDispatcher, EventMetadata, Handler
from services.runtime.event_loop import Stopwatch

__all__ = ["Bus", "BusUnavailable", "DeadHandler", "EventMetadata", "Handler"]

log = structlog.get_logger()

# The first version of NATS with a time to live for single messages.
MIN_SERVER_VERSION = (2, 11)
CONNECT_TIMEOUT_SECONDS = 60.0
PUBLISH_TIMEOUT_SECONDS = 5.0
MAX_PUBLISH_ATTEMPTS = 3
# If the last confirmed publish is older than this, the health check publishes a probe.
MAX_CONFIRMATION_AGE_SECONDS = 3.0
PROBE_TIMEOUT_SECONDS = 2.0

# The events of a killed worker go to another one after this time. A living worker sends heartbeats meanwhile.
ACK_WAIT_SECONDS = 10.0
REPAIR_RETRY_SECONDS = 0.5
# All processes of a service share a consumer, and each limits itself. So this limit is wide.
MAX_UNACKNOWLEDGED_EVENTS = 10_000
# The server deletes a process's own consumer if nobody has fetched its events for so long.
BROADCAST_IDLE_SECONDS = 300.0


class Bus:
    """A service's connection to NATS. Use `connect` to create it."""

    def __init__(self, client: Client, service: str) -> None:
        self._client = client
        self._jetstream: JetStreamContext = client.jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)
        self._service = service
        self._ensuring = asyncio.Lock()
        self._ensured_at = float("-inf")
        self._consumers: dict[tuple[str, str], api.ConsumerConfig] = {}
        self._consumptions: set[Consumption] = set()
        self._drained = False
        self._confirmed: Stopwatch | None = None

    @classmethod
    async def connect(cls, url: str, service: str) -> "Bus":
        """Waits for NATS, checks its version, and creates the streams that are missing.

        Raises TimeoutError after CONNECT_TIMEOUT_SECONDS, and RuntimeError if NATS is too old.
        """

        last = ""

        async def on_error(error: Exception) -> None:
            # While the server is down, an attempt to connect fails four times a second. Log each error once.
            nonlocal last
            text = str(error) or type(error).__name__
            if text != last:
                last = text
                log.warning("the NATS client reported an error", error=text)

        async def on_reconnected() -> None:
            nonlocal last
            last = ""
            log.info("reconnected to NATS")

        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            while True:
                try:
                    client = await nats.connect(
                        url,
                        name=f"voicearena-{service}",
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=0.25,
                        ping_interval=10,
                        max_outstanding_pings=2,
                        error_cb=on_error,
                        reconnected_cb=on_reconnected,
                        allow_reconnect=True,
                    )
                    break
                except (OSError, nats.errors.Error) as error:
                    log.info("waiting for NATS", error=str(error))
                    await asyncio.sleep(REPAIR_RETRY_SECONDS)
        version = client.connected_server_version
        if (version.major, version.minor) < MIN_SERVER_VERSION:
            await client.close()
            found, needed = f"{version.major}.{version.minor}", ".".join(map(str, MIN_SERVER_VERSION))
            raise RuntimeError(f"NATS {found} is too old: messages with a time to live need {needed} or newer")
        bus = cls(client, service)
        await bus._ensure()
        return bus

    async def ping(self) -> None:
        """Raises BusUnavailable unless NATS confirms published events and delivers consumed ones."""
        if not self._client.is_connected:
            raise BusUnavailable("not connected to NATS")
        if self._confirmed is None or self._confirmed.seconds() > MAX_CONFIRMATION_AGE_SECONDS:
            await self._probe()
        for each in self._consumptions:
            each.check()

    async def _probe(self) -> None:
        subject, headers = (
            events.probe_subject(self._service),
            {streams.TTL_HEADER: f"{streams.MAX_PROBE_AGE_SECONDS}s"},
        )
        try:
            await self._jetstream.publish(subject, b"", timeout=PROBE_TIMEOUT_SECONDS, headers=headers)
        except (nats.errors.Error, js_errors.Error, TimeoutError, OSError) as error:
            if isinstance(error, js_errors.NoStreamResponseError):
                await self._repair(error)
            raise BusUnavailable(f"NATS did not confirm a message: {error or type(error).__name__}") from error
        self._confirmed = Stopwatch()

    async def close(self) -> None:
        """Flushes and closes the connection."""
        with suppress(nats.errors.Error, TimeoutError, OSError):
            await asyncio.wait_for(self._client.close(), 2)

    async def publish(self, message: Message, *, event_id: str) -> None:
        """Publishes an event without an outbox. The server drops an event with the same id within two minutes."""
        await self.publish_raw(events.subject_of(message), events.wrap(message, event_id).SerializeToString(), event_id)

    async def publish_raw(self, subject: str, envelope: bytes, event_id: str) -> None:
        """Publishes an envelope and waits for the confirmation. Raises BusUnavailable after three failed attempts."""
        headers = {"Nats-Msg-Id": event_id}
        if (ttl := streams.ttl_of(subject)) is not None:
            headers[streams.TTL_HEADER] = f"{ttl}s"
        for attempt in range(1, MAX_PUBLISH_ATTEMPTS + 1):
            try:
                await self._jetstream.publish(subject, envelope, timeout=PUBLISH_TIMEOUT_SECONDS, headers=headers)
            except (nats.errors.Error, js_errors.Error, TimeoutError, OSError) as error:
                if attempt == MAX_PUBLISH_ATTEMPTS:
                    raise BusUnavailable(f"publishing to {subject} failed: {error or type(error).__name__}") from error
                await self._repair(error)
            else:
                self._confirmed = Stopwatch()
                telemetry.EVENTS_PUBLISHED.labels(subject).inc()
                return

    async def consume(
        self,
        handlers: Mapping[type[Message], Handler],
        *,
        max_in_flight: int,
        on_dead: DeadHandler | None = None,
        broadcast: str = "",
        replay_seconds: float = 0.0,
    ) -> None:
        """Calls handlers for received events until it is cancelled, for at most `max_in_flight` per stream at a time.

        When a handler returns, its event is acknowledged. When it raises, the event is retried after a growing delay;
        after the last attempt `on_dead` is called and the event goes to the dead-letter stream. When a handler is
        cancelled, another process gets the event at once.

        Processes of a service share the events. With `broadcast`, a name unique to this process, each of them gets all
        events, beginning with those of `replay_seconds` ago.
        """
        dispatcher = EventDispatcher(self._service, handlers, on_dead, self.publish_raw, self._erase)
        by_stream: dict[str, list[str]] = {}
        for kind in handlers:
            declared = events.event_type(kind)
            by_stream.setdefault(declared.stream, []).append(declared.filter_subject(self._service))
        durable = f"{self._service}_{broadcast}" if broadcast else self._service
        for stream, subjects in by_stream.items():
            config = _consumer_config(durable, subjects)
            if broadcast:
                _make_broadcast(config, replay_seconds)
            # The start of an existing consumer can't be changed. It continues where it is.
            if not broadcast or (stream, durable) not in self._consumers:
                self._consumers[stream, durable] = config
        await self._repair(None)
        consumptions = [
            Consumption(
                self._client,
                self._jetstream,
                stream,
                durable,
                dispatch=dispatcher.dispatch,
                repair=self._repair,
                max_in_flight=max_in_flight,
                broadcast=bool(broadcast),
            )
            for stream in by_stream
        ]
        self._consumptions.update(consumptions)
        try:
            if self._drained:
                await self.drain(0)
            async with asyncio.TaskGroup() as tasks:
                for each in consumptions:
                    tasks.create_task(each.run())
        finally:
            self._consumptions.difference_update(consumptions)

    async def _erase(self, stream: str, sequence: int) -> None:
        """Requests that NATS delete and overwrite a message. Does not wait: its time to live ends in any case."""
        request = json.dumps({"seq": sequence}).encode()
        with suppress(nats.errors.Error, OSError):
            await self._client.publish(f"{api.DEFAULT_PREFIX}.STREAM.MSG.DELETE.{stream}", request)

    async def drain(self, seconds: float) -> None:
        """Takes no more events. Those in progress get `seconds` to finish, then other processes get them."""
        self._drained = True
        await asyncio.gather(*(each.drain(seconds) for each in self._consumptions))

    async def _repair(self, cause: Exception | None) -> None:
        """Creates what is missing on the server, and waits a little if that fails.

        Concurrent calls share one attempt, because an attempt takes seconds while the server is down.
        """
        clock = asyncio.get_running_loop().time
        called_at = clock()
        async with self._ensuring:
            if self._ensured_at > called_at:
                return
            self._ensured_at = clock()
            try:
                await self._ensure()
            except (nats.errors.Error, js_errors.Error, TimeoutError, OSError) as error:
                log.warning("NATS is not ready", error=str(error), cause=str(cause))
                await asyncio.sleep(REPAIR_RETRY_SECONDS)

    async def _ensure(self) -> None:
        for each in streams.all_streams():
            await streams.ensure(self._jetstream, each)
        for (stream, _), config in self._consumers.items():
            await self._jetstream.add_consumer(stream, config)


def _consumer_config(durable: str, subjects: list[str]) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=durable,
        filter_subjects=sorted(subjects),
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=MAX_UNACKNOWLEDGED_EVENTS,
    )


def _make_broadcast(config: api.ConsumerConfig, replay_seconds: float) -> None:
    config.inactive_threshold = BROADCAST_IDLE_SECONDS
    config.deliver_policy = api.DeliverPolicy.NEW
    if replay_seconds:
        config.deliver_policy = api.DeliverPolicy.BY_START_TIME
        config.opt_start_time = now() - timedelta(seconds=replay_seconds)
