"""The errors that Envoy itself returns: their conditions, reasons and messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.rpc import code_pb2

from gateway.descriptors import JsonPath, QueryParameter
from gateway.page import ALLOWED_METHODS, PAGE, PAGE_METHOD
from gateway.refusals import REFUSALS
from gateway.routes import LIMITED_BY_ADDRESS, SERVED_BY, route_name

# The message of Envoy or of auth.
ENVOYS_MESSAGE = "%LOCAL_REPLY_BODY%"
# CEL: Envoy's name for the cause of its reply, and whether the transcoder has turned JSON into gRPC.
DETAILS = "response.code_details"
TRANSCODED = "'x-envoy-original-path' in request.headers"


# The status with which auth says that it can't verify a key because the disk is full. Callers get 503.
DISK_FULL_STATUS = 507


@dataclass(frozen=True)
class GatewayError:
    """An error that the gateway itself returns."""

    condition: str
    """A CEL expression over Envoy's attributes that selects this error."""
    reason: str
    """A name of ErrorReason without its prefix."""
    code: int
    """A google.rpc.Code."""
    http_status: int
    """The HTTP status for JSON clients. 0 keeps Envoy's."""
    message: str
    """What went wrong."""
    message_of_json: str = ""
    """The message for JSON if it differs. Envoy fills in its command operators."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    bad_field: str = ""
    """The bad field of the request, empty if the error is not about a field."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the response."""
    only_json: bool = False
    """Whether only JSON clients can get this error."""


def gateway_errors(
    services: Sequence[str],
    parameters: Sequence[QueryParameter],
    paths: Sequence[JsonPath],
    body_limits_kb: Sequence[int],
    max_message_kb: int,
    calls_per_second: int,
    anonymous_calls_per_second: int,
    bytes_paths: Mapping[str, str] | None = None,
) -> list[GatewayError]:
    """Returns all errors. Envoy uses the first one whose condition holds, so the most frequent ones come first.

    `body_limits_kb` are the limits of all routes, and `max_message_kb` is the largest one of a single message.
    `parameters` are the query parameters that accept only some texts. `paths` are those of the JSON routes.
    `bytes_paths` are the path prefixes of stored audio over plain HTTP, with the service of each.
    """
    return [
        *_authorization_errors(),
        *_limit_errors(calls_per_second, anonymous_calls_per_second),
        *_refusal_errors(),
        *_transcoder_errors(parameters, paths),
        *_http_errors(body_limits_kb, max_message_kb),
        *_upstream_errors(services, bytes_paths or {}),
        *_other_errors(),
    ]


def _refusal_errors() -> Iterator[GatewayError]:
    for refusal in REFUSALS:
        yield GatewayError(
            f"{DETAILS} == 'fault_filter_abort' && xds.route_name == '{refusal.name}'",
            refusal.reason,
            refusal.code,
            refusal.http_status,
            refusal.message,
        )


def _transcoder_errors(parameters: Sequence[QueryParameter], paths: Sequence[JsonPath]) -> Iterator[GatewayError]:
    refused = f"{DETAILS}.contains('grpc_json_transcode_failure')"
    for parameter in parameters:
        # The transcoder's message names the parameter but not the allowed values.
        query = f"request.headers['x-envoy-original-path'].matches('[?&]{parameter.name}="
        good = f"{query}({parameter.pattern})(&|$)')"
        yield GatewayError(
            f"{refused} && {TRANSCODED} && request.path == '{parameter.rpc}' && {query}') && !{good}",
            "MALFORMED_REQUEST",
            code_pb2.INVALID_ARGUMENT,
            400,
            f"{parameter.name}: {parameter.description}",
            bad_field=parameter.name,
        )
    for path in paths:
        yield GatewayError(
            f"{refused} && response.code == 404 && request.url_path.matches(r'^{path.pattern}$')",
            "METHOD_NOT_ALLOWED",
            code_pb2.UNIMPLEMENTED,
            405,
            f"This path allows {path.allow}",
            f"%REQ(:METHOD)% %PATH(NQ)% is not possible. This path allows {path.allow}.",
            headers={"allow": path.allow},
            only_json=True,
        )
    yield GatewayError(
        f"{refused} && response.code == 404",
        "ROUTE_NOT_FOUND",
        code_pb2.NOT_FOUND,
        404,
        "There is no such route",
        "There is no route %REQ(:METHOD)% %PATH(NQ)%",
    )
    yield GatewayError(
        f"{refused} && response.code == 400", "MALFORMED_REQUEST", code_pb2.INVALID_ARGUMENT, 400, ENVOYS_MESSAGE
    )


