"""The services of the mesh, as the protos list them."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from voicearena.mesh.v1.mesh_pb2 import Service

SERVICES = tuple(Service.keys()[1:])


def default_address(service: str) -> str:
    """Returns where a service is unless a setting says otherwise: on this machine, at its own port."""
    return f"127.0.0.1:{Service.Value(service)}"


def stubs(ending: str) -> Iterator[ModuleType]:
    """Yields the generated modules of all services whose names end so, in the order of the services."""
    for service in SERVICES:
        package = import_module(f"voicearena.{service}.v1")
        for found in pkgutil.iter_modules(package.__path__):
            if found.name.endswith(ending):
                yield import_module(f"{package.__name__}.{found.name}")
