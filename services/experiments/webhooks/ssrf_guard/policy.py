"""The policy of the SSRF guard: which private targets the operator allows, and the mesh's own ports, never allowed."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from services.experiments.webhooks.ssrf_guard.addresses import (
    Address,
    Network,
    effective_address,
    ip_literal,
    is_allowed,
    is_local_address,
    is_loopback_name,
)

NATS_PORT, NATS_MONITORING_PORT, POSTGRES_PORT = 4222, 8222, 5432
DEFAULT_PORTS = {"http": 80, "https": 443}


class HostPort(NamedTuple):
    """A host and a port. The host is an IP address or a name in lower case."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `host:port`, with an IPv6 address in brackets. Raises ValueError if the text has another form."""
        host, _, port = text.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} is not host:port")
        if host.startswith("[") and host.endswith("]"):
            return cls(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        if ":" in host:
            raise ValueError(f"{text!r} must have its IPv6 address in brackets")
        return cls(host.lower().removesuffix("."), int(port))


@dataclass(frozen=True, slots=True)
class SsrfPolicy:
    """Where webhooks may go besides public addresses, and where they may never go."""

    allowed: Sequence[Network | HostPort] = ()
    """Networks that are allowed on every port, and single ports such as `127.0.0.1:9000`."""
    mesh: Sequence[HostPort] = ()
    """Where the mesh, its database and its bus listen. No setting allows these."""
    site: HostPort | None = None
    """The host and port of PUBLIC_URL. It is compared by name only, because other sites may share its address."""

    @property
    def networks(self) -> Sequence[Network]:
        """The networks that are allowed on every port."""
        return [each for each in self.allowed if not isinstance(each, HostPort)]

    def allows(self, host: str, address: Address, port: int) -> bool:
        """Whether a port of an address is public or allowed. `host` is the name that resolved to the address."""
        by_port = HostPort(host, port) in self.allowed or HostPort(str(address), port) in self.allowed
        return by_port or is_allowed(address, self.networks)

    def names_mesh_port(self, host: str, port: int) -> bool:
        """Whether a port belongs to the mesh, judged from the host as written, without resolving its name."""
        if (host, port) == self.site:
            return True
        hosts = [each.host for each in self.mesh_hosts_on(port)]
        if host in hosts:
            return True
        address = ip_literal("127.0.0.1" if is_loopback_name(host) else host)
        return address is not None and self.is_same_host(address, filter(None, map(ip_literal, hosts)))

    def mesh_hosts_on(self, port: int) -> list[HostPort]:
        """Returns where the mesh listens on this port number."""
        return [each for each in self.mesh if each.port == port]

    @staticmethod
    def is_same_host(address: Address, hosts: Iterable[Address]) -> bool:
        """Whether an address leads to one of the hosts: it equals one, or both belong to this machine."""
        address = effective_address(address)
        return any(
            address == effective_address(host)
            or (is_local_address(address) and is_local_address(effective_address(host)))
            for host in hosts
        )


def database_ports(url: str) -> list[HostPort]:
    """Returns every host of a PostgreSQL URL with each of its ports. A Unix socket has none."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    hosts = [host for name in ("host", "hostaddr") for host in parts.get(name, "").split(",") if host]
    ports = [int(port) for port in parts.get("port", "").split(",") if port] or [POSTGRES_PORT]
    return [HostPort(host.lower(), port) for host in hosts if not host.startswith("/") for port in ports]


def bus_ports(urls: str) -> list[HostPort]:
    """Returns the host and port of each NATS server, and of its monitoring."""
    found = []
    for url in filter(None, (part.strip() for part in urls.split(","))):
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        host = (parts.hostname or "").lower()
        found += [HostPort(host, parts.port or NATS_PORT), HostPort(host, NATS_MONITORING_PORT)]
    return found


def site_port(url: str) -> HostPort:
    """Returns the host and port of an http or https URL."""
    parts = urlsplit(url)
    return HostPort((parts.hostname or "").lower(), parts.port or DEFAULT_PORTS[parts.scheme])
