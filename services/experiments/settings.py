"""What the experiments service is told beyond what every service is."""

import ipaddress
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.experiments.verdict import QUALITY, CompositeProfile, own_weights
from services.experiments.webhooks.addresses import Network
from services.experiments.webhooks.reach import HostPort, Reach, bus_ports, database_ports, site_port
from services.runtime.mesh import default_address
from services.runtime.settings import (
    Addresses,
    AudioSettings,
    DatabaseSettings,
    HttpSettings,
    LinkSettings,
    ServiceSettings,
)


def _opened(value: object) -> object:
    """Reads networks and single ports with commas between them."""
    return tuple(_network_or_port(part) for part in _parts(value)) if isinstance(value, str) else value


def _network_or_port(text: str) -> Network | HostPort:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        try:
            return HostPort.parse(text)
        except ValueError:
            raise ValueError(f"{text!r} is neither a network, 10.0.0.0/8, nor host:port, 127.0.0.1:9000") from None


def _ports(value: object) -> object:
    """Reads `host:port` with commas between them."""
    return tuple(HostPort.parse(part) for part in _parts(value)) if isinstance(value, str) else value


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _quality(value: object) -> object:
    """Reads weights with commas between them: `naturalness=0.5,intelligibility=0.5`."""
    if not isinstance(value, str):
        return value
    weights: dict[str, float] = {}
    for part in value.split(","):
        metric, given, weight = part.partition("=")
        if not given:
            raise ValueError(f"must be like naturalness=0.5,intelligibility=0.5; {part!r} is no weight")
        weights[metric.strip()] = float(weight)
    return own_weights(weights, QUALITY.name)


class ExperimentsSettings(ServiceSettings, HttpSettings, DatabaseSettings, AudioSettings, LinkSettings):
    """The experiments service's settings."""

    scoring_address: Addresses = default_address("scoring")
    elo_address: Addresses = default_address("elo")
    reconcile_after_seconds: float = Field(60.0, gt=0, le=3600)
    """How long an experiment may stand still before its unanswered requests are made again."""
    watch_heartbeat_seconds: float = Field(10.0, gt=0, le=60)
    """How often a stream says that it lives while nothing changes."""
    retention_sweep_seconds: float = Field(600.0, gt=0, le=86_400)
    """How often audio is looked for whose retention time is over."""
    events_in_flight: int = Field(8, ge=1, le=256)
    """How many events of each stream are handled at a time."""
    max_running_experiments: int = Field(10, ge=1, le=10_000)
    """How many experiments of a developer run at a time."""
    max_unfinished_experiments: int = Field(500, ge=1, le=1_000_000)
    """How many experiments of a developer may not have ended: created and not run yet, running, or listened to."""
    audio_retention_days: int = Field(30, ge=1, le=3650)
    """How long audio is kept after the end of an experiment whose plan does not say."""
    quality_weights: Annotated[CompositeProfile, NoDecode, BeforeValidator(_quality)] = QUALITY
    """What the composite profile `quality` gives weight to, from now on: `naturalness=0.5,intelligibility=0.5`."""
    webhook_allowed_networks: Annotated[tuple[Network | HostPort, ...], NoDecode, BeforeValidator(_opened)] = ()
    """What webhooks may be sent to though it is not public: networks, and single ports: `10.0.0.0/8,127.0.0.1:9000`."""
    mesh_addresses: Annotated[tuple[HostPort, ...], NoDecode, BeforeValidator(_ports)] = ()
    """Where the mesh listens, beside what the other settings name: `host:port`, several with commas between them.
    Webhooks never go there."""

    @property
    def webhook_reach(self) -> Reach:
        """How far webhooks reach."""
        addresses = (self.grpc_address, self.metrics_address, self.http_address, self.auth_address)
        named = ",".join((*addresses, self.scoring_address, self.elo_address))
        mesh = [
            *self.mesh_addresses,
            *(HostPort.parse(each) for each in named.split(",")),
            *database_ports(self.database_url.get_secret_value()),
            *bus_ports(self.nats_url),
        ]
        return Reach(self.webhook_allowed_networks, mesh, site_port(self.public_url))
