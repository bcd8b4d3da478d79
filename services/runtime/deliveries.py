"""What happens to an event that the bus delivers: it is handled, tried again later, or given up with its reason."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import nats.errors
import structlog
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.msg import Msg
from nats.js import errors as js_errors
from opentelemetry.trace import SpanKind
from voicearena.events.v1.envelope_pb2 import DeadLetter, Envelope

from services.runtime import events, status, telemetry
from services.runtime.backoff import Backoff
from services.runtime.db import DISCONNECTED
from services.runtime.errors import BusUnavailable, Unavailable
from services.runtime.event_loop import Stopwatch
from services.runtime.outside_text import first_line
from services.runtime.periodic import periodic

log = structlog.get_logger()

ACK_SECONDS = 5.0
# Well within the time after which the bus would give the event to another.
IN_PROGRESS_SECONDS = 3.0
# How often an event that a handler fails on is delivered before it is given up.
MAX_DELIVERIES = 6
# What fails because something it needs is away is worth more patience. It also bounds events that kill their worker.
MAX_TRANSIENT_DELIVERIES = 200
RETRIES = Backoff(0.25, 30.0, jitter=1.0)
TRANSIENT_RETRIES = Backoff(0.25, 3.0, jitter=1.0)

# The fields of events that say what they are about.
LOGGED_IDS = ("experiment_id", "run_id", "job_id")


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


Publish = Callable[[str, bytes, str], Awaitable[None]]
"""Publishes an envelope under a subject and an id, or raises BusUnavailable."""

Erase = Callable[[str, int], Awaitable[None]]
"""Deletes the message of a stream with this sequence number."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A message as it was read."""

    name: str
    envelope: Envelope
    event: Message


