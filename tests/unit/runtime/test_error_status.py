"""Errors as gRPC statuses, and back."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2
from voicearena.errors.v1.error_reason_pb2 import ErrorReason

from services.runtime import errors
from services.runtime.error_status import CODES, error_info, from_status, to_status, unexpected
from services.runtime.errors import (
    ArenaError,
    FieldViolation,
    InvalidInput,
    NotFound,
    RequestIdReused,
    ScopeMissing,
    Unavailable,
)

PROTO = Path(__file__).parents[3] / "protos/voicearena/errors/v1/error_reason.proto"
# Each comment on one line.
COMMENTS = re.sub(r"\n *// (?!ERROR_REASON_)", " ", PROTO.read_text())
REASONS = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()[1:]]
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ArenaError) and kind is not ArenaError
]


def example(kind: type[ArenaError]) -> ArenaError:
    if issubclass(kind, InvalidInput):
        return kind.of(FieldViolation("name", "must be short"), FieldViolation("models[1].voice_id", "must be known"))
    if issubclass(kind, NotFound):
        return kind.of("experiment", "exp_1")
    if issubclass(kind, ScopeMissing):
        return kind.of("experiments:read")
    if issubclass(kind, RequestIdReused):
        return kind.of(datetime(2026, 11, 26, 9, 30, tzinfo=UTC))
    return kind("it went wrong", status="running", kind="timed_out")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_the_way_to_a_status_and_back(kind: type[ArenaError]) -> None:
    sent = example(kind)
    received = from_status(to_status(sent))
    assert type(received) is kind
    assert (received.message, received.metadata, str(received)) == (sent.message, sent.metadata, str(sent))
    assert received.violations == sent.violations


@pytest.mark.parametrize("reason", REASONS)
def test_every_documented_reason_has_a_code_unless_only_the_gateway_sends_it(reason: str) -> None:
    (comment,) = re.findall(rf"// ERROR_REASON_{reason}: (.*)", COMMENTS)
    assert (reason in CODES) is ("Sent by the gateway" not in comment)


@pytest.mark.parametrize("reason", CODES)
def test_every_code_maps_to_the_documented_http_status(reason: str) -> None:
    http = {
        code_pb2.INVALID_ARGUMENT: 400,
        code_pb2.UNAUTHENTICATED: 401,
        code_pb2.PERMISSION_DENIED: 403,
        code_pb2.NOT_FOUND: 404,
        code_pb2.ALREADY_EXISTS: 409,
        code_pb2.ABORTED: 409,
        code_pb2.RESOURCE_EXHAUSTED: 429,
        code_pb2.UNAVAILABLE: 503,
        code_pb2.DEADLINE_EXCEEDED: 504,
        code_pb2.INTERNAL: 500,
        # For stored audio, which the gateway does not transcode.
        code_pb2.OUT_OF_RANGE: 416,
        code_pb2.FAILED_PRECONDITION: 412,
    }
    (documented,) = re.findall(rf"// ERROR_REASON_{reason}: .* HTTP (\d+)\.", COMMENTS)
    # gRPC has no codes for these. Over HTTP the status is that of the reason.
    expected = {"REQUEST_TOO_LARGE": "429", "UNSUPPORTED_MEDIA_TYPE": "400"}.get(reason, documented)
    assert str(http[CODES[reason]]) == expected


def test_a_status_has_the_reason_the_domain_and_the_metadata() -> None:
    status = to_status(errors.WrongState("it is running", status="running"))
    info = error_details_pb2.ErrorInfo()
    assert (status.code, status.message) == (code_pb2.ABORTED, "it is running")
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == ("WRONG_STATE", "voicearena", {"status": "running"})


def test_a_status_names_every_invalid_field() -> None:
    status = to_status(InvalidInput.of(FieldViolation("name", "must be short"), FieldViolation("id", "must be known")))
    bad = error_details_pb2.BadRequest()
    assert status.message == "name: must be short; id: must be known"
    assert status.details[1].Unpack(bad)
    assert [(v.field, v.description) for v in bad.field_violations] == [
        ("name", "must be short"),
        ("id", "must be known"),
    ]


def test_an_internal_error_of_another_service_is_not_passed_on() -> None:
    assert from_status(to_status(ArenaError("its logs have it as 12ab"))) is None


def test_a_status_of_another_domain_is_not_converted() -> None:
    foreign = Any()
    foreign.Pack(error_details_pb2.ErrorInfo(reason="NOT_FOUND", domain="example.org"))
    assert from_status(status_pb2.Status(code=code_pb2.NOT_FOUND, details=[foreign])) is None
    assert from_status(status_pb2.Status(code=code_pb2.NOT_FOUND)) is None


def test_an_undocumented_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="ERROR_REASON_MOON_PHASE"):
        error_info("MOON_PHASE", {})


def test_a_timeout_is_explained_and_an_unknown_error_is_not() -> None:
    late = unexpected(TimeoutError())
    assert isinstance(late, errors.DeadlineExceeded)
    assert unexpected(KeyError("secret")) is None


def test_unavailable_has_the_code_that_clients_retry() -> None:
    assert to_status(Unavailable("down")).code == code_pb2.UNAVAILABLE
