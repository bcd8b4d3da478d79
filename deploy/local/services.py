"""The five services as processes of this machine."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.local.environment import of_service
from deploy.local.process import Command
from gateway.settings import HTTP_SERVICES
from gateway.settings import SERVICES as SERVICE_NAMES

# tts runs engines as child processes. gRPC's handlers of forks, on by default, only cost time there and log each fork.
# gRPC reads this when it is imported, so a process can't set it for itself without doing so at import.
GRPC_ENVIRONMENT = {"GRPC_ENABLE_FORK_SUPPORT": "false"}


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

    @property
    def http_port_setting(self) -> str:
        """The setting of the port on which it serves audio, empty if it has none."""
        return f"{self.name}_http_port" if self.kind in HTTP_SERVICES else ""

    @property
    def port_settings(self) -> list[str]:
        """The settings of all its ports."""
        return [name for name in (self.port_setting, self.metrics_port_setting, self.http_port_setting) if name]


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


def http_endpoints(services: Sequence[Service], ports: Mapping[str, int]) -> dict[str, str]:
    """Returns where each service that has audio, and each further worker of one, serves it: `host:port` by name."""
    return {s.name: f"127.0.0.1:{ports[s.http_port_setting]}" for s in services if s.http_port_setting}


def command(service: Service, ports: Mapping[str, int], shared: Mapping[str, str], extra: Mapping[str, str]) -> Command:
    """Returns how a service is started: with its own of what all are told, its addresses, and `extra` above them."""
    told = {
        **shared,
        "GRPC_ADDRESS": f"127.0.0.1:{ports[service.port_setting]}",
        "METRICS_ADDRESS": f"127.0.0.1:{ports[service.metrics_port_setting]}",
        **({"HTTP_ADDRESS": f"127.0.0.1:{ports[service.http_port_setting]}"} if service.http_port_setting else {}),
    }
    return Command(service.name, service.arguments, {**of_service(service.kind, told), **GRPC_ENVIRONMENT, **extra})
