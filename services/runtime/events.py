"""The events of the mesh, with the subjects and streams that their protos declare.

Code publishes and consumes messages. Only this module builds the names of subjects and streams.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from voicearena.events.v1 import options_pb2
from voicearena.events.v1.envelope_pb2 import Envelope

from services.runtime.clock import now, timestamp
from services.runtime.mesh import stubs
from services.runtime.telemetry import current_traceparent

EVENT_MODULES = tuple(stubs("events_pb2"))
DEAD_LETTER_STREAM = "DEAD_LETTERS"
DEAD_LETTER_SUBJECT = "voicearena.dead_letters"
UNANNOUNCED = "unannounced"


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event and its options."""

    descriptor: Descriptor
    subject: str
    per_requester: bool
    consumers: tuple[str, ...]
    until_confirmed: bool
    for_webhooks: bool

    @property
    def owner(self) -> str:
        """The service that declares the event."""
        return self.subject.split(".")[1]

    def new(self) -> Message:
        """Returns an empty message of this type."""
        return message_factory.GetMessageClass(self.descriptor)()

    @property
    def stream(self) -> str:
        """The name of its JetStream stream. Each service that declares events has one."""
        return stream_of(self.owner)

    @property
    def is_command(self) -> bool:
        """Whether the event requests work."""
        return self.descriptor.name.endswith("Requested")

    @property
    def is_private(self) -> bool:
        """Whether it contains text that a person wrote, such as a prompt: a field that is marked `debug_redact`."""
        return any(field.GetOptions().debug_redact for field in self.descriptor.fields)

    def filter_subject(self, consumer: str) -> str:
        """Returns the subject to which a service subscribes.

        If the subject ends with the requester, a service gets the commands of all requesters, but only its own facts.
        """
        if not self.per_requester:
            return self.subject
        return f"{self.subject}.{'*' if self.is_command else consumer}"


def stream_of(service: str) -> str:
    """Returns the name of the stream of a service's events."""
    return f"VOICEARENA_{service.upper()}"


def subjects_of(service: str) -> str:
    """Returns the wildcard for all subjects of a service's events."""
    return f"voicearena.{service}.>"


@cache
def event_types() -> dict[str, EventType]:
    """Returns all event types of the mesh by the full name of their message, in the order of the protos."""
    found: dict[str, EventType] = {}
    for module in EVENT_MODULES:
        for descriptor in module.DESCRIPTOR.message_types_by_name.values():
            options = descriptor.GetOptions().Extensions[options_pb2.event]
            if options.subject:
                found[descriptor.full_name] = EventType(
                    descriptor,
                    options.subject,
                    options.per_requester,
                    tuple(options.consumers),
                    options.until_confirmed,
                    options.for_webhooks,
                )
    return found


def event_type(message: Message | type[Message]) -> EventType:
    """Returns the event type of a message. Raises KeyError if it is not an event."""
    return event_types()[message.DESCRIPTOR.full_name]


def subject_of(message: Message) -> str:
    """Returns the subject of an event. Raises ValueError if its requester is no service name.

    A fact that is only for webhooks has another subject if it names none. No service consumes it there.
    """
    kind = event_type(message)
    if kind.for_webhooks and not message.webhook_url:  # type: ignore[attr-defined]
        return f"{kind.subject}.{UNANNOUNCED}"
    if not kind.per_requester:
        return kind.subject
    requester: str = message.requester  # type: ignore[attr-defined]
    if not requester.isidentifier():
        raise ValueError(f"{kind.descriptor.name} needs the name of a service as requester, got {requester!r}")
    return f"{kind.subject}.{requester}"


def probe_subject(service: str) -> str:
    """Returns the subject of probes, with which a service checks that it can publish. Probes have no consumer.

    It belongs to the service's own stream, or to the first stream if the service has none.
    """
    owners = list(streams())
    return f"voicearena.{service if service in owners else owners[0]}.probe"


@cache
def private_subjects() -> tuple[str, ...]:
    """Returns the subjects of private events, without the requester."""
    return tuple(kind.subject for kind in event_types().values() if kind.is_private)


@cache
def _private_prefixes() -> tuple[str, ...]:
    return tuple(f"{subject}." for subject in private_subjects())


@cache
def confirmed_subjects() -> tuple[str, ...]:
    """Returns the subjects of events that are published again until a consumer has confirmed them."""
    return tuple(kind.subject for kind in event_types().values() if kind.until_confirmed)


def consumers_of(subject: str) -> tuple[str, ...]:
    """Returns the services that consume the events of a subject without a requester."""
    return next((kind.consumers for kind in event_types().values() if kind.subject == subject), ())


def is_private(subject: str) -> bool:
    """Returns whether events of this subject are private."""
    return subject in private_subjects() or subject.startswith(_private_prefixes())


def redacted(envelope: Envelope) -> Envelope:
    """Returns an envelope without its event's private fields."""
    kind = event_types().get(envelope.event.TypeName())
    if kind is None or not kind.is_private:
        return envelope
    event = kind.new()
    envelope.event.Unpack(event)
    for field in kind.descriptor.fields:
        if field.GetOptions().debug_redact:
            event.ClearField(field.name)
    result = Envelope()
    result.CopyFrom(envelope)
    result.event.Pack(event)
    return result


def streams() -> Iterable[str]:
    """Returns the names of the services that declare events."""
    return dict.fromkeys(kind.owner for kind in event_types().values())


def wrap(message: Message, event_id: str, traceparent: str = "") -> Envelope:
    """Returns the envelope of an event that occurs now. It belongs to the given trace, by default the current one."""
    envelope = Envelope(id=event_id, occurred_at=timestamp(now()), traceparent=traceparent or current_traceparent())
    envelope.event.Pack(message)
    return envelope
