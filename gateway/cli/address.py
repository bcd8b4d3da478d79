"""The address of a gateway."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.cli.errors import CliError, ExitCode

DEFAULT_URL = "http://localhost:8080"
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class GatewayAddress:
    """Scheme, host and port of a gateway. Calls use TLS if the scheme is https."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> GatewayAddress:
        """Reads `http://HOST:PORT` or `https://HOST:PORT`. Raises CliError for any other URL: gRPC allows no path."""
        wrong = CliError(
            f"{url!r} is not the URL of a gateway.",
            ExitCode.USAGE,
            hint=f"Write it like {DEFAULT_URL}, without a path.",
        )
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise wrong from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
            raise wrong
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise wrong
        return cls(parts.scheme, parts.hostname, DEFAULT_PORTS[parts.scheme] if port is None else port)

    @property
    def secure(self) -> bool:
        """Whether calls go over TLS."""
        return self.scheme == "https"

    @property
    def target(self) -> str:
        """`host:port` in gRPC's format."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_this_machine(self) -> bool:
        """Whether the host is the loopback interface."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.target}"
