"""The outcome of a call, in the same form for every protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

DOMAIN = "voicearena"


@dataclass(frozen=True)
class Outcome:
    """A response or an error. `messages` are in the API's JSON form; there is one unless the RPC streams."""

    code: str = "OK"
    """The name of a google.rpc.Code."""
    messages: Sequence[Mapping[str, Any]] = ()
    raw: bytes = b""
    """The bytes of a response that is not JSON. Its message then has only `content_type`."""
    message: str = ""
    """The error message."""
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    """The invalid fields of the request."""
    http_status: int | None = None
    """Set for JSON only."""

    @property
    def answer(self) -> dict[str, Any]:
        """The only message of a successful response."""
        assert self.code == "OK", f"{self.code} {self.reason}: {self.message}"
        (message,) = self.messages
        return dict(message)


def json_form(message: Message) -> dict[str, Any]:
    """Returns a message in the JSON form that the gateway must write."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def succeeded(messages: Sequence[Message], *, raw: bool) -> Outcome:
    """Returns the outcome of a successful call from its protobuf messages."""
    if not raw:
        return Outcome(messages=[json_form(message) for message in messages])
    bodies = [HttpBody.FromString(message.SerializeToString()) for message in messages]
    return Outcome(messages=[{"content_type": bodies[0].content_type}], raw=b"".join(body.data for body in bodies))


def failed(status: status_pb2.Status, http_status: int | None = None) -> Outcome:
    """Returns the outcome of a failed call. Asserts that the error has one ErrorInfo with the project's domain."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    kinds = [_unpack(detail, info, bad) for detail in status.details]
    assert sorted(kinds) in (["BadRequest", "ErrorInfo"], ["ErrorInfo"]), f"details {kinds} of {status.message!r}"
    assert info.domain == DOMAIN
    assert all(violation.description for violation in bad.field_violations)
    return Outcome(
        code=code_pb2.Code.Name(status.code),
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=tuple(violation.field for violation in bad.field_violations),
        http_status=http_status,
    )


def _unpack(packed: PackedAny, *kinds: Message) -> str:
    for kind in kinds:
        if packed.Unpack(kind):
            return kind.DESCRIPTOR.name
    return packed.type_url
