"""How far webhooks reach: what an operator opens beside public addresses, and the mesh's own ports, which stay shut."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from services.experiments.webhooks.addresses import (
    Address,
    Network,
    inner,
    is_loopback_name,
    is_own,
    literal,
    may_be_called,
)

NATS_PORT, NATS_MONITORING_PORT, POSTGRES_PORT = 4222, 8222, 5432
DEFAULT_PORTS = {"http": 80, "https": 443}


class HostPort(NamedTuple):
    """A port of one host, which is an IP address or a name in lower case."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `host:port`, an IPv6 address in brackets. Raises ValueError if it is not that."""
        host, _, port = text.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} is not host:port")
        if host.startswith("[") and host.endswith("]"):
            return cls(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        if ":" in host:
            raise ValueError(f"{text!r}: an IPv6 address stands in brackets")
        return cls(host.lower().removesuffix("."), int(port))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where webhooks may go besides public addresses, and where they never go."""

    opened: Sequence[Network | HostPort] = ()
    """Networks that are open on every port, and single ports, `127.0.0.1:9000` say."""
    mesh: Sequence[HostPort] = ()
    """Where the mesh listens, with its database and bus. No setting opens these."""
    site: HostPort | None = None
    """Where people reach the mesh. Others may share its address, so it is known by its name only."""

    @property
    def networks(self) -> Sequence[Network]:
        """The networks that are open."""
        return [each for each in self.opened if not isinstance(each, HostPort)]

    def takes(self, host: str, address: Address, port: int) -> bool:
        """Whether a port of an address is a public one or open. `host` is the name that stands for the address."""
        by_port = HostPort(host, port) in self.opened or HostPort(str(address), port) in self.opened
        return by_port or may_be_called(address, self.networks)

    def names_mesh(self, host: str, port: int) -> bool:
        """Whether a port is the mesh's, as far as its host shows it without being looked up."""
        if (host, port) == self.site:
            return True
        known = self.mesh_at(port)
        if any(host == each.host for each in known):
            return True
        address = literal("127.0.0.1" if is_loopback_name(host) else host)
        return address is not None and self.meets(address, filter(None, (literal(each.host) for each in known)))

    def mesh_at(self, port: int) -> list[HostPort]:
        """Returns the hosts of the mesh that listen on a port."""
        return [each for each in self.mesh if each.port == port]

    @staticmethod
    def meets(address: Address, hosts: Iterable[Address]) -> bool:
        """Whether an address leads to one of the hosts: it is the same, or both are this machine's."""
        address = inner(address)
        return any(address == inner(host) or (is_own(address) and is_own(inner(host))) for host in hosts)


def database_ports(url: str) -> list[HostPort]:
    """Returns where a PostgreSQL is, each of its hosts; none for a Unix socket."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    hosts = [host for name in ("host", "hostaddr") for host in parts.get(name, "").split(",") if host]
    ports = [int(port) for port in parts.get("port", "").split(",") if port] or [POSTGRES_PORT]
    return [HostPort(host.lower(), port) for host in hosts if not host.startswith("/") for port in ports]


def bus_ports(urls: str) -> list[HostPort]:
    """Returns where a NATS is, each of its servers, with the port of its monitoring."""
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
