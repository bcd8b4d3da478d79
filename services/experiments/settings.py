"""The settings of the experiments service."""

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.experiments.verdict import QUALITY, CompositeProfile, custom_profile
from services.experiments.webhooks.ssrf_guard.addresses import Network
from services.experiments.webhooks.ssrf_guard.policy import HostPort, SsrfPolicy, bus_ports, database_ports, site_port
from services.runtime.mesh import default_address
from services.runtime.settings import (
    Addresses,
    AudioSettings,
    ClipSettings,
    DatabaseSettings,
    HttpSettings,
    LinkSettings,
    RetentionSettings,
    ServiceSettings,
    WatchSettings,
    named_weights,
)


def _opened(value: object) -> object:
    """Reads a comma-separated list of networks and `host:port` pairs."""
    return tuple(_network_or_port(part) for part in _parts(value)) if isinstance(value, str) else value


def _network_or_port(text: str) -> Network | HostPort:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        try:
            return HostPort.parse(text)
        except ValueError:
            raise ValueError(f"{text!r} must be a network like 10.0.0.0/8, or host:port like 127.0.0.1:9000") from None


def _ports(value: object) -> object:
    """Reads a comma-separated list of `host:port`."""
    return tuple(HostPort.parse(part) for part in _parts(value)) if isinstance(value, str) else value


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _quality(value: object) -> object:
    """Reads a comma-separated list of weights: `naturalness=0.5,intelligibility=0.5`."""
    return custom_profile(named_weights(value), QUALITY.name) if isinstance(value, str) else value


class ExperimentsSettings(
    ServiceSettings,
    HttpSettings,
    DatabaseSettings,
    AudioSettings,
    LinkSettings,
    RetentionSettings,
    ClipSettings,
    WatchSettings,
):
    """The settings of the experiments service."""

    scoring_address: Addresses = default_address("scoring")
    elo_address: Addresses = default_address("elo")
    max_running_experiments: int = Field(10, ge=1, le=10_000)
    """The number of experiments that a developer can run at the same time."""
    max_unfinished_experiments: int = Field(500, ge=1, le=1_000_000)
    """The number of unfinished experiments that a developer can have: created, running, or waiting for listeners."""
    quality_weights: Annotated[CompositeProfile, NoDecode, BeforeValidator(_quality)] = QUALITY
    """The weights of the composite profile `quality` for new experiments: `naturalness=0.5,intelligibility=0.5`."""
    webhook_allowed_networks: Annotated[tuple[Network | HostPort, ...], NoDecode, BeforeValidator(_opened)] = ()
    """Networks and single ports that webhooks can use although they are not public: `10.0.0.0/8,127.0.0.1:9000`."""
    mesh_addresses: Annotated[tuple[HostPort, ...], NoDecode, BeforeValidator(_ports)] = ()
    """Further addresses of the mesh, besides those in the other settings: comma-separated `host:port`. Webhooks are
    never sent to them."""

    @property
    def ssrf_policy(self) -> SsrfPolicy:
        """Returns the addresses that webhooks can and can't use."""
        addresses = (self.grpc_address, self.metrics_address, self.http_address, self.auth_address)
        named = ",".join((*addresses, self.scoring_address, self.elo_address))
        mesh = [
            *self.mesh_addresses,
            *(HostPort.parse(each) for each in named.split(",")),
            *database_ports(self.database_url.get_secret_value()),
            *bus_ports(self.nats_url),
        ]
        return SsrfPolicy(self.webhook_allowed_networks, mesh, site_port(self.public_url))
