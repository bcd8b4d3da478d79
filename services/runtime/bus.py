"""NATS JetStream: publishes events, and hands them to handlers at least once.

PostgreSQL is the truth and the bus a way to be quick, so streams and consumers that have vanished are made again
whenever they are missed.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import nats
import nats.errors
import structlog
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors
from opentelemetry.trace import SpanKind
from voicearena.events.v1.envelope_pb2 import DeadLetter, Envelope

from services.runtime import events, telemetry
from services.runtime.cancellation import end_if_cancelled
from services.runtime.db import DISCONNECTED
from services.runtime.envelopes import wrap
from services.runtime.errors import Unavailable
from services.runtime.event_loop import Stopwatch

log = structlog.get_logger()

OLDEST_SERVER = (2, 10)
CONNECT_SECONDS = 60.0
PUBLISH_SECONDS = 5.0
PUBLISH_TRIES = 3
STREAM_AGE_SECONDS = 3 * 24 * 3600.0
DEAD_LETTER_AGE_SECONDS = 30 * 24 * 3600.0
DUPLICATE_WINDOW_SECONDS = 120.0

# A killed worker's events come to another after this long; a living one says every few seconds that it is at it.
ACK_WAIT_SECONDS = 10.0
IN_PROGRESS_SECONDS = 3.0
FETCH_SECONDS = 5.0
REPAIR_SECONDS = 0.5
# How often an event that a handler fails on is delivered before it is given up.
MAX_DELIVERIES = 6
# What fails because something it needs is away is worth more patience. It also bounds events that kill their worker.
MAX_TRANSIENT_DELIVERIES = 200
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
LONGEST_TRANSIENT_RETRY_SECONDS = 3.0


class BusUnavailable(Exception):
    """NATS can't be reached, or did not confirm."""


