"""Request ids, which make a call repeatable: the same call again returns the first result, and another one is refused.

A fingerprint of the call is stored beside the request id with which it came. It is computed here and nowhere else.
"""

import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.runtime.errors import RequestIdReused

FIELD = "request_id"
T = TypeVar("T")

_request: ContextVar[Message | None] = ContextVar("request", default=None)


@dataclass(frozen=True, slots=True)
class Earlier(Generic[T]):
    """What an earlier call with a request id made."""

    result: T
    fingerprint: bytes | None
    """The fingerprint of that call, None if it was made before fingerprints were stored."""
    at: datetime
    """When it was made."""

    def repeated(self) -> T:
        """Returns the first result to the call at hand; RequestIdReused if that is another call."""
        ours = current_fingerprint()
        if None not in (ours, self.fingerprint) and ours != self.fingerprint:
            raise RequestIdReused.of(self.at)
        return self.result


def has_request_id(message: Descriptor) -> bool:
    """Says whether calls with this request message can be repeated."""
    return FIELD in message.fields_by_name


def noted(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Returns a parser that notes each message as the request of the call at hand."""

    def parse_and_note(data: bytes) -> Any:
        message = parse(data)
        set_request(message)
        return message

    return parse_and_note


def set_request(message: Message | None) -> None:
    """Makes a message the request of the call at hand, for the rest of this task."""
    _request.set(message)


def current_fingerprint() -> bytes | None:
    """Returns the fingerprint of the call at hand, None if it has no request id.

    It is the SHA-256 of the message's name and of its deterministic encoding without the request id and without fields
    that are not known. So one call has one fingerprint over gRPC, gRPC-Web and JSON, and two RPCs never have the same.
    """
    message = _request.get()
    if message is None or not getattr(message, FIELD):
        return None
    rest = type(message)()
    rest.CopyFrom(message)
    rest.ClearField(FIELD)
    rest.DiscardUnknownFields()
    name = message.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + rest.SerializeToString(deterministic=True)).digest()
