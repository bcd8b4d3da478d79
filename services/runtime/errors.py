"""The errors that a caller can get. `error_status` converts them to gRPC statuses.

`reason` is the name of an ErrorReason (protos/voicearena/errors/v1) without its prefix. This module imports the
standard library only, so that domain code can import it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Self

TOO_MANY_FILES = "The service has too many open files and connections. Try again."


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field of a request.

    `field` is its path as written in JSON (`models[1].voice_id`), or empty if it is the whole request. `description`
    says what is allowed.
    """

    field: str
    description: str


class ArenaError(Exception):
    """An error that is returned to the caller.

    All subclasses have the same constructor, so that an error received from another service can be raised again. Only
    InvalidInput has `violations`.
    """

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, /, *violations: FieldViolation, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.violations = violations
        self.metadata = metadata


class InvalidInput(ArenaError):
    """One or more fields of the request are invalid."""

    reason = "INVALID_INPUT"

    @classmethod
    def of(cls, *violations: FieldViolation) -> Self:
        """Returns an error whose message names each invalid field."""
        message = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations)
        return cls(message, *violations)


class Unauthenticated(ArenaError):
    """The credentials of the call are not valid."""

    reason = "CREDENTIALS_INVALID"


class CredentialsMissing(Unauthenticated):
    """The call has no credentials."""

    reason = "CREDENTIALS_MISSING"


class PermissionDenied(ArenaError):
    """The caller is known but not allowed to do this."""

    reason = "PERMISSION_DENIED"


class NotFound(ArenaError):
    """The resource does not exist, or belongs to another developer."""

    reason = "NOT_FOUND"

    @classmethod
    def of(cls, what: str, name: str) -> Self:
        """Returns the error for a kind of resource (`what`) and the requested id or name."""
        return cls(f"There is no {what} {name!r}", resource=what)


class AlreadyExists(ArenaError):
    """A value that must be unique is in use already."""

    reason = "ALREADY_EXISTS"


class RequestIdReused(AlreadyExists):
    """The request id was used before, for a different request. The metadata has `first_used_at`."""

    reason = "REQUEST_ID_REUSED"

    @classmethod
    def of(cls, first_used_at: datetime) -> Self:
        """Returns the error with the time of the first use."""
        moment = f"{first_used_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(
            f"request_id: was used for another request at {moment}; repeat that request unchanged, or use a new id",
            field="request_id",
            first_used_at=moment,
        )


class WrongState(ArenaError):
    """The resource is in a state that does not allow this."""

    reason = "WRONG_STATE"


class Busy(ArenaError):
    """A bounded queue is full. A later try can succeed."""

    reason = "BUSY"


class ScopeMissing(PermissionDenied):
    """The caller's API key lacks the required scope. The metadata has `scope`."""

    reason = "SCOPE_MISSING"

    @classmethod
    def of(cls, scope: str) -> Self:
        """Returns the error for the missing scope."""
        return cls(f"This needs an API key with the scope {scope}", scope=scope)


class RateLimited(ArenaError):
    """The caller made too many calls in a short time."""

    reason = "RATE_LIMITED"


class QuotaExceeded(ArenaError):
    """The caller has reached a quota. The metadata has `limit`."""

    reason = "QUOTA_EXCEEDED"


class RequestTooLarge(ArenaError):
    """The request, or a file in it, is larger than is accepted."""

    reason = "REQUEST_TOO_LARGE"


class UnsupportedMediaType(ArenaError):
    """The request has a content type that is not accepted."""

    reason = "UNSUPPORTED_MEDIA_TYPE"


class Unavailable(ArenaError):
    """Something that the service needs is down. A later try can succeed."""

    reason = "UNAVAILABLE"


class DiskFull(Unavailable):
    """A disk that the service needs is full. A later try can succeed."""

    reason = "DISK_FULL"


class NotReady(ArenaError):
    """What the caller asked for is not ready yet. The metadata has `retry_after_seconds`."""

    reason = "NOT_READY"


class BusUnavailable(Exception):
    """NATS can't be reached, or did not confirm a message."""


class SynthesisFailed(ArenaError):
    """A speech engine returned no usable audio. The metadata has the `kind` of failure."""

    reason = "SYNTHESIS_FAILED"


class DeadlineExceeded(ArenaError):
    """The call was not finished before its deadline."""

    reason = "DEADLINE_EXCEEDED"


class RangeNotSatisfiable(ArenaError):
    """A requested range of bytes begins at or after the end. The metadata has the `size`."""

    reason = "RANGE_NOT_SATISFIABLE"


class PreconditionFailed(ArenaError):
    """The caller's condition (If-Match) on the stored bytes is not met."""

    reason = "PRECONDITION_FAILED"
