"""The gateway's routes, made from the protos: which calls need an API key, and how large their bodies can be.

Envoy matches a JSON call twice: first by its own path, then by its RPC's path after the transcoder has turned it into
gRPC. The first match decides what happens before the transcoder, the second where the call goes. A gRPC call is matched
by its RPC's path both times. Only the second match controls access: a call of an RPC that is not public is forwarded
only with an identity.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from gateway.descriptors import HttpRoute, call_options, rpc_path

DEFAULT_MAX_BODY_KB = 64
# Of an upload over gRPC. The service refuses much smaller ones, and reads what it refuses to its end: a client that is
# still sending would find a broken call instead of the reason.
MAX_STREAM_KB = 1024 * 1024
# The service that serves a package with another name.
SERVED_BY = {"mesh": "auth"}


@dataclass(frozen=True)
class JsonRoute:
    """JSON calls with one method whose path matches a pattern, before they become gRPC."""

    name: str
    verb: str
    pattern: str
    """A regular expression for the whole path."""
    public: bool
    limited_by_address: bool
    max_body_kb: int
    message: str = ""
    """The message that the body must be, empty if the route takes no body or a raw body."""
    takes_uploads: bool = False
    """Whether the path takes uploads, too. They have a route of their own."""
    events: bool = False
    """Whether the response is framed as server-sent events."""


@dataclass(frozen=True)
class RpcRoute:
    """Calls of one RPC after they have become gRPC."""

    name: str
    path: str
    cluster: str
    public: bool
    limited_by_address: bool
    streams: bool
    """Whether the response is a stream."""
    streams_request: bool
    """Whether the request is a stream, which can be up to MAX_STREAM_KB."""
    max_body_kb: int


def json_routes(routes: Mapping[MethodDescriptor, HttpRoute], max_upload_kb: int) -> list[JsonRoute]:
    """Returns the JSON routes of all RPCs. Routes with the same options and no body are combined into one."""
    groups: dict[JsonRoute, list[str]] = {}
    for method, route in routes.items():
        options = call_options(method)
        limit = _max_body_kb(method, max_upload_kb) if route.body else min(DEFAULT_MAX_BODY_KB, max_upload_kb)
        group = JsonRoute(
            name=route_name(limit, limited_by_address=options.limited_by_address),
            verb=route.verb,
            pattern="",
            public=options.public,
            limited_by_address=options.limited_by_address,
            max_body_kb=limit,
            message=method.input_type.full_name if route.body == "*" else "",
            takes_uploads=options.takes_uploads,
            events=method.server_streaming and method.output_type.full_name != "google.api.HttpBody",
        )
        groups.setdefault(group, []).append(path_pattern(route.template))
    # Reads that need an API key are the most frequent calls.
    order = sorted(groups, key=lambda group: (not group.events, bool(group.message), group.public))
    return [JsonRoute(**{**vars(group), "pattern": _either(groups[group])}) for group in order]


def rpc_routes(methods: Iterable[MethodDescriptor], max_upload_kb: int) -> list[RpcRoute]:
    """Returns the routes of all RPCs."""
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
    """Returns the name of a route, such as `at most 64 kB`. Errors select their message by this name."""
    return f"at most {max_body_kb} kB{LIMITED_BY_ADDRESS if limited_by_address else ''}"


LIMITED_BY_ADDRESS = ", limited by address"


def service_of(method: MethodDescriptor) -> str:
    """Returns the service of the mesh that serves an RPC."""
    package = method.full_name.split(".")[1]
    return SERVED_BY.get(package, package)


def _max_body_kb(method: MethodDescriptor, max_upload_kb: int) -> int:
    if method.client_streaming:
        return MAX_STREAM_KB
    return min(call_options(method).max_body_kb or DEFAULT_MAX_BODY_KB, max_upload_kb)


def path_pattern(template: str) -> str:
    """Returns the regular expression for the path of a JSON route without its query."""
    return re.sub(r"\\\{[^}]*\}", "[^/]+", re.escape(template))


def _either(patterns: Sequence[str]) -> str:
    # The transcoder also accepts a slash at the end.
    return f"({'|'.join(patterns)})/?"
