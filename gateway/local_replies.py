"""Turns Envoy's own replies into the same errors that services return, for JSON, gRPC and gRPC-Web.

Each error becomes a mapper of Envoy's `local_reply_config` for each kind of client. The first mapper whose CEL
condition holds rewrites the reply. Envoy evaluates the mappers only for its own replies, so other calls cost nothing.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from voicearena.errors.v1.error_reason_pb2 import ErrorReason

from gateway.descriptors import JsonPath, QueryParameter
from gateway.gateway_errors import DETAILS, ENVOYS_MESSAGE, TRANSCODED, GatewayError, gateway_errors
from gateway.page import PAGE

DOMAIN = "voicearena"
# A gRPC-Web client sends x-grpc-web. A gRPC client is recognised by its content type. The transcoder sets this content
# type for JSON calls too.
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
    """0 keeps Envoy's."""
    as_json: Mapping[str, object] | None = None
    as_text: str | None = ENVOYS_MESSAGE
    """None keeps the body and the content type."""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def local_replies(
    services: Sequence[str],
    parameters: Sequence[QueryParameter],
    paths: Sequence[JsonPath],
    body_limits_kb: Sequence[int],
    max_message_kb: int,
    calls_per_second: int,
    anonymous_calls_per_second: int,
    bytes_paths: Mapping[str, str] | None = None,
) -> list[LocalReply]:
    """Returns the mappers in the order in which Envoy evaluates them."""
    # The Lua checks of JSON calls have written their replies in the final format.
    checked = LocalReply(f"{DETAILS} == 'lua_response' && response.code in [400, 415]", content_type="application/json")
    errors = gateway_errors(
        services,
        parameters,
        paths,
        body_limits_kb,
        max_message_kb,
        calls_per_second,
        anonymous_calls_per_second,
        bytes_paths,
    )
    # A file of the page, or its own sentence for what is missing.
    page = LocalReply(f"{DETAILS} == 'direct_response' && xds.route_name == '{PAGE}'", as_text=None)
    return [page, checked, *(reply for error in errors for reply in _replies(error))]


def _replies(error: GatewayError) -> Iterator[LocalReply]:
    if not error.only_json:
        yield from _grpc_replies(error)
    if "allow" in error.headers:
        # OPTIONS is not an error. It gets the allowed methods.
        options = f"request.method == 'OPTIONS' && ({error.condition})"
        yield LocalReply(options, http_status=204, as_text="", headers=error.headers)
    yield LocalReply(
        f"({error.condition})", http_status=error.http_status, as_json=_as_json(error), headers=error.headers
    )


def _grpc_replies(error: GatewayError) -> Iterator[LocalReply]:
    headers = {"grpc-status": str(error.code)}
    if error.message != ENVOYS_MESSAGE:
        # Details for a message of Envoy or auth can't be prepared here. auth sends its own details.
        headers["grpc-status-details-bin"] = base64.b64encode(_status(error).SerializeToString()).decode().rstrip("=")
    condition = f"({error.condition})"
    # A gRPC-Web client checks the HTTP status first, and for gRPC it must be 200. This content type keeps the gRPC-Web
    # filter from deriving a gRPC status from the HTTP status.
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
    if error.bad_field:
        violation = {"field": error.bad_field, "description": error.message.removeprefix(f"{error.bad_field}: ")}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "field_violations": [violation]})
    return {"code": error.code, "message": error.message_of_json or error.message, "details": details}
