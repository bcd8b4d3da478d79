"""The RPCs of the API, as the protos describe them."""

from dataclasses import dataclass
from functools import cache

from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from voicearena.mesh.v1 import mesh_service_pb2, process_service_pb2

from services.runtime.mesh import stubs

MODULES = (*stubs("_service_pb2"), mesh_service_pb2, process_service_pb2)


@dataclass(frozen=True)
class Rpc:
    """An RPC, with everything that a client of any protocol needs to call it."""

    descriptor: MethodDescriptor

    @property
    def name(self) -> str:
        """`Service.Method`."""
        return f"{self.descriptor.containing_service.name}.{self.descriptor.name}"

    @property
    def path(self) -> str:
        """The HTTP/2 path."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def owner(self) -> str:
        """The service whose process serves the RPC."""
        package = self.descriptor.containing_service.full_name.split(".")[1]
        return "auth" if package == "mesh" else package

    @property
    def request(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.input_type)

    @property
    def response(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.output_type)

    @property
    def streams(self) -> bool:
        return bool(self.descriptor.server_streaming)

    @property
    def is_raw(self) -> bool:
        """Whether JSON clients receive bytes of another content type instead of JSON."""
        return self.descriptor.output_type.full_name == "google.api.HttpBody"

    @property
    def route(self) -> tuple[str, str, bool] | None:
        """The verb, the path template, and whether there is a body. None if only services of the mesh call the RPC."""
        rule = self.descriptor.GetOptions().Extensions[annotations_pb2.http]
        verb = rule.WhichOneof("pattern")
        return (verb.upper(), getattr(rule, verb), rule.body == "*") if verb else None


@cache
def rpcs() -> dict[str, Rpc]:
    """Returns every RPC by `Service.Method`."""
    found = [
        Rpc(method)
        for module in MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    return {rpc.name: rpc for rpc in found}


def public_rpcs() -> dict[str, Rpc]:
    """Returns the RPCs that people can call."""
    return {name: rpc for name, rpc in rpcs().items() if rpc.route}