TRANSIENT = (*DISCONNECTED, BusUnavailable, Unavailable, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an event reached its handler. `deliveries` counts from 1."""

    event_id: str
    deliveries: int
    occurred_at: datetime
    traceparent: str


Handler = Callable[[Any, Delivery], Awaitable[None]]


class DeadHandler(Protocol):
    """What is done about an event that was given up, so that the work it stood for fails with a clear error."""

    def __call__(self, event: Any, delivery: Delivery, reason: str) -> Awaitable[None]: ...


class Bus:
    """One service's connection to NATS. Make it with `connect`."""

    def __init__(self, client: Client, service: str, replicas: int) -> None:
        self._client = client
        self._jetstream: JetStreamContext = client.jetstream(timeout=PUBLISH_SECONDS)
        self._service = service
        self._replicas = replicas
        self._ensuring = asyncio.Lock()
        self._ensured_at = float("-inf")
        self._consumers: dict[str, api.ConsumerConfig] = {}

    @classmethod
    async def connect(cls, url: str, service: str, *, replicas: int = 1) -> "Bus":
        """Waits for NATS, checks its version, and makes the streams that are missing."""

        async def on_error(error: Exception) -> None:
            log.warning("nats", error=str(error) or type(error).__name__)

        async with asyncio.timeout(CONNECT_SECONDS):
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
                        allow_reconnect=True,
                    )
                    break
                except (OSError, nats.errors.Error) as error:
                    log.info("waiting for NATS", error=str(error))
                    await asyncio.sleep(REPAIR_SECONDS)
        version = client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            await client.close()
            found, oldest = f"{version.major}.{version.minor}", ".".join(map(str, OLDEST_SERVER))
            raise RuntimeError(f"NATS {found} is too old: subject filters need {oldest}")
        bus = cls(client, service, replicas)
        await bus._ensure()
        return bus

    async def ping(self) -> None:
        """Raises BusUnavailable if NATS does not answer."""
        if not self._client.is_connected:
            raise BusUnavailable("not connected to NATS")
        try:
            await self._client.flush(timeout=2)
        except (nats.errors.Error, TimeoutError) as error:
            raise BusUnavailable(str(error)) from error

    async def close(self) -> None:
        """Flushes and closes the connection."""
        with suppress(nats.errors.Error, TimeoutError, OSError):
            await asyncio.wait_for(self._client.close(), 2)

    async def publish(self, message: Message, *, event_id: str) -> None:
        """Publishes an event that has no outbox; the same id again within two minutes is dropped by the server."""
        await self.publish_raw(events.subject_of(message), wrap(message, event_id).SerializeToString(), event_id)

    async def publish_raw(self, subject: str, envelope: bytes, event_id: str) -> None:
        """Publishes an envelope and waits for the confirmation; BusUnavailable after a few tries without."""
        for attempt in range(PUBLISH_TRIES):
            try:
                await self._jetstream.publish(
                    subject, envelope, timeout=PUBLISH_SECONDS, headers={"Nats-Msg-Id": event_id}
                )
            except (nats.errors.Error, js_errors.Error, TimeoutError, OSError) as error:
                if attempt + 1 == PUBLISH_TRIES:
                    raise BusUnavailable(f"publishing to {subject}: {error or type(error).__name__}") from error
                await self._repair(error)
            else:
                telemetry.EVENTS_PUBLISHED.labels(subject).inc()
                return

    async def consume(
        self,
        handlers: Mapping[type[Message], Handler],
        *,
        max_in_flight: int,
        on_dead: DeadHandler | None = None,
        broadcast: str = "",
    ) -> None:
        """Hands events to handlers, for ever, at most `max_in_flight` of each stream at a time.

        A handler that returns has its event acknowledged. One that raises gets it again, later each time; in the end
        the event goes to the dead-letter stream and `on_dead` is called. With `broadcast`, a name unique to this
        process, every process gets every event from now on, instead of sharing them.
        """
        by_name = {kind.DESCRIPTOR.full_name: handler for kind, handler in handlers.items()}
        by_stream: dict[str, list[str]] = {}
        for kind in handlers:
            declared = events.event_type(kind)
            by_stream.setdefault(declared.stream, []).append(declared.filter_subject(self._service))
        for stream, subjects in by_stream.items():
            self._consumers[stream] = self._consumer_config(subjects, max_in_flight, broadcast)
        await self._repair(None)
        async with asyncio.TaskGroup() as workers:
            for stream in by_stream:
                for _ in range(max_in_flight):
                    workers.create_task(self._work(stream, by_name, on_dead))

    def _consumer_config(self, subjects: list[str], max_in_flight: int, broadcast: str) -> api.ConsumerConfig:
        config = api.ConsumerConfig(
            durable_name=f"{self._service}_{broadcast}" if broadcast else self._service,
            filter_subjects=sorted(subjects),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            # All processes of a service share the consumer, so the bound is wide; each process bounds itself.
            max_ack_pending=max(1000, max_in_flight),
        )
        if broadcast:
            config.deliver_policy = api.DeliverPolicy.NEW
            config.inactive_threshold = 300.0
        return config

    async def _work(self, stream: str, handlers: Mapping[str, Handler], on_dead: DeadHandler | None) -> None:
        """Takes one event after another. Each worker has a subscription of its own and asks for one event at a time:
        larger batches were seen to stall."""
        durable = self._consumers[stream].durable_name or ""
        subscription = None
        while True:
            end_if_cancelled()
            try:
                if subscription is None:
                    subscription = await self._jetstream.pull_subscribe_bind(durable, stream)
                message = (await subscription.fetch(1, timeout=FETCH_SECONDS))[0]
            except (TimeoutError, nats.errors.TimeoutError):
                continue
            except (nats.errors.Error, js_errors.Error, OSError) as error:
                await self._repair(error)
                continue
            await self._deliver(message, handlers, on_dead)

    async def _deliver(self, message: Msg, handlers: Mapping[str, Handler], on_dead: DeadHandler | None) -> None:
        deliveries = message.metadata.num_delivered
        try:
            envelope = Envelope.FromString(message.data)
            name = envelope.event.TypeName()
            event = events.event_types()[name].new()
            envelope.event.Unpack(event)
        except (DecodeError, KeyError) as error:
            await self._bury(message, Envelope(), deliveries, f"it can't be read: {error}")
            return
        delivery = Delivery(envelope.id, deliveries, envelope.occurred_at.ToDatetime(tzinfo=UTC), envelope.traceparent)
        handler = handlers.get(name)
        with telemetry.span(f"{name} handle", envelope.traceparent, SpanKind.CONSUMER):
            watch = Stopwatch()
            reason = "it was delivered too often without an end" if deliveries > MAX_TRANSIENT_DELIVERIES else ""
            heartbeat = asyncio.create_task(_say_in_progress(message))
            try:
                if handler is not None and not reason:
                    await handler(event, delivery)
                if not reason:
                    await message.ack_sync(timeout=PUBLISH_SECONDS)
                    telemetry.EVENT_SECONDS.labels(name, "done").observe(watch.seconds())
                    return
            except (nats.errors.Error, js_errors.Error) as error:
                # The effect is recorded; the event comes again and is recognised.
                log.warning("an event could not be acknowledged", event_type=name, error=str(error))
                return
            except Exception as error:
                transient = isinstance(error, TRANSIENT)
                limit = MAX_TRANSIENT_DELIVERIES if transient else MAX_DELIVERIES
                log.warning(
                    "an event's handler failed",
                    event_type=name,
                    event_id=envelope.id,
                    deliveries=deliveries,
                    exc_info=None if transient else error,
                    error=str(error),
                )
                telemetry.EVENT_SECONDS.labels(name, "failed").observe(watch.seconds())
                if deliveries < limit:
                    await self._nak(message, _retry_seconds(deliveries, transient))
                    return
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            finally:
                heartbeat.cancel()
            if on_dead is not None:
                try:
                    await on_dead(event, delivery, reason)
                except Exception as error:  # noqa: BLE001 - it is tried again with the event
                    log.error(
                        "an event that was given up could not be reported", event_id=envelope.id, error=str(error)
                    )
                    await self._nak(message, LONGEST_RETRY_SECONDS)
                    return
            await self._bury(message, envelope, deliveries, reason)

    async def _nak(self, message: Msg, delay: float) -> None:
        with suppress(nats.errors.Error, js_errors.Error, OSError):
            await message.nak(delay=delay)

    async def _bury(self, message: Msg, envelope: Envelope, deliveries: int, reason: str) -> None:
        died_at = Timestamp()
        died_at.GetCurrentTime()
        letter = DeadLetter(
            envelope=envelope,
            subject=message.subject,
            consumer=self._service,
            deliveries=deliveries,
            reason=reason,
            died_at=died_at,
        )
        log.error("an event was given up", event_id=envelope.id, subject=message.subject, reason=reason)
        telemetry.DEAD_LETTERS.labels(message.subject.split(".")[3]).inc()
        try:
            await self.publish_raw(
                events.DEAD_LETTER_SUBJECT, letter.SerializeToString(), f"dead-{self._service}-{envelope.id}"
            )
            await message.ack_sync(timeout=PUBLISH_SECONDS)
        except (BusUnavailable, nats.errors.Error, js_errors.Error) as error:
            log.warning("a dead letter could not be kept; its event comes again", error=str(error))

    async def _repair(self, cause: Exception | None) -> None:
        """Makes again what is missing on the server, and waits a little if it can't.

        Tasks that miss something together share one try: on a server that is away each try takes seconds.
        """
        clock = asyncio.get_running_loop().time
        missed_at = clock()
        async with self._ensuring:
            if self._ensured_at > missed_at:
                return
            self._ensured_at = clock()
            try:
                await self._ensure()
            except (nats.errors.Error, js_errors.Error, TimeoutError, OSError) as error:
                log.warning("NATS is not ready", error=str(error), cause=str(cause))
                await asyncio.sleep(REPAIR_SECONDS)

    async def _ensure(self) -> None:
        for owner in events.streams():
            await self._ensure_stream(events.stream_of(owner), events.subjects_of(owner), STREAM_AGE_SECONDS)
        await self._ensure_stream(events.DEAD_LETTER_STREAM, events.DEAD_LETTER_SUBJECT, DEAD_LETTER_AGE_SECONDS)
        for stream, config in self._consumers.items():
            await self._jetstream.add_consumer(stream, config)

    async def _ensure_stream(self, name: str, subject: str, max_age: float) -> None:
        config = api.StreamConfig(
            name=name,
            subjects=[subject],
            storage=api.StorageType.FILE,
            retention=api.RetentionPolicy.LIMITS,
            max_age=max_age,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            num_replicas=self._replicas,
        )
        try:
            await self._jetstream.stream_info(name)
        except js_errors.NotFoundError:
            await self._jetstream.add_stream(config)


async def _say_in_progress(message: Msg) -> None:
    while True:
        await asyncio.sleep(IN_PROGRESS_SECONDS)
        with suppress(nats.errors.Error):
            await message.in_progress()


def _retry_seconds(deliveries: int, transient: bool) -> float:
    longest = LONGEST_TRANSIENT_RETRY_SECONDS if transient else LONGEST_RETRY_SECONDS
    delay = min(FIRST_RETRY_SECONDS * 2 ** (deliveries - 1), longest) if deliveries < 20 else longest
    return delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