def _http_errors(body_limits_kb: Sequence[int], max_message_kb: int) -> Iterator[GatewayError]:
    for details, message in {
        "path_normalization_failed": "The path must not contain escaped slashes or zero bytes",
        "unexpected_underscore": "Header names must not contain underscores",
    }.items():
        yield GatewayError(
            f"{DETAILS}.contains('{details}')", "MALFORMED_REQUEST", code_pb2.INVALID_ARGUMENT, 400, message
        )
    for http_status, message in {
        426: "The HTTP version must be 1.1 or 2",
        501: "transfer-encoding: must be chunked, or absent",
    }.items():
        yield GatewayError(
            f"response.code == {http_status}", "MALFORMED_REQUEST", code_pb2.INVALID_ARGUMENT, http_status, message
        )
    too_large = {
        **{
            f"413 && xds.route_name.startsWith('{route_name(kb, limited_by_address=False)}')": _too_large(kb)
            for kb in body_limits_kb
            if kb
        },
        "413": f"The body is too large: at most {max_message_kb} kB are accepted on any route but uploads",
        "431": "The headers are too large",
    }
    for condition, message in too_large.items():
        yield GatewayError(
            f"response.code == {condition}",
            "REQUEST_TOO_LARGE",
            code_pb2.RESOURCE_EXHAUSTED,
            int(condition[:3]),
            message,
        )
    yield GatewayError(
        f"{DETAILS} == 'direct_response' && xds.route_name == '{PAGE_METHOD}'",
        "METHOD_NOT_ALLOWED",
        code_pb2.UNIMPLEMENTED,
        405,
        f"This path allows {ALLOWED_METHODS}",
        f"%REQ(:METHOD)% %PATH(NQ)% is not possible. This path allows {ALLOWED_METHODS}.",
        headers={"allow": ALLOWED_METHODS},
    )
    # The gRPC service or method does not exist, or only services of the mesh can call it.
    yield GatewayError(
        f"{DETAILS} == 'direct_response' && response.code == 404",
        "ROUTE_NOT_FOUND",
        code_pb2.UNIMPLEMENTED,
        404,
        "There is no such method",
    )


def _too_large(kb: int) -> str:
    return f"The body is too large: at most {kb} kB are accepted on this route"


def _limit_errors(calls_per_second: int, anonymous_calls_per_second: int) -> Iterator[GatewayError]:
    limited, retry = f"{DETAILS} == 'local_rate_limited'", "Try again in a second."
    strictly = f"{limited} && xds.route_name.endsWith('{LIMITED_BY_ADDRESS}')"
    unknown_keys = f"{DETAILS} == 'lua_response' && response.code == 429"
    few, many = f"More than {anonymous_calls_per_second}", f"More than {calls_per_second}"
    files = f"{limited} && xds.route_name == '{PAGE}'"
    messages = {
        unknown_keys: f"{few} unknown API keys per second came from one address. {retry}",
        strictly: f"{few} calls of this kind per second came from one address. {retry}",
        files: f"Too many files of the page were requested from one address. {retry}",
        limited: f"{many} calls per second came with one API key, or from one address without a key. {retry}",
    }
    for condition, message in messages.items():
        yield GatewayError(condition, "RATE_LIMITED", code_pb2.RESOURCE_EXHAUSTED, 429, message)


def _authorization_errors() -> Iterator[GatewayError]:
    # From known_keys.lua, or from a route that needs an identity.
    yield GatewayError(
        f"({DETAILS} == 'lua_response' && response.code == 401)"
        f" || ({DETAILS}.startsWith('no_healthy_upstream') && xds.cluster_name == 'identity_missing')",
        "CREDENTIALS_MISSING",
        code_pb2.UNAUTHENTICATED,
        401,
        "An API key is needed. Send it as `Authorization: Bearer KEY`.",
    )
    # The message comes from auth.
    yield GatewayError(
        f"{DETAILS} == 'ext_authz_denied' && response.code == 401",
        "CREDENTIALS_INVALID",
        code_pb2.UNAUTHENTICATED,
        401,
        ENVOYS_MESSAGE,
    )
    # auth can only return a status, a message and headers. Its status identifies the reason.
    for status, reason in {503: "UNAVAILABLE", DISK_FULL_STATUS: "DISK_FULL"}.items():
        yield GatewayError(
            f"{DETAILS} == 'ext_authz_denied' && response.code == {status}",
            reason,
            code_pb2.UNAVAILABLE,
            503,
            ENVOYS_MESSAGE,
            metadata={"service": "auth"},
        )
    yield GatewayError(f"{DETAILS} == 'ext_authz_error'", *_unreachable("auth"))


def _upstream_errors(services: Sequence[str], bytes_paths: Mapping[str, str]) -> Iterator[GatewayError]:
    lost = f"({DETAILS}.startsWith('upstream_reset') || {DETAILS}.startsWith('no_healthy_upstream'))"
    for service in services:
        packages = [service, *(package for package, process in SERVED_BY.items() if process == service)]
        prefixes = [f"/voicearena.{package}." for package in packages]
        prefixes += [path for path, owner in bytes_paths.items() if owner == service]
        calls_service = " || ".join(f"request.path.startsWith('{path}')" for path in prefixes)
        yield GatewayError(f"{lost} && ({calls_service})", *_unreachable(service))
    timeout = f"({DETAILS}.contains('timeout') || response.code == 504 || response.code == 408)"
    yield GatewayError(
        timeout,
        "DEADLINE_EXCEEDED",
        code_pb2.DEADLINE_EXCEEDED,
        504,
        "The call did not end before its deadline",
    )


def _other_errors() -> Iterator[GatewayError]:
    yield GatewayError(
        "response.code == 503",
        "UNAVAILABLE",
        code_pb2.UNAVAILABLE,
        503,
        "The gateway is overloaded. Try again shortly.",
    )
    yield GatewayError(
        "response.code >= 500",
        "INTERNAL",
        code_pb2.INTERNAL,
        500,
        "The gateway could not forward the response",
        "The gateway could not forward the response (%RESPONSE_CODE_DETAILS%)",
    )
    yield GatewayError(
        "true",
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        0,
        "The gateway does not accept this request",
        "The gateway does not accept this request (%RESPONSE_CODE_DETAILS%)",
    )


def _unreachable(service: str) -> tuple[str, int, int, str, str, Mapping[str, str]]:
    message = f"{service} is not reachable. Try again shortly."
    return "UNAVAILABLE", code_pb2.UNAVAILABLE, 503, message, "", {"service": service}
