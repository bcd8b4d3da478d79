"""The commands that run the five services on this machine."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.local.environment import service_environment
from deploy.local.process import Command
from gateway.settings import HTTP_SERVICES
from gateway.settings import SERVICES as SERVICE_NAMES

# tts runs engines as child processes. gRPC's fork handlers are on by default. They only cost time and log each fork.
# gRPC reads this variable when it is imported, so the process can't set it later.
GRPC_ENVIRONMENT = {"GRPC_ENABLE_FORK_SUPPORT": "false"}


@dataclass(frozen=True)
class ServiceProcess:
    """A service of the mesh, or a further worker of a service."""

    name: str
    arguments: Sequence[str]
    worker_of: str = ""
    """The service of a further worker, empty for the first process of a service."""

    @property
    def kind(self) -> str:
        """The name of the service, for workers too."""
        return self.worker_of or self.name

    @property
    def port_setting(self) -> str:
        """The name of the setting of its gRPC port."""
        return f"{self.name}_port"

    @property
    def metrics_port_setting(self) -> str:
        """The name of the setting of its metrics port."""
        return f"{self.name}_metrics_port"

    @property
    def http_port_setting(self) -> str:
        """The name of the setting of its port for audio, empty if it serves no audio."""
        return f"{self.name}_http_port" if self.kind in HTTP_SERVICES else ""

    @property
    def port_settings(self) -> list[str]:
        """The names of the settings of all its ports."""
        return [name for name in (self.port_setting, self.metrics_port_setting, self.http_port_setting) if name]


SERVICES = tuple(ServiceProcess(name, (sys.executable, "-m", f"services.{name}")) for name in SERVICE_NAMES)


def with_workers(services: Sequence[ServiceProcess], workers: Mapping[str, int]) -> list[ServiceProcess]:
    """Returns the services and their further workers, such as `tts-2`. `workers` is the number of processes of each."""
    return [
        *services,
        *(
            ServiceProcess(f"{service.name}-{number}", service.arguments, worker_of=service.name)
            for service in services
            for number in range(2, workers.get(service.name, 1) + 1)
        ),
    ]


def endpoints(services: Sequence[ServiceProcess], ports: Mapping[str, int]) -> dict[str, str]:
    """Returns the gRPC address of each service and each further worker: `host:port` by name."""
    return {s.name: f"127.0.0.1:{ports[s.port_setting]}" for s in services}


def http_endpoints(services: Sequence[ServiceProcess], ports: Mapping[str, int]) -> dict[str, str]:
    """Returns the audio address of each service and further worker that serves audio: `host:port` by name."""
    return {s.name: f"127.0.0.1:{ports[s.http_port_setting]}" for s in services if s.http_port_setting}


def command(
    service: ServiceProcess, ports: Mapping[str, int], shared: Mapping[str, str], extra: Mapping[str, str]
) -> Command:
    """Returns the command that starts a service. Its environment has its part of `shared`, its addresses, and `extra`,
    which overrides both."""
    everything = {
        **shared,
        "GRPC_ADDRESS": f"127.0.0.1:{ports[service.port_setting]}",
        "METRICS_ADDRESS": f"127.0.0.1:{ports[service.metrics_port_setting]}",
        **({"HTTP_ADDRESS": f"127.0.0.1:{ports[service.http_port_setting]}"} if service.http_port_setting else {}),
    }
    return Command(
        service.name, service.arguments, {**service_environment(service.kind, everything), **GRPC_ENVIRONMENT, **extra}
    )
