"""Converts errors to gRPC statuses with standard details, and back."""

import asyncio
import errno
from collections.abc import Mapping
from typing import cast

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from voicearena.errors.v1.error_reason_pb2 import ErrorReason

from services.runtime import disk
from services.runtime.errors import (
    TOO_MANY_FILES,
    ArenaError,
    DeadlineExceeded,
    DiskFull,
    FieldViolation,
    Unavailable,
)

DOMAIN = "voicearena"

# A wrong state is ABORTED, not FAILED_PRECONDITION, because the gateway maps ABORTED to HTTP 409.
CODES: Mapping[str, int] = {
    "INVALID_INPUT": code_pb2.INVALID_ARGUMENT,
    "CREDENTIALS_MISSING": code_pb2.UNAUTHENTICATED,
    "CREDENTIALS_INVALID": code_pb2.UNAUTHENTICATED,
    "PERMISSION_DENIED": code_pb2.PERMISSION_DENIED,
    "NOT_FOUND": code_pb2.NOT_FOUND,
    "ALREADY_EXISTS": code_pb2.ALREADY_EXISTS,
    "REQUEST_ID_REUSED": code_pb2.ALREADY_EXISTS,
    "WRONG_STATE": code_pb2.ABORTED,
    "REQUEST_TOO_LARGE": code_pb2.RESOURCE_EXHAUSTED,
    "UNSUPPORTED_MEDIA_TYPE": code_pb2.INVALID_ARGUMENT,
    "BUSY": code_pb2.RESOURCE_EXHAUSTED,
    "UNAVAILABLE": code_pb2.UNAVAILABLE,
    "DISK_FULL": code_pb2.UNAVAILABLE,
    "NOT_READY": code_pb2.UNAVAILABLE,
    "SYNTHESIS_FAILED": code_pb2.UNAVAILABLE,
    "DEADLINE_EXCEEDED": code_pb2.DEADLINE_EXCEEDED,
    "SCOPE_MISSING": code_pb2.PERMISSION_DENIED,
    "RATE_LIMITED": code_pb2.RESOURCE_EXHAUSTED,
    "QUOTA_EXCEEDED": code_pb2.RESOURCE_EXHAUSTED,
    "RANGE_NOT_SATISFIABLE": code_pb2.OUT_OF_RANGE,
    "PRECONDITION_FAILED": code_pb2.FAILED_PRECONDITION,
    "INTERNAL": code_pb2.INTERNAL,
}


def error_info(reason: str, metadata: Mapping[str, str]) -> error_details_pb2.ErrorInfo:
    """Returns the ErrorInfo of a documented reason. Raises ValueError if `reason` is not documented."""
    ErrorReason.Value(f"ERROR_REASON_{reason}")
    return error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)


def to_status(error: ArenaError) -> status_pb2.Status:
    """Returns the google.rpc.Status of an error, with an ErrorInfo, and a BadRequest if fields are invalid."""
    status = status_pb2.Status(code=CODES[error.reason], message=error.message)
    _pack(status, error_info(error.reason, error.metadata))
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations:
            bad.field_violations.add(field=violation.field, description=violation.description)
        _pack(status, bad)
    return status


def from_rpc_error(error: grpc.aio.AioRpcError) -> ArenaError | None:
    """Returns the error that another service of the mesh returned, or None if it is an unexpected failure."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    if status is None:
        code = error.code()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded("Another service did not respond in time")
        if code is grpc.StatusCode.UNAVAILABLE:
            return Unavailable("Another service can't be reached")
        return None
    return from_status(status)


def from_status(status: status_pb2.Status) -> ArenaError | None:
    """Returns the error of a status that `to_status` made, or None if it has no ErrorInfo of this domain."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    if info.domain != DOMAIN or info.reason == "INTERNAL":
        return None
    for kind in _subclasses(ArenaError):
        if kind.reason == info.reason:
            violations = (FieldViolation(v.field, v.description) for v in bad.field_violations)
            return kind(status.message, *violations, **dict(info.metadata))
    return None


def unexpected(error: BaseException) -> ArenaError | None:
    """Returns the error to return for an exception that is no ArenaError, or None if its cause is not known."""
    if isinstance(error, grpc.aio.AioRpcError):
        return from_rpc_error(error)
    if isinstance(error, asyncio.TimeoutError):
        return DeadlineExceeded("The call was not finished in time")
    if disk.is_disk_full_error(error):
        return DiskFull("A disk of the mesh is full. Calls work again once it has free space.")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return Unavailable(TOO_MANY_FILES)
    return None


def _pack(status: status_pb2.Status, detail: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)


def _subclasses(kind: type[ArenaError]) -> list[type[ArenaError]]:
    return [s for child in kind.__subclasses__() for s in (child, *_subclasses(child))]
