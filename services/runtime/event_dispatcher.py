"""Handles the events that a service receives. An event that fails is retried later, or becomes a dead event."""

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
from services.runtime.disconnections import is_disconnected
from services.runtime.errors import BusUnavailable, Unavailable
from services.runtime.event_loop import Stopwatch
from services.runtime.outside_text import first_line
from services.runtime.periodic import periodic

log = structlog.get_logger()

ACK_TIMEOUT_SECONDS = 5.0
# Well below bus.ACK_WAIT_SECONDS, after which the bus would give the event to another process.
IN_PROGRESS_INTERVAL_SECONDS = 3.0
MAX_ATTEMPTS = 6
# For events that fail because something else is down. It also limits events that kill their worker.
MAX_TRANSIENT_ATTEMPTS = 200
RETRIES = Backoff(0.25, 30.0, jitter=1.0)
TRANSIENT_RETRIES = Backoff(0.25, 3.0, jitter=1.0)

# Fields of events that are logged while the event is handled.
LOGGED_IDS = ("experiment_id", "run_id", "job_id")


TRANSIENT_ERRORS = (BusUnavailable, Unavailable, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class EventMetadata:
    """What a handler gets beside the event itself."""

    event_id: str
    attempt: int
    """The attempt number, starting at 1."""
    occurred_at: datetime
    traceparent: str


Handler = Callable[[Any, EventMetadata], Awaitable[None]]


class DeadHandler(Protocol):
    """Handles a dead event, so that the work it requested fails with a clear error."""

    def __call__(self, event: Any, metadata: EventMetadata, reason: str, /) -> Awaitable[None]: ...


def in_turn(*parts: Mapping[type[Message], Handler]) -> Mapping[type[Message], Handler]:
    """Returns the handlers of several parts of a service. An event that several of them handle gets to each in turn.

    If one of them raises, the event is retried for all of them.
    """
    by_kind: dict[type[Message], list[Handler]] = {}
    for part in parts:
        for kind, handler in part.items():
            by_kind.setdefault(kind, []).append(handler)

    def together(handlers: list[Handler]) -> Handler:
        async def handle(event: Any, metadata: EventMetadata) -> None:
            for handler in handlers:
                await handler(event, metadata)

        return handle

    return {kind: together(handlers) for kind, handlers in by_kind.items()}


def dead_in_turn(*parts: DeadHandler) -> DeadHandler:
    """Returns the handler of dead events of several parts of a service. Each of them ignores events of the others."""

    async def dead(event: Message, metadata: EventMetadata, reason: str) -> None:
        for part in parts:
            await part(event, metadata, reason)

    return dead


Publish = Callable[[str, bytes, str], Awaitable[None]]
"""Publishes an envelope, given its subject and event id. Raises BusUnavailable if that fails."""

Erase = Callable[[str, int], Awaitable[None]]
"""Deletes a message, given its stream and sequence number."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A message and what was parsed from it."""

    message: Msg

    name: str
    envelope: Envelope
    event: Message


class EventDispatcher:
    """Calls the handlers of a service for the events that it receives."""

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

    async def dispatch(self, message: Msg) -> None:
        """Handles one message, and acknowledges it or returns it to the bus.

        Raises only CancelledError, after returning the message to the bus.
        """
        try:
            parsed = _parse(message)
        except (DecodeError, KeyError) as error:
            await self._publish_dead_letter(message, None, f"the message can't be parsed: {error}")
            return
        envelope, attempt = parsed.envelope, message.metadata.num_delivered
        metadata = EventMetadata(
            envelope.id, attempt, envelope.occurred_at.ToDatetime(tzinfo=UTC), envelope.traceparent
        )
        try:
            with (
                telemetry.span(f"{parsed.name} handle", envelope.traceparent, SpanKind.CONSUMER),
                telemetry.working_on(**_logged_ids(parsed.event)),
            ):
                fault = await self._handle(parsed, metadata)
                if fault is not None:
                    await self._give_up(parsed, metadata, fault)
        except asyncio.CancelledError:
            # Another process gets it at once. If it was acknowledged already, the server ignores this.
            await _nak(message, 0)
            raise

    async def _handle(self, parsed: _Parsed, metadata: EventMetadata) -> Exception | None:
        """Calls the handler. Returns the error if this was the last attempt, None if it succeeded or is retried."""
        if metadata.attempt > MAX_TRANSIENT_ATTEMPTS:
            return Unavailable("too many attempts did not finish")
        watch = Stopwatch()
        heartbeat = asyncio.create_task(_send_heartbeats(parsed.message))
        try:
            if (handler := self._handlers.get(parsed.name)) is not None:
                await handler(parsed.event, metadata)
            await parsed.message.ack_sync(timeout=ACK_TIMEOUT_SECONDS)
            await self._erase_private(parsed.message)
            telemetry.EVENT_SECONDS.labels(parsed.name, "done").observe(watch.seconds())
        except (nats.errors.Error, js_errors.Error) as error:
            # The effect is committed. The event comes again and has no second effect.
            log.warning("an event could not be acknowledged", event_type=parsed.name, error=str(error))
        except Exception as error:  # noqa: BLE001 - after any error the event is retried or becomes a dead event
            telemetry.EVENT_SECONDS.labels(parsed.name, "failed").observe(watch.seconds())
            return await self._failed(parsed, metadata, error)
        finally:
            heartbeat.cancel()
        return None

    async def _failed(self, parsed: _Parsed, metadata: EventMetadata, error: Exception) -> Exception | None:
        transient = is_disconnected(error) or isinstance(error, TRANSIENT_ERRORS)
        log.warning(
            "an event's handler failed",
            event_type=parsed.name,
            event_id=metadata.event_id,
            deliveries=metadata.attempt,
            exc_info=None if transient else error,
            error=str(error),
        )
        if metadata.attempt < (MAX_TRANSIENT_ATTEMPTS if transient else MAX_ATTEMPTS):
            await _nak(parsed.message, (TRANSIENT_RETRIES if transient else RETRIES).seconds(metadata.attempt))
            return None
        return error

    async def _give_up(self, parsed: _Parsed, metadata: EventMetadata, fault: Exception) -> None:
        if self._on_dead is not None:
            try:
                # Developers can read the reason, so it names no host, user or path.
                await self._on_dead(parsed.event, metadata, status.failure_reason(fault))
            except Exception as error:  # noqa: BLE001 - the event comes again, and this is tried again
                log.error("a dead event could not be handled", event_id=metadata.event_id, error=str(error))
                await _nak(parsed.message, RETRIES.max_seconds)
                return
        await self._publish_dead_letter(parsed.message, parsed.envelope, first_line(fault))

    async def _publish_dead_letter(self, message: Msg, envelope: Envelope | None, reason: str) -> None:
        """Publishes the dead event to the dead-letter stream, then acknowledges it."""
        # A message that can't be parsed has no event id.
        event_id = envelope.id if envelope else f"{message.metadata.stream}-{message.metadata.sequence.stream}"
        died_at = Timestamp()
        died_at.GetCurrentTime()
        letter = DeadLetter(
            envelope=events.redacted(envelope) if envelope else None,
            # The private fields of a message that can't be parsed are not known.
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
            await message.ack_sync(timeout=ACK_TIMEOUT_SECONDS)
            await self._erase_private(message)
        except (BusUnavailable, nats.errors.Error, js_errors.Error) as error:
            log.warning("a dead letter could not be published; its event comes again", error=str(error))

    async def _erase_private(self, message: Msg) -> None:
        """Deletes a private event from the bus. A private event has one consumer, which has handled it."""
        if events.is_private(message.subject):
            await self._erase(message.metadata.stream, message.metadata.sequence.stream)


def _parse(message: Msg) -> _Parsed:
    """Parses a message. Raises DecodeError or KeyError if it is no known event."""
    envelope = Envelope.FromString(message.data)
    name = envelope.event.TypeName()
    event = events.event_types()[name].new()
    envelope.event.Unpack(event)
    return _Parsed(message, name, envelope, event)


def _logged_ids(event: Message) -> dict[str, str]:
    return {name: getattr(event, name) for name in LOGGED_IDS if name in event.DESCRIPTOR.fields_by_name}


async def _nak(message: Msg, delay: float) -> None:
    with suppress(nats.errors.Error, js_errors.Error, OSError):
        await message.nak(delay=delay)


async def _send_heartbeats(message: Msg) -> None:
    await asyncio.sleep(IN_PROGRESS_INTERVAL_SECONDS)
    await periodic(message.in_progress, IN_PROGRESS_INTERVAL_SECONDS, outages=(nats.errors.Error,))
