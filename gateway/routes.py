"""The gateway's table of routes, made from the protos: which calls need a key, and how large their bodies may be.

A JSON call is matched twice: by its own path first, and by its RPC's path once it has become gRPC. The first match says
what happens before the transcoder, the second where the call goes. A gRPC call is matched by its RPC's path both times.
Only the second match decides who gets in: an RPC that is not public is forwarded with an identity alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from gateway.descriptors import HttpRoute, call_options, rpc_path

DEFAULT_MAX_BODY_KB = 64
# Which service serves a package, where that is not the one of its name.
SERVED_BY = {"mesh": "auth"}


@dataclass(frozen=True)
class JsonRoute:
    """Calls of JSON with one method whose path matches a pattern, before they become gRPC."""

    name: str
    verb: str
    pattern: str
    """A regular expression for the whole path."""
    public: bool
    limited_by_address: bool
    max_body_kb: int
    message: str = ""
    """The message that the whole body must be, empty if the route takes no body or a raw one."""
    events: bool = False
    """Whether the answer is framed as server-sent events."""


@dataclass(frozen=True)
class RpcRoute:
    """Calls of one RPC, once they are gRPC."""

    name: str
    path: str
    cluster: str
    public: bool
    limited_by_address: bool
    streams: bool
    """Whether the answer is a stream."""
    streams_request: bool
    """Whether the request is a stream, which is held to the limit of uploads."""
    max_body_kb: int


def json_routes(routes: Mapping[MethodDescriptor, HttpRoute], max_upload_kb: int) -> list[JsonRoute]:
    """Returns the routes of all RPCs that have JSON. Those that are treated alike and take no body are one."""
    alike: dict[JsonRoute, list[str]] = {}
    for method, route in routes.items():
        options = call_options(method)
        limit = _max_body_kb(method, max_upload_kb) if route.body else min(DEFAULT_MAX_BODY_KB, max_upload_kb)
        kind = JsonRoute(
            name=route_name(limit, limited_by_address=options.limited_by_address),
            verb=route.verb,
            pattern="",
            public=options.public,
            limited_by_address=options.limited_by_address,
            max_body_kb=limit,
            message=method.input_type.full_name if route.body == "*" else "",
            events=method.server_streaming and method.output_type.full_name != "google.api.HttpBody",
        )
        alike.setdefault(kind, []).append(path_pattern(route.template))
    # The reads that need a key are most calls.
    order = sorted(alike, key=lambda kind: (not kind.events, bool(kind.message), kind.public))
    return [JsonRoute(**{**vars(kind), "pattern": _either(alike[kind])}) for kind in order]


def rpc_routes(methods: Iterable[MethodDescriptor], max_upload_kb: int) -> list[RpcRoute]:
    """Returns the routes of RPCs."""
    routes = []
    for method in methods:
        options, limit = call_options(method), _max_body_kb(method, max_upload_kb)
        routes.append(
            RpcRoute(
                name=route_name(limit, limited_by_address=options.limited_by_address),
                path=rpc_path(method),
                cluster=service_of(method),
                public=options.public,
                limited_by_address=options.limited_by_address,
                streams=method.server_streaming,
                streams_request=method.client_streaming,
                max_body_kb=limit,
            )
        )
    return routes


def route_name(max_body_kb: int, *, limited_by_address: bool) -> str:
    """Returns the name by which the errors of a route know its limits: `at most 64 kB`, say."""
    return f"at most {max_body_kb} kB{LIMITED_BY_ADDRESS if limited_by_address else ''}"


LIMITED_BY_ADDRESS = ", limited by address"


def service_of(method: MethodDescriptor) -> str:
    """Returns the service of the mesh that serves an RPC."""
    package = method.full_name.split(".")[1]
    return SERVED_BY.get(package, package)


def _max_body_kb(method: MethodDescriptor, max_upload_kb: int) -> int:
    if method.client_streaming:
        return max_upload_kb
    return min(call_options(method).max_body_kb or DEFAULT_MAX_BODY_KB, max_upload_kb)


def path_pattern(template: str) -> str:
    """Returns the regular expression of the paths of a JSON route, without their query."""
    return re.sub(r"\\\{[^}]*\}", "[^/]+", re.escape(template))


def _either(patterns: Sequence[str]) -> str:
    # The transcoder takes a slash at the end, too.
    return f"({'|'.join(patterns)})/?"
