"""What a client gets when Envoy itself answers: the same error for JSON, gRPC and gRPC-Web as from a service.

Each error becomes one mapper of Envoy's `local_reply_config` for each kind of client. The first mapper whose condition
(in CEL) is true rewrites the reply. They are looked at for Envoy's own replies only, so they cost nothing else.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from voicearena.errors.v1.error_reason_pb2 import ErrorReason

from gateway.descriptors import JsonPath, QueryParameter
from gateway.gateway_errors import DETAILS, ENVOYS_MESSAGE, TRANSCODED, GatewayError, gateway_errors

DOMAIN = "voicearena"
# A gRPC-Web client names itself; a gRPC client is known by its content type, which the transcoder gives to JSON too.
IS_GRPC_WEB = "'x-grpc-web' in request.headers"
IS_GRPC = (
    "'content-type' in request.headers && request.headers['content-type'].startsWith('application/grpc')"
    f" && !({TRANSCODED})"
)


@dataclass(frozen=True)
class LocalReply:
    """One mapper of `local_reply_config`."""

    condition: str
    http_status: int = 0
    """0 leaves Envoy's."""
    as_json: Mapping[str, object] | None = None
    as_text: str = ENVOYS_MESSAGE
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def local_replies(
    services: Sequence[str],
    parameters: Sequence[QueryParameter],
    paths: Sequence[JsonPath],
    body_limits_kb: Sequence[int],
    calls_per_second: int,
    anonymous_calls_per_second: int,
    bytes_paths: Mapping[str, str] | None = None,
) -> list[LocalReply]:
    """Returns the mappers, first match first."""
    # The checks of JSON calls write their replies as they have to be.
    checked = LocalReply(f"{DETAILS} == 'lua_response' && response.code in [400, 415]", content_type="application/json")
    errors = gateway_errors(
        services, parameters, paths, body_limits_kb, calls_per_second, anonymous_calls_per_second, bytes_paths
    )
    return [checked, *(reply for error in errors for reply in _replies(error))]


def _replies(error: GatewayError) -> Iterator[LocalReply]:
    if not error.only_json:
        yield from _grpc_replies(error)
    if "allow" in error.headers:
        # Who only asks what is possible has asked nothing wrong.
        asking = f"request.method == 'OPTIONS' && ({error.condition})"
        yield LocalReply(asking, http_status=204, as_text="", headers=error.headers)
    yield LocalReply(
        f"({error.condition})", http_status=error.http_status, as_json=_as_json(error), headers=error.headers
    )


def _grpc_replies(error: GatewayError) -> Iterator[LocalReply]:
    headers = {"grpc-status": str(error.code)}
    if error.message != ENVOYS_MESSAGE:
        # What holds somebody else's words can't be written down beforehand; auth's denials bring their own.
        headers["grpc-status-details-bin"] = base64.b64encode(_status(error).SerializeToString()).decode().rstrip("=")
    condition = f"({error.condition})"
    # A gRPC-Web client judges by the HTTP status first, and for gRPC that is always 200. The content type keeps the
    # gRPC-Web filter from deriving a gRPC status from it.
    yield LocalReply(
        f"{IS_GRPC_WEB} && {condition}",
        http_status=200,
        as_text="",
        content_type="application/grpc-web+proto",
        headers=headers if error.message == ENVOYS_MESSAGE else {**headers, "grpc-message": error.message},
    )
    yield LocalReply(f"{IS_GRPC} && {condition}", as_text=error.message, headers=headers)


def _status(error: GatewayError) -> status_pb2.Status:
    ErrorReason.Value(f"ERROR_REASON_{error.reason}")
    status = status_pb2.Status(code=error.code, message=error.message)
    packed = Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    status.details.append(packed)
    return status


def _as_json(error: GatewayError) -> dict[str, object]:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.reason,
        "domain": DOMAIN,
        "metadata": dict(error.metadata),
    }
    details: list[object] = [info]
    if error.blames:
        violation = {"field": error.blames, "description": error.message.removeprefix(f"{error.blames}: ")}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "field_violations": [violation]})
    return {"code": error.code, "message": error.message_of_json or error.message, "details": details}
