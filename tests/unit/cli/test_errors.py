"""How failed calls become messages and exit codes."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from gateway.cli.errors import HINT_DOCTOR, HINT_KEY, HINT_START, CliError, ExitCode, from_rpc

URL = "http://localhost:8080"


class FailedCall(grpc.RpcError, grpc.Call):
    """A grpc error without a network."""

    def __init__(self, code: grpc.StatusCode, words: str, trailers: tuple[tuple[str, bytes], ...] = ()) -> None:
        self._code, self._words, self._trailers = code, words, trailers

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._words

    def trailing_metadata(self) -> Any:
        return self._trailers

    def initial_metadata(self) -> Any:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float:
        return 0.0

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:
        return False


def from_service(
    code: grpc.StatusCode, reason: str, message: str, violations: dict[str, str] | None = None
) -> FailedCall:
    """Returns the error that a service sends."""
    status = status_pb2.Status(code=code.value[0], message=message)
    request = error_details_pb2.BadRequest()
    for field, description in (violations or {}).items():
        request.field_violations.add(field=field, description=description)
    for part in (error_details_pb2.ErrorInfo(reason=reason, domain="voicearena"), request):
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    return FailedCall(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


@pytest.mark.parametrize(
    ("code", "reason", "exit_code", "hint", "retryable"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", ExitCode.USAGE, "", False),
        (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING", ExitCode.NOT_AUTHENTICATED, HINT_KEY, False),
        (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID", ExitCode.NOT_AUTHENTICATED, HINT_KEY, False),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED", ExitCode.NOT_AUTHENTICATED, "", False),
        (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", ExitCode.NOT_FOUND, "", False),
        (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", ExitCode.CONFLICT, "", False),
        (grpc.StatusCode.ABORTED, "WRONG_STATE", ExitCode.CONFLICT, "", False),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY", ExitCode.UNAVAILABLE, "Try again in a moment.", True),
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", ExitCode.UNAVAILABLE, HINT_DOCTOR, True),
        (
            grpc.StatusCode.UNAVAILABLE,
            "SYNTHESIS_FAILED",
            ExitCode.UNAVAILABLE,
            "Run `arena voices` to see which voices are available.",
            False,
        ),
        (
            grpc.StatusCode.INTERNAL,
            "INTERNAL",
            ExitCode.UNEXPECTED,
            "Search the server's log for the id above.",
            False,
        ),
    ],
)
def test_an_error_from_a_service_keeps_its_message(
    code: grpc.StatusCode, reason: str, exit_code: ExitCode, hint: str, retryable: bool
) -> None:
    error = from_rpc(from_service(code, reason, "The service's message."), URL)
    assert (error.message, error.exit_code, error.hint, error.retryable) == (
        "The service's message.",
        exit_code,
        hint,
        retryable,
    )


@pytest.mark.parametrize(
    ("code", "words", "message", "exit_code", "hint", "retryable"),
    [
        (
            grpc.StatusCode.UNAVAILABLE,
            "failed to connect to all addresses; last error: refused",
            "Nothing answers at http://localhost:8080.",
            ExitCode.UNAVAILABLE,
            HINT_START,
            True,
        ),
        (
            grpc.StatusCode.UNAVAILABLE,
            "no healthy upstream",
            "http://localhost:8080 is not ready: no healthy upstream.",
            ExitCode.UNAVAILABLE,
            HINT_DOCTOR,
            True,
        ),
        (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "Deadline Exceeded",
            "http://localhost:8080 did not answer in time.",
            ExitCode.UNAVAILABLE,
            HINT_DOCTOR,
            True,
        ),
        (
            grpc.StatusCode.UNKNOWN,
            "Stream removed",
            "The connection to http://localhost:8080 broke: Stream removed.",
            ExitCode.UNAVAILABLE,
            HINT_DOCTOR,
            True,
        ),
        (
            grpc.StatusCode.UNIMPLEMENTED,
            "Received http2 header with status: 404",
            "The server at http://localhost:8080 is not this version of Voice Arena: "
            "Received http2 header with status: 404.",
            ExitCode.UNAVAILABLE,
            "Check --url, and that both sides run the same version.",
            False,
        ),
        (
            grpc.StatusCode.UNAUTHENTICATED,
            "",
            "The call needs a valid API key.",
            ExitCode.NOT_AUTHENTICATED,
            HINT_KEY,
            False,
        ),
        (grpc.StatusCode.DATA_LOSS, "", "The call failed with DATA_LOSS.", ExitCode.UNEXPECTED, "", False),
    ],
)
def test_any_other_error_names_the_gateway(
    code: grpc.StatusCode, words: str, message: str, exit_code: ExitCode, hint: str, retryable: bool
) -> None:
    error = from_rpc(FailedCall(code, words), URL)
    assert (error.message, error.exit_code, error.hint, error.retryable) == (message, exit_code, hint, retryable)


def test_each_of_several_bad_fields_has_its_own_line() -> None:
    violations = {"scenario": "must be one of general, medical", "prompts[1]": "must not be empty"}
    error = from_rpc(
        from_service(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "2 fields are invalid.", violations), URL
    )
    assert error.lines() == [
        "arena: 2 fields are invalid:",
        "  scenario: must be one of general, medical",
        "  prompts[1]: must not be empty",
    ]


def test_a_single_bad_field_is_reported_once() -> None:
    call = from_service(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "name: is missing", {"name": "is missing"})
    assert from_rpc(call, URL).lines() == ["arena: name: is missing"]


def test_a_malformed_status_trailer_is_ignored() -> None:
    call = FailedCall(grpc.StatusCode.NOT_FOUND, "Not here.", (("grpc-status-details-bin", b"\xff\xff"),))
    error = from_rpc(call, URL)
    assert (error.message, error.exit_code) == ("Not here.", ExitCode.NOT_FOUND)


def test_the_hint_comes_last() -> None:
    assert CliError("It broke.", details=["here"], hint="Fix it.").lines() == [
        "arena: It broke.",
        "  here",
        "Fix it.",
    ]
