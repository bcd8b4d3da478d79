"""A case of the API: a call that is made over each protocol, and its expected result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]

# The HTTP status of each gRPC code.
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}
CODES = {
    "INVALID_INPUT": "INVALID_ARGUMENT",
    "MALFORMED_REQUEST": "INVALID_ARGUMENT",
    "CREDENTIALS_MISSING": "UNAUTHENTICATED",
    "CREDENTIALS_INVALID": "UNAUTHENTICATED",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "SCOPE_MISSING": "PERMISSION_DENIED",
    "NOT_FOUND": "NOT_FOUND",
    "ALREADY_EXISTS": "ALREADY_EXISTS",
    "REQUEST_ID_REUSED": "ALREADY_EXISTS",
    "WRONG_STATE": "ABORTED",
    "BUSY": "RESOURCE_EXHAUSTED",
    "QUOTA_EXCEEDED": "RESOURCE_EXHAUSTED",
    "SYNTHESIS_FAILED": "UNAVAILABLE",
    "NOT_READY": "UNAVAILABLE",
}


@dataclass(frozen=True)
class Given:
    """A placeholder in a request or response for a value that World provides by this name."""

    name: str


@dataclass(frozen=True)
class Ok:
    """The call succeeds. `fields` are compared with the (last) message by `matching.differences`."""

    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Fails:
    """The call fails and leaves no rows behind."""

    reason: str
    fields: tuple[str, ...] = ()
    """All invalid fields."""
    says: str = ""
    """A text that the message must contain."""
    metadata: Fields = field(default_factory=dict)
    json_reason: str = ""
    """The reason over JSON if the gateway refuses the call before the service does."""

    def reason_over(self, protocol: str) -> str:
        return self.json_reason if protocol == "json" and self.json_reason else self.reason


# The request_id was used for another request.
REUSED = Fails(
    "REQUEST_ID_REUSED",
    says="for another request",
    metadata={"field": "request_id", "first_used_at": re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")},
)


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    rpc: str
    request: Fields
    expect: Ok | Fails
    caller: str = "developer"
    """Who calls: developer, somebody_else, nobody, or the name of a key; see CaseWorld.headers."""
