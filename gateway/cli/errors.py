"""The errors of commands: what they print and their exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc
    from google.rpc import error_details_pb2, status_pb2

STATUS_DETAILS_KEY = "grpc-status-details-bin"

HINT_START = "Start the mesh with `arena up`, or give the URL of another one with --url."
HINT_DOCTOR = "Run `arena doctor` to see which part is down."
HINT_KEY = "Get a key with `arena register --name NAME --email ADDRESS`, or store an existing one with `arena login`."


class ExitCode(IntEnum):
    """The exit codes of `arena`. They are stable, so scripts can rely on them."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_AUTHENTICATED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    EXPERIMENT_NOT_COMPLETED = 7
    INTERRUPTED = 130


EXIT_CODES_HELP = (
    "Exit codes: 0 success, 1 unexpected error or a problem found by doctor or metrics audit, 2 bad input, "
    "3 not authenticated, 4 not found, 5 conflict or wrong state, 6 not reachable or timed out, 7 the experiment or "
    "evaluation failed or was cancelled, 130 interrupted."
)


class CliError(Exception):
    """A command failed.

    `details` are further lines, such as one for each bad field. `hint` says what to do. `retryable` is true if the
    same call may work later, for example after a dropped connection. `reason` and `metadata` are those of the server's
    ErrorInfo.
    """

    def __init__(
        self,
        message: str,
        exit_code: ExitCode = ExitCode.UNEXPECTED,
        *,
        hint: str = "",
        details: Sequence[str] = (),
        retryable: bool = False,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint
        self.details = tuple(details)
        self.retryable = retryable
        self.reason = reason
        self.metadata = dict(metadata or {})

    def lines(self) -> list[str]:
        """Returns the lines to print on stderr."""
        return [
            f"arena: {self.message}",
            *(f"  {detail}" for detail in self.details),
            *([self.hint] if self.hint else []),
        ]


def from_rpc(error: grpc.RpcError, url: str) -> CliError:
    """Returns the error of a failed call to the gateway at `url`.

    If the server sent an ErrorInfo, the message is the server's. Otherwise the call did not reach a service, and the
    message describes the connection to the gateway.
    """
    import grpc

    if not isinstance(error, grpc.Call):
        return CliError(f"The call to {url} failed: {error}.", ExitCode.UNEXPECTED)
    code, words = error.code(), (error.details() or "").strip()
    status = _status_details(error)
    info = _error_info(status)
    if info is None:
        return _without_details(code, words, url)
    violations = _field_violations(status)
    if len(violations) > 1:
        # The server's message has all violations in one long line. They are printed as `details` instead.
        words = f"{len(violations)} fields are invalid:"
    return CliError(
        words or f"The call failed with {code.name}.",
        _exit_code(code),
        hint=_hint(info.reason),
        details=violations if len(violations) > 1 else (),
        retryable=info.reason in ("UNAVAILABLE", "BUSY", "DEADLINE_EXCEEDED"),
        reason=info.reason,
        metadata=info.metadata,
    )


def _exit_code(code: grpc.StatusCode) -> ExitCode:
    return {
        "INVALID_ARGUMENT": ExitCode.USAGE,
        "OUT_OF_RANGE": ExitCode.USAGE,
        "UNAUTHENTICATED": ExitCode.NOT_AUTHENTICATED,
        "PERMISSION_DENIED": ExitCode.NOT_AUTHENTICATED,
        "NOT_FOUND": ExitCode.NOT_FOUND,
        "ALREADY_EXISTS": ExitCode.CONFLICT,
        "ABORTED": ExitCode.CONFLICT,
        "FAILED_PRECONDITION": ExitCode.CONFLICT,
        "UNAVAILABLE": ExitCode.UNAVAILABLE,
        "DEADLINE_EXCEEDED": ExitCode.UNAVAILABLE,
        "RESOURCE_EXHAUSTED": ExitCode.UNAVAILABLE,
        "CANCELLED": ExitCode.UNAVAILABLE,
    }.get(code.name, ExitCode.UNEXPECTED)


def _hint(reason: str) -> str:
    return {
        "CREDENTIALS_MISSING": HINT_KEY,
        "CREDENTIALS_INVALID": HINT_KEY,
        "UNAVAILABLE": HINT_DOCTOR,
        "BUSY": "Try again in a moment.",
        "RATE_LIMITED": "Too many calls at once. Try again in a moment.",
        "SYNTHESIS_FAILED": "Run `arena voices` to see which voices are available.",
        "INTERNAL": "Search the server's log for the id above.",
    }.get(reason, "")


def _without_details(code: grpc.StatusCode, words: str, url: str) -> CliError:
    """Returns the error of a call that no service of the mesh answered: the network, the gateway or another program on
    that port refused it."""
    if code.name == "UNAVAILABLE":
        if words.startswith(("failed to connect", "DNS resolution failed")):
            return CliError(f"Nothing answers at {url}.", ExitCode.UNAVAILABLE, hint=HINT_START, retryable=True)
        return CliError(f"{url} is not ready: {words}.", ExitCode.UNAVAILABLE, hint=HINT_DOCTOR, retryable=True)
    if code.name == "DEADLINE_EXCEEDED":
        return CliError(f"{url} did not answer in time.", ExitCode.UNAVAILABLE, hint=HINT_DOCTOR, retryable=True)
    if code.name == "UNAUTHENTICATED":
        return CliError(words or "The call needs a valid API key.", ExitCode.NOT_AUTHENTICATED, hint=HINT_KEY)
    if code.name == "UNIMPLEMENTED":
        return CliError(
            f"The server at {url} is not this version of Voice Arena: {words or 'it does not know the call'}.",
            ExitCode.UNAVAILABLE,
            hint="Check --url, and that both sides run the same version.",
        )
    if code.name in ("UNKNOWN", "INTERNAL", "CANCELLED"):
        # A stream that the server cuts off ends with any of these codes.
        return CliError(
            f"The connection to {url} broke: {words or code.name}.",
            ExitCode.UNAVAILABLE,
            hint=HINT_DOCTOR,
            retryable=True,
        )
    return CliError(words or f"The call failed with {code.name}.", _exit_code(code))


def _status_details(error: grpc.Call) -> status_pb2.Status:
    from google.protobuf.message import DecodeError
    from google.rpc import status_pb2

    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:  # A proxy wrote this trailer. The plain status is enough.
                return status_pb2.Status()
    return status


def _error_info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo | None:
    from google.rpc import error_details_pb2

    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


def _field_violations(status: status_pb2.Status) -> list[str]:
    from google.rpc import error_details_pb2

    lines = []
    for detail in status.details:
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):
            lines += [f"{violation.field}: {violation.description}" for violation in request.field_violations]
    return lines
