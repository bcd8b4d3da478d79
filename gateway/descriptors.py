"""Reads from the compiled protos what the gateway needs: the RPCs, their options and their JSON routes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, MethodDescriptor
from voicearena.gateway.v1 import options_pb2


@dataclass(frozen=True)
class Descriptors:
    """A compiled set of protos."""

    file_set: descriptor_pb2.FileDescriptorSet
    pool: descriptor_pool.DescriptorPool

    @classmethod
    def read(cls, *paths: Path) -> "Descriptors":
        """Reads and joins descriptor sets. Raises FileNotFoundError if one is missing: run `make gen`."""
        joined = descriptor_pb2.FileDescriptorSet()
        seen: set[str] = set()
        pool = descriptor_pool.DescriptorPool()
        for path in paths:
            for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
                if file.name not in seen:
                    seen.add(file.name)
                    joined.file.append(file)
                    pool.Add(file)
        return cls(joined, pool)

    def methods(self, package: str) -> Iterator[MethodDescriptor]:
        """Yields every RPC of the services whose package begins with `package`."""
        for file in self.file_set.file:
            if file.package.startswith(package):
                for service in file.service:
                    yield from self.pool.FindServiceByName(f"{file.package}.{service.name}").methods


@dataclass(frozen=True)
class HttpRoute:
    """The JSON route of an RPC."""

    verb: str
    """GET, POST, PATCH, PUT or DELETE."""
    template: str
    """The path. A variable is `{name}`."""
    body: str
    """The field that is the body: `*` for the whole request, empty for none."""

    @property
    def prefix(self) -> str:
        """The path up to its first variable."""
        return self.template.partition("{")[0]

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The fields in the path. For a nested field, the outermost one."""
        return tuple(re.findall(r"\{(\w+)", self.template))


@dataclass(frozen=True)
class JsonPath:
    """A path of the JSON API and its methods."""

    template: str
    """The path. A variable is `{}`."""
    verbs: tuple[str, ...]
    """The methods that have a route, sorted."""
    takes_head: bool
    """Whether HEAD is answered like GET, without the body."""

    @property
    def allow(self) -> str:
        """The value of the Allow header."""
        return ", ".join(sorted({*self.verbs, "OPTIONS", *(["HEAD"] if self.takes_head else [])}))

    @property
    def pattern(self) -> str:
        """A regular expression (RE2) for the path without its query."""
        return "[^/]+".join(re.escape(part) for part in self.template.split("{}")) + "/?"


@dataclass(frozen=True)
class QueryParameter:
    """A query parameter that accepts only some texts."""

    rpc: str
    """The RPC's HTTP/2 path."""
    name: str
    pattern: str
    """A regular expression for the texts that the transcoder accepts."""
    description: str
    """The allowed values in words."""


def rpc_path(method: MethodDescriptor) -> str:
    """Returns the HTTP/2 path of an RPC, `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"


def http_route(method: MethodDescriptor) -> HttpRoute | None:
    """Returns the JSON route of an RPC. None if it has none: then only services of the mesh can call it."""
    rule: http_pb2.HttpRule = _options(method).Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return HttpRoute(verb.upper(), getattr(rule, verb), rule.body) if verb else None


def call_options(method: MethodDescriptor) -> options_pb2.CallOptions:
    """Returns the gateway's options for the calls of an RPC."""
    return _options(method).Extensions[options_pb2.call]


def _options(method: MethodDescriptor) -> descriptor_pb2.MethodOptions:
    # Parsed again with the pool that knows the extensions.
    options = message_factory.GetMessageClass(descriptor_pb2.MethodOptions.DESCRIPTOR)()
    options.ParseFromString(method.GetOptions().SerializeToString())
    return cast("descriptor_pb2.MethodOptions", options)


def json_paths(methods: Iterable[MethodDescriptor]) -> list[JsonPath]:
    """Returns the paths of the JSON routes, those without variables first."""
    by_template: dict[str, list[tuple[str, MethodDescriptor]]] = {}
    for method in methods:
        if route := http_route(method):
            template = re.sub(r"\{[^}]*\}", "{}", route.template)
            by_template.setdefault(template, []).append((route.verb, method))
    paths = [
        JsonPath(
            template,
            tuple(sorted(verb for verb, _ in found)),
            # No HEAD for streams: some never end, and some produce costly bytes. Stored bytes are no problem.
            any(
                verb == "GET" and (not method.server_streaming or call_options(method).stored_bytes)
                for verb, method in found
            ),
        )
        for template, found in by_template.items()
    ]
    return sorted(paths, key=lambda path: (path.template.count("{}"), path.template))


def query_parameters(methods: Iterable[MethodDescriptor]) -> list[QueryParameter]:
    """Returns the query parameters that accept only some texts, of all RPCs that take a query."""
    return [
        QueryParameter(rpc_path(method), field.name, *form)
        for method in methods
        if (route := http_route(method)) and not route.body
        for field in method.input_type.fields
        if (form := _form(field))
    ]


def _form(field: FieldDescriptor) -> tuple[str, str] | None:
    if field.type == FieldDescriptor.TYPE_ENUM and field.enum_type:
        values = enum_values(field.enum_type)
        return "|".join(values), f"must be one of {', '.join(values)}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "true|t|yes|y|1|false|f|no|n|0", "must be true or false"
    if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32):
        return "-?[0-9]{1,9}", "must be a whole number"
    return None


def enum_values(enum: EnumDescriptor) -> tuple[str, ...]:
    """Returns the names of an enum's values except zero, which means unspecified."""
    return tuple(value.name for value in enum.values if value.number)
