"""The errors that Envoy makes itself, when it makes them, and what they mean to a client."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.rpc import code_pb2

from gateway.descriptors import JsonPath, QueryParameter
from gateway.refusals import REFUSALS
from gateway.routes import LIMITED_BY_ADDRESS, SERVED_BY, route_name

# Envoy's own words.
ENVOYS_MESSAGE = "%LOCAL_REPLY_BODY%"
# CEL: Envoy's name for why it answered, and whether the transcoder has turned JSON into gRPC.
DETAILS = "response.code_details"
TRANSCODED = "'x-envoy-original-path' in request.headers"


# The status with which auth says that it can't look up a key for want of room. Callers get 503.
FULL_DISK = 507


@dataclass(frozen=True)
class GatewayError:
    """An error of the gateway's own."""

    condition: str
    """CEL over Envoy's attributes: whether this is it."""
    reason: str
    """A name of ErrorReason, without its prefix."""
    code: int
    """A google.rpc.Code."""
    http_status: int
    """What JSON clients get; 0 leaves Envoy's."""
    message: str
    """What went wrong."""
    message_of_json: str = ""
    """The same for JSON if it differs; Envoy fills in its command operators."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    blames: str = ""
    """The field of the request that is to blame, if it is one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the answer."""
    only_json: bool = False
    """Whether no gRPC client can get it."""


def gateway_errors(
    services: Sequence[str],
    parameters: Sequence[QueryParameter],
    paths: Sequence[JsonPath],
    body_limits_kb: Sequence[int],
    calls_per_second: int,
    anonymous_calls_per_second: int,
    bytes_paths: Mapping[str, str] | None = None,
) -> list[GatewayError]:
    """Returns all of them, the first that holds first: what is met most often first, since each is looked at in turn.

    `parameters` are those of queries that don't take every text; `paths` are those of JSON routes; `bytes_paths` are
    where stored audio is over plain HTTP, with the service of each.
    """
    return [
        *_of_authorization(),
        *_of_limits(calls_per_second, anonymous_calls_per_second),
        *_of_refusals(),
        *_of_the_transcoder(parameters, paths),
        *_of_http(body_limits_kb),
        *_of_upstreams(services, bytes_paths or {}),
        *_of_the_rest(),
    ]


def _of_refusals() -> Iterator[GatewayError]:
    for refusal in REFUSALS:
        yield GatewayError(
            f"{DETAILS} == 'fault_filter_abort' && xds.route_name == '{refusal.name}'",
            refusal.reason,
            refusal.code,
            refusal.http_status,
            refusal.message,
        )


def _of_the_transcoder(parameters: Sequence[QueryParameter], paths: Sequence[JsonPath]) -> Iterator[GatewayError]:
    refused = f"{DETAILS}.contains('grpc_json_transcode_failure')"
    for parameter in parameters:
        # The transcoder's own words name the parameter but not what it may be.
        query = f"request.headers['x-envoy-original-path'].matches('[?&]{parameter.name}="
        good = f"{query}({parameter.pattern})(&|$)')"
        yield GatewayError(
            f"{refused} && {TRANSCODED} && request.path == '{parameter.rpc}' && {query}') && !{good}",
            "MALFORMED_REQUEST",
            code_pb2.INVALID_ARGUMENT,
            400,
            f"{parameter.name}: {parameter.description}",
            blames=parameter.name,
        )
    for path in paths:
        yield GatewayError(
            f"{refused} && response.code == 404 && request.url_path.matches(r'^{path.pattern}$')",
            "METHOD_NOT_ALLOWED",
            code_pb2.UNIMPLEMENTED,
            405,
            f"this path takes {path.allow}",
            f"%REQ(:METHOD)% %PATH(NQ)% is not possible; this path takes {path.allow}",
            headers={"allow": path.allow},
            only_json=True,
        )
    yield GatewayError(
        f"{refused} && response.code == 404",
        "ROUTE_NOT_FOUND",
        code_pb2.NOT_FOUND,
        404,
        "there is no such route",
        "there is no route %REQ(:METHOD)% %PATH(NQ)%",
    )
    yield GatewayError(
        f"{refused} && response.code == 400", "MALFORMED_REQUEST", code_pb2.INVALID_ARGUMENT, 400, ENVOYS_MESSAGE
    )


def _of_http(body_limits_kb: Sequence[int]) -> Iterator[GatewayError]:
    for details, message in {
        "path_normalization_failed": "the path must not contain escaped slashes",
        "unexpected_underscore": "the names of headers must not contain underscores",
    }.items():
        yield GatewayError(
            f"{DETAILS}.contains('{details}')", "MALFORMED_REQUEST", code_pb2.INVALID_ARGUMENT, 400, message
        )
    for http_status, message in {
        426: "the version of HTTP must be 1.1 or 2",
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
        "413": f"the body is too large: at most {max(body_limits_kb)} kB are taken anywhere",
        "431": "the headers are too large",
    }
    for condition, message in too_large.items():
        yield GatewayError(
            f"response.code == {condition}",
            "REQUEST_TOO_LARGE",
            code_pb2.RESOURCE_EXHAUSTED,
            int(condition[:3]),
            message,
        )
    # A gRPC service or method that is not there, or is for services of the mesh only.
    yield GatewayError(
        f"{DETAILS} == 'direct_response' && response.code == 404",
        "ROUTE_NOT_FOUND",
        code_pb2.UNIMPLEMENTED,
        404,
        "there is no such method",
    )


def _too_large(kb: int) -> str:
    return f"the body is too large: at most {kb} kB are taken here"


def _of_limits(calls_per_second: int, anonymous_calls_per_second: int) -> Iterator[GatewayError]:
    limited, again = f"{DETAILS} == 'local_rate_limited'", "try again in a second"
    strictly = f"{limited} && xds.route_name.endsWith('{LIMITED_BY_ADDRESS}')"
    unknown = f"{DETAILS} == 'lua_response' && response.code == 429"
    few, many = f"more than {anonymous_calls_per_second}", f"more than {calls_per_second}"
    messages = {
        unknown: f"{few} unknown API keys per second from one address; {again}",
        strictly: f"{few} such calls per second from one address; {again}",
        limited: f"{many} calls per second with one API key, or from one address without a key; {again}",
    }
    for condition, message in messages.items():
        yield GatewayError(condition, "RATE_LIMITED", code_pb2.RESOURCE_EXHAUSTED, 429, message)


def _of_authorization() -> Iterator[GatewayError]:
    # By known_keys, or by the table of routes.
    yield GatewayError(
        f"({DETAILS} == 'lua_response' && response.code == 401)"
        f" || ({DETAILS}.startsWith('no_healthy_upstream') && xds.cluster_name == 'identity_missing')",
        "CREDENTIALS_MISSING",
        code_pb2.UNAUTHENTICATED,
        401,
        "an API key is needed: send it as `Authorization: Bearer KEY`",
    )
    # The words are auth's.
    yield GatewayError(
        f"{DETAILS} == 'ext_authz_denied' && response.code == 401",
        "CREDENTIALS_INVALID",
        code_pb2.UNAUTHENTICATED,
        401,
        ENVOYS_MESSAGE,
    )
    # Auth can answer with a status, words and headers only; its status tells the reason.
    for status, reason in {503: "UNAVAILABLE", FULL_DISK: "DISK_FULL"}.items():
        yield GatewayError(
            f"{DETAILS} == 'ext_authz_denied' && response.code == {status}",
            reason,
            code_pb2.UNAVAILABLE,
            503,
            ENVOYS_MESSAGE,
            metadata={"service": "auth"},
        )
    yield GatewayError(f"{DETAILS} == 'ext_authz_error'", *_unreachable("auth"))


def _of_upstreams(services: Sequence[str], bytes_paths: Mapping[str, str]) -> Iterator[GatewayError]:
    lost = f"({DETAILS}.startsWith('upstream_reset') || {DETAILS}.startsWith('no_healthy_upstream'))"
    for service in services:
        packages = [service, *(package for package, process in SERVED_BY.items() if process == service)]
        its = [f"/voicearena.{package}." for package in packages]
        its += [path for path, owner in bytes_paths.items() if owner == service]
        asked = " || ".join(f"request.path.startsWith('{path}')" for path in its)
        yield GatewayError(f"{lost} && ({asked})", *_unreachable(service))
    timeout = f"({DETAILS}.contains('timeout') || response.code == 504 || response.code == 408)"
    yield GatewayError(
        timeout, "DEADLINE_EXCEEDED", code_pb2.DEADLINE_EXCEEDED, 504, "it was not done in the time given"
    )


def _of_the_rest() -> Iterator[GatewayError]:
    yield GatewayError(
        "response.code == 503", "UNAVAILABLE", code_pb2.UNAVAILABLE, 503, "the gateway is overloaded; try again shortly"
    )
    yield GatewayError(
        "response.code >= 500",
        "INTERNAL",
        code_pb2.INTERNAL,
        500,
        "the gateway could not pass on the answer",
        "the gateway could not pass on the answer (%RESPONSE_CODE_DETAILS%)",
    )
    yield GatewayError(
        "true",
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        0,
        "the request is not one that the gateway takes",
        "the request is not one that the gateway takes (%RESPONSE_CODE_DETAILS%)",
    )


def _unreachable(service: str) -> tuple[str, int, int, str, str, Mapping[str, str]]:
    message = f"{service} is not reachable; try again shortly"
    return "UNAVAILABLE", code_pb2.UNAVAILABLE, 503, message, "", {"service": service}