class Deliveries:
    """Hands the events of one service to its handlers."""

    def __init__(
        self,
        service: str,
        handlers: Mapping[type[Message], Handler],
        on_dead: DeadHandler | None,
        publish: Publish,
        erase: Erase,
    ) -> None:
        self._service = service
        self._handlers = {kind.DESCRIPTOR.full_name: handler for kind, handler in handlers.items()}
        self._on_dead = on_dead
        self._publish = publish
        self._erase = erase

    async def deliver(self, message: Msg) -> None:
        """Deals with one message to its acknowledgement, of whatever kind.

        Raises nothing but a cancellation, and then the message has been handed back.
        """
        try:
            read = _read(message)
        except (DecodeError, KeyError) as error:
            await self._bury(message, None, f"it can't be read: {error}")
            return
        envelope, tries = read.envelope, message.metadata.num_delivered
        delivery = Delivery(envelope.id, tries, envelope.occurred_at.ToDatetime(tzinfo=UTC), envelope.traceparent)
        try:
            with (
                telemetry.span(f"{read.name} handle", envelope.traceparent, SpanKind.CONSUMER),
                telemetry.working_on(**_ids_of(read.event)),
            ):
                fault = await self._handle(message, read, delivery)
                if fault is not None:
                    await self._give_up(message, read, delivery, fault)
        except asyncio.CancelledError:
            # Another process takes it over at once; if it was acknowledged already, the server ignores this.
            await _nak(message, 0)
            raise

    async def _handle(self, message: Msg, read: _Read, delivery: Delivery) -> Exception | None:
        """Runs the handler; returns why the event is to be given up, None if it is done or comes again."""
        if delivery.deliveries > MAX_TRANSIENT_DELIVERIES:
            return Unavailable("it was delivered too often without an end")
        watch = Stopwatch()
        heartbeat = asyncio.create_task(_say_in_progress(message))
        try:
            if (handler := self._handlers.get(read.name)) is not None:
                await handler(read.event, delivery)
            await message.ack_sync(timeout=ACK_SECONDS)
            await self._forget(message)
            telemetry.EVENT_SECONDS.labels(read.name, "done").observe(watch.seconds())
        except (nats.errors.Error, js_errors.Error) as error:
            # The effect is recorded; the event comes again and is recognised.
            log.warning("an event could not be acknowledged", event_type=read.name, error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is retried or buried, never lost
            telemetry.EVENT_SECONDS.labels(read.name, "failed").observe(watch.seconds())
            return await self._failed(message, read, delivery, error)
        finally:
            heartbeat.cancel()
        return None

    async def _failed(self, message: Msg, read: _Read, delivery: Delivery, error: Exception) -> Exception | None:
        transient = isinstance(error, TRANSIENT)
        log.warning(
            "an event's handler failed",
            event_type=read.name,
            event_id=delivery.event_id,
            deliveries=delivery.deliveries,
            exc_info=None if transient else error,
            error=str(error),
        )
        if delivery.deliveries < (MAX_TRANSIENT_DELIVERIES if transient else MAX_DELIVERIES):
            await _nak(message, (TRANSIENT_RETRIES if transient else RETRIES).seconds(delivery.deliveries))
            return None
        return error

    async def _give_up(self, message: Msg, read: _Read, delivery: Delivery, fault: Exception) -> None:
        if self._on_dead is not None:
            try:
                # Who asked for the work reads it, so it is told in words that name no host, user or path.
                await self._on_dead(read.event, delivery, status.reason_of(fault))
            except Exception as error:  # noqa: BLE001 - it is tried again with the event
                log.error("what was given up could not be reported", event_id=delivery.event_id, error=str(error))
                await _nak(message, RETRIES.max_seconds)
                return
        await self._bury(message, read.envelope, first_line(fault))

    async def _bury(self, message: Msg, envelope: Envelope | None, reason: str) -> None:
        """Keeps the event as a dead letter, then acknowledges it."""
        # What can't be read has no id of its own but its place in the stream.
        event_id = envelope.id if envelope else f"{message.metadata.stream}-{message.metadata.sequence.stream}"
        died_at = Timestamp()
        died_at.GetCurrentTime()
        letter = DeadLetter(
            envelope=events.redacted(envelope) if envelope else None,
            # Nobody can tell what of it somebody wrote.
            unreadable=b"" if envelope or events.is_private(message.subject) else message.data,
            subject=message.subject,
            consumer=self._service,
            deliveries=message.metadata.num_delivered,
            reason=reason,
            died_at=died_at,
        )
        log.error("an event was given up", event_id=event_id, subject=message.subject, reason=reason)
        telemetry.DEAD_LETTERS.labels(message.subject.split(".")[3]).inc()
        try:
            await self._publish(
                events.DEAD_LETTER_SUBJECT, letter.SerializeToString(), f"dead-{self._service}-{event_id}"
            )
            await message.ack_sync(timeout=ACK_SECONDS)
            await self._forget(message)
        except (BusUnavailable, nats.errors.Error, js_errors.Error) as error:
            log.warning("a dead letter could not be kept; its event comes again", error=str(error))

    async def _forget(self, message: Msg) -> None:
        """Deletes an event from the bus that carries what somebody wrote. Its one consumer is done with it."""
        if events.is_private(message.subject):
            await self._erase(message.metadata.stream, message.metadata.sequence.stream)


def _read(message: Msg) -> _Read:
    """Unpacks a message; DecodeError or KeyError if it is no event that is known here."""
    envelope = Envelope.FromString(message.data)
    name = envelope.event.TypeName()
    event = events.event_types()[name].new()
    envelope.event.Unpack(event)
    return _Read(name, envelope, event)


def _ids_of(event: Message) -> dict[str, str]:
    return {name: getattr(event, name) for name in LOGGED_IDS if name in event.DESCRIPTOR.fields_by_name}


async def _nak(message: Msg, delay: float) -> None:
    with suppress(nats.errors.Error, js_errors.Error, OSError):
        await message.nak(delay=delay)


async def _say_in_progress(message: Msg) -> None:
    await asyncio.sleep(IN_PROGRESS_SECONDS)
    await periodic(message.in_progress, IN_PROGRESS_SECONDS, outages=(nats.errors.Error,))
