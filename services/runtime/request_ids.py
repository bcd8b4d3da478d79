"""Request ids, which make a request repeatable.

The same request with the same id returns the first result. A different request with that id is refused. To tell them
apart, a fingerprint of the request is stored beside its id. Only this module computes fingerprints.
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
class EarlierRequest(Generic[T]):
    """The result of an earlier request with the same request id."""

    result: T
    fingerprint: bytes | None
    """The fingerprint of the earlier request, None if it was made before fingerprints were stored."""
    at: datetime
    """When the earlier request was made."""

    def repeated(self) -> T:
        """Returns the result if the current request is the same. Raises RequestIdReused if it is a different one."""
        current = current_fingerprint()
        if None not in (current, self.fingerprint) and current != self.fingerprint:
            raise RequestIdReused.of(self.at)
        return self.result


def has_request_id(message: Descriptor) -> bool:
    """Returns whether a request message has a request id."""
    return FIELD in message.fields_by_name


def remembering(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Returns a parser that also makes each message the current request."""

    def parse_and_remember(data: bytes) -> Any:
        message = parse(data)
        set_request(message)
        return message

    return parse_and_remember


def set_request(message: Message | None) -> None:
    """Makes a message the current request, for the rest of this task."""
    _request.set(message)


def current_fingerprint() -> bytes | None:
    """Returns the fingerprint of the current request, or None if it has no request id.

    It is the SHA-256 of the message's name and its deterministic encoding without the request id and unknown fields. So
    a request has the same fingerprint over gRPC, gRPC-Web and JSON, and requests of two RPCs never have the same one.
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
