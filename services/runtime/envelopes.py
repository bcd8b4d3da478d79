"""Wraps events for the bus and unwraps them."""

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from voicearena.events.v1.envelope_pb2 import Envelope

from services.runtime.clock import now
from services.runtime.telemetry import current_traceparent


def wrap(message: Message, event_id: str, traceparent: str = "") -> Envelope:
    """Returns the envelope of an event that happens now, in the trace that is given or else the current one."""
    occurred_at = Timestamp()
    occurred_at.FromDatetime(now())
    envelope = Envelope(id=event_id, occurred_at=occurred_at, traceparent=traceparent or current_traceparent())
    envelope.event.Pack(message)
    return envelope
