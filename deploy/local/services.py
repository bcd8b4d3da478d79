"""The five services as processes of this machine."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.local.process import Command


@dataclass(frozen=True)
class Service:
    """A service of the mesh and how it is started."""

    name: str
    arguments: Sequence[str]

    @property
    def port_setting(self) -> str:
        """The setting of its gRPC port."""
        return f"{self.name}_port"

    @property
    def metrics_port_setting(self) -> str:
        """The setting of its metrics port."""
        return f"{self.name}_metrics_port"


SERVICES = tuple(
    Service(name, (sys.executable, "-m", f"services.{name}"))
    for name in ("auth", "experiments", "tts", "scoring", "elo")
)


def endpoints(services: Sequence[Service], ports: Mapping[str, int]) -> dict[str, str]:
    """Returns where each service listens, `host:port` by name."""
    return {s.name: f"127.0.0.1:{ports[s.port_setting]}" for s in services}


def command(service: Service, ports: Mapping[str, int], shared: Mapping[str, str], extra: Mapping[str, str]) -> Command:
    """Returns how a service is started: with what all are told, its own addresses, and `extra` above them."""
    environment = {
        **shared,
        "GRPC_ADDRESS": f"127.0.0.1:{ports[service.port_setting]}",
        "METRICS_ADDRESS": f"127.0.0.1:{ports[service.metrics_port_setting]}",
        **extra,
    }
    return Command(service.name, service.arguments, environment)
