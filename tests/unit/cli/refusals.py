"""Ends calls of the stand-in mesh as the services do."""

from __future__ import annotations

from typing import Any, NoReturn

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


async def refuse(
    context: Any,
    code: int,
    reason: str,
    message: str,
    violations: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> NoReturn:
    """Ends a call as the services do: a google.rpc.Status with ErrorInfo, and BadRequest for `violations`."""
    status = status_pb2.Status(code=code, message=message)
    parts: list[Any] = [error_details_pb2.ErrorInfo(reason=reason, domain="voicearena", metadata=metadata)]
    if violations:
        request = error_details_pb2.BadRequest()
        for field, description in violations.items():
            request.field_violations.add(field=field, description=description)
        parts.append(request)
    for part in parts:
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort raises")
