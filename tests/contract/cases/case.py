"""What a case of the API is: a call, made over each protocol, and what has to come of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]

# How an error's code comes out over HTTP; a code with two statuses is told apart by the reason.
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
}


@dataclass(frozen=True)
class Given:
    """Stands in a request or an answer for what is there already; World knows it by name."""

    name: str


@dataclass(frozen=True)
class Ok:
    """The call is answered. `fields` are compared as `matching.differences` says, with the last message of a stream."""

    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Fails:
    """The call fails, and nothing is left behind."""

    reason: str
    fields: tuple[str, ...] = ()
    """The fields that are to blame, all of them."""
    says: str = ""
    """What the message has to contain."""
    metadata: Fields = field(default_factory=dict)
    json_reason: str = ""
    """Where the gateway sees to it before the service does."""

    def reason_over(self, protocol: str) -> str:
        return self.json_reason if protocol == "json" and self.json_reason else self.reason


# A request id that was used for another request.
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
    """Whose key the call carries: developer, somebody_else, nobody, or what is wrong with the key."""
