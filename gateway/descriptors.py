"""What the gateway reads from the compiled protos: which RPCs there are, which are public and which stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor


@dataclass(frozen=True)
class Descriptors:
    """A compiled set of protos."""

    file_set: descriptor_pb2.FileDescriptorSet
    pool: descriptor_pool.DescriptorPool

    @classmethod
    def read(cls, *paths: Path) -> "Descriptors":
        """Reads and joins descriptor sets. FileNotFoundError if one is not there: `make gen` writes the project's."""
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


def rpc_path(method: MethodDescriptor) -> str:
    """Returns the HTTP/2 path of an RPC, `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"


def http_template(method: MethodDescriptor) -> str | None:
    """Returns the path template of an RPC's JSON route (`/api/v1/models/{id}`), None if it has none."""
    options = message_factory.GetMessageClass(descriptor_pb2.MethodOptions.DESCRIPTOR)()
    options.ParseFromString(method.GetOptions().SerializeToString())
    rule = options.Extensions[annotations_pb2.http]
    pattern = rule.WhichOneof("pattern")
    return getattr(rule, pattern) if pattern else None


def request_enums(methods: list[MethodDescriptor]) -> list[EnumDescriptor]:
    """Returns each enum that a request can carry, by full name."""
    found: dict[str, EnumDescriptor] = {}
    visited: set[str] = set()

    def visit(message: Descriptor) -> None:
        if message.full_name in visited:
            return
        visited.add(message.full_name)
        for field in message.fields:
            if field.type == FieldDescriptor.TYPE_ENUM:
                found[field.enum_type.full_name] = field.enum_type
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                visit(field.message_type)

    for method in methods:
        visit(method.input_type)
    return [found[name] for name in sorted(found)]
