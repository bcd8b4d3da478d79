"""The five services as processes of this machine."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.local.environment import of_service
from deploy.local.process import Command
from deploy.local.settings import SERVICE_NAMES


@dataclass(frozen=True)
class Service:
    """A service of the mesh, or a further worker of one, and how it is started."""

    name: str
    arguments: Sequence[str]
    worker_of: str = ""
    """The service that this is a further worker of, empty for the first."""

    @property
    def kind(self) -> str:
        """Which service it is."""
        return self.worker_of or self.name

    @property
    def port_setting(self) -> str:
        """The setting of its gRPC port."""
        return f"{self.name}_port"

    @property
    def metrics_port_setting(self) -> str:
        """The setting of its metrics port."""
        return f"{self.name}_metrics_port"


SERVICES = tuple(Service(name, (sys.executable, "-m", f"services.{name}")) for name in SERVICE_NAMES)


def with_workers(services: Sequence[Service], workers: Mapping[str, int]) -> list[Service]:
    """Returns the services with the further workers of each, `tts-2` say, as many in all as `workers` says."""
    return [
        *services,
        *(
            Service(f"{service.name}-{number}", service.arguments, worker_of=service.name)
            for service in services
            for number in range(2, workers.get(service.name, 1) + 1)
        ),
    ]


def endpoints(services: Sequence[Service], ports: Mapping[str, int]) -> dict[str, str]:
    """Returns where each service, and each further worker, listens: `host:port` by name."""
    return {s.name: f"127.0.0.1:{ports[s.port_setting]}" for s in services}


def command(service: Service, ports: Mapping[str, int], shared: Mapping[str, str], extra: Mapping[str, str]) -> Command:
    """Returns how a service is started: with its own of what all are told, its addresses, and `extra` above them."""
    told = {
        **shared,
        "GRPC_ADDRESS": f"127.0.0.1:{ports[service.port_setting]}",
        "METRICS_ADDRESS": f"127.0.0.1:{ports[service.metrics_port_setting]}",
    }
    return Command(service.name, service.arguments, {**of_service(service.kind, told), **extra})
