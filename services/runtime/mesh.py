"""The services of the mesh, as listed in the protos."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from voicearena.mesh.v1.mesh_pb2 import Service

SERVICES = tuple(Service.keys()[1:])


def default_address(service: str) -> str:
    """Returns a service's default address: its own port on this machine."""
    return f"127.0.0.1:{Service.Value(service)}"


def stubs(ending: str) -> Iterator[ModuleType]:
    """Yields the generated modules whose names end with `ending`, service by service."""
    for service in SERVICES:
        package = import_module(f"voicearena.{service}.v1")
        for found in pkgutil.iter_modules(package.__path__):
            if found.name.endswith(ending):
                yield import_module(f"{package.__name__}.{found.name}")
