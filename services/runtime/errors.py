"""Typed errors that domain code raises; `error_status` turns them into what travels on the wire.

`reason` is the name of an ErrorReason (protos/voicearena/errors/v1) without its prefix. This module imports the
standard library only, so that domain code may import it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Self

TOO_MANY_FILES = "this service has too many files and connections open; try again"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is not as it has to be.

    `field` is its path as JSON users write it (`models[1].voice_id`), empty if it is all of the request; `description`
    says what is allowed.
    """

    field: str
    description: str


class ArenaError(Exception):
    """An error that a caller is told about.

    All kinds are made of the same parts, so that one that was received is made anew. `violations` are of InvalidInput.
    """

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, /, *violations: FieldViolation, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.violations = violations
        self.metadata = metadata


class InvalidInput(ArenaError):
    """One or more fields of the request are not as they have to be."""

    reason = "INVALID_INPUT"

    @classmethod
    def of(cls, *violations: FieldViolation) -> Self:
        """Returns the error that names all fields that are to blame."""
        said = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations)
        return cls(said, *violations)


class Unauthenticated(ArenaError):
    """The caller is not known."""

    reason = "CREDENTIALS_INVALID"


class CredentialsMissing(Unauthenticated):
    """The call carries nothing that says who calls."""

    reason = "CREDENTIALS_MISSING"


class PermissionDenied(ArenaError):
    """The caller may see it but not do this to it."""

    reason = "PERMISSION_DENIED"


class NotFound(ArenaError):
    """There is no such thing, or it is somebody else's."""

    reason = "NOT_FOUND"

    @classmethod
    def of(cls, what: str, name: str) -> Self:
        """Returns the error for a kind of thing and the id or name that was asked for."""
        return cls(f"there is no {what} {name!r}", resource=what)


class AlreadyExists(ArenaError):
    """Something that has to be unique is taken."""

    reason = "ALREADY_EXISTS"


class RequestIdReused(AlreadyExists):
    """The request id was used before, for another call; metadata has `first_used_at`."""

    reason = "REQUEST_ID_REUSED"

    @classmethod
    def of(cls, first_used_at: datetime) -> Self:
        """Returns the error with the time at which the id was used first."""
        moment = f"{first_used_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(
            f"request_id: it was used at {moment} for another request: send exactly that one again, or a new id",
            field="request_id",
            first_used_at=moment,
        )


class WrongState(ArenaError):
    """The thing is not in a state that allows this."""

    reason = "WRONG_STATE"


class Busy(ArenaError):
    """A bounded queue is full; later it may not be."""

    reason = "BUSY"


class ScopeMissing(PermissionDenied):
    """The caller's key does not hold the scope that this takes; metadata has it."""

    reason = "SCOPE_MISSING"

    @classmethod
    def of(cls, scope: str) -> Self:
        """Returns the error for the scope that is missing."""
        return cls(f"this takes an API key with the scope {scope}", scope=scope)


class RateLimited(ArenaError):
    """Too many calls in too short a time."""

    reason = "RATE_LIMITED"


class QuotaExceeded(ArenaError):
    """The caller has as many of these at a time as allowed; metadata has the limit."""

    reason = "QUOTA_EXCEEDED"


class RequestTooLarge(ArenaError):
    """The request, or a file in it, is larger than is accepted."""

    reason = "REQUEST_TOO_LARGE"


class UnsupportedMediaType(ArenaError):
    """The request has a content type that is not accepted."""

    reason = "UNSUPPORTED_MEDIA_TYPE"


class Unavailable(ArenaError):
    """Something that is needed is down; later it may not be."""

    reason = "UNAVAILABLE"


class DiskFull(Unavailable):
    """There is no room on a disk that is needed; later there may be."""

    reason = "DISK_FULL"


class BusUnavailable(Exception):
    """NATS can't be reached, or did not confirm."""


class SynthesisFailed(ArenaError):
    """A speech engine gave no usable audio; metadata has its `kind`."""

    reason = "SYNTHESIS_FAILED"


class DeadlineExceeded(ArenaError):
    """It was not done in the time given."""

    reason = "DEADLINE_EXCEEDED"


class RangeNotSatisfiable(ArenaError):
    """A range of bytes begins where there are none; metadata has the size."""

    reason = "RANGE_NOT_SATISFIABLE"


class PreconditionFailed(ArenaError):
    """The caller's condition on what is stored does not hold."""

    reason = "PRECONDITION_FAILED"
