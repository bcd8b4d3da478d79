"""Settings, read from the environment and checked before the service starts."""

import ipaddress
import sys
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.mesh import default_address


def _host_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port")
    return value


def _addresses(value: str) -> str:
    parts = [_host_port(part.strip()) for part in value.split(",")]
    if len(parts) > 1 and not all(_is_ipv4(part.rpartition(":")[0]) for part in parts):
        raise ValueError("must be host:port, or several ipv4-address:port with commas between them")
    return ",".join(parts)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


Address = Annotated[str, AfterValidator(_host_port)]
Addresses = Annotated[str, AfterValidator(_addresses)]


class ServiceSettings(BaseSettings):
    """The settings of every service. A field's environment variable is its name in upper case.

    A service's own class adds the groups below that it needs, and no others: a process can't leak a secret that it does
    not have. A mesh on one machine passes each process only its own settings (deploy/local/environment.py).
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    grpc_address: Address = default_address("auth")
    """The address at which this service listens."""
    metrics_address: Address = "127.0.0.1:9464"
    """The address at which Prometheus reads this service's operational metrics, at /metrics."""
    nats_url: str = "nats://127.0.0.1:4222"
    auth_address: Addresses = default_address("auth")
    """The address of auth, which has the keys for identity tokens. It is a `host:port` whose host can resolve to one IP
    address per process, or several `ipv4-address:port`. The addresses of other services have the same form."""
    arena_data_dir: str = ""
    """The data directory of a mesh on one machine. A service checks whether its disk is full when something fails."""
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    drain_seconds: float = Field(10.0, ge=0, le=600)
    """How long calls in progress may continue after SIGTERM."""


class HttpSettings(BaseSettings):
    """The settings of a service that serves stored bytes over plain HTTP."""

    http_address: Address = "127.0.0.1:50061"
    """The address at which it serves them."""


class DatabaseSettings(BaseSettings):
    """The settings of a service with its own database schema."""

    database_url: SecretStr = SecretStr("postgresql://localhost:5432/voicearena")
    """The PostgreSQL database. Each service uses only the schema of its own name."""
    database_pool_size: int = Field(10, ge=1, le=100)
    """Connections per pool. A service has one pool for reading and one for transactions."""


class AudioSettings(BaseSettings):
    """The settings of a service that reads or writes audio."""

    audio_storage_path: str = ".arena/audio"
    """Where audio is stored: a directory, or s3://bucket/prefix."""


class RetentionSettings(BaseSettings):
    """Of a service that deletes audio after a time."""

    audio_retention_days: int = Field(30, ge=1, le=3650)
    """How long audio is kept after an experiment or an evaluation ends, unless the experiment sets its own time."""
    retention_sweep_seconds: float = Field(600.0, gt=0, le=86_400)
    """The interval between searches for audio whose retention time is over."""


class WatchSettings(BaseSettings):
    """Of a service that streams progress."""

    watch_heartbeat_seconds: float = Field(10.0, gt=0, le=60)
    """The interval between heartbeats of a watch stream while nothing changes."""


class SigningSettings(BaseSettings):
    """The settings of a service that signs links or page tokens."""

    audio_url_secret: SecretStr = Field(default=..., min_length=16)
    """The secret that signs links to audio and page tokens. It must be the same in every service that has it."""


class SiteSettings(BaseSettings):
    """The settings of a service that makes URLs of the gateway."""

    public_url: str = Field("http://localhost:8080", pattern=r"^https?://[^\s/]+$")
    """The URL at which people reach the gateway. Links to audio begin with it."""


class LinkSettings(SigningSettings, SiteSettings):
    """The settings of a service that makes links to audio."""

    audio_url_ttl_seconds: int = Field(3600, ge=10, le=7 * 24 * 3600)
    """How long a link to audio is valid."""


class ClipSettings(BaseSettings):
    """Of a service that has texts spoken and evaluated."""

    reconcile_after_seconds: float = Field(60.0, gt=0, le=3600)
    """The time without progress after which unanswered requests of an experiment, or of a battle, are sent again."""
    events_in_flight: int = Field(8, ge=1, le=256)
    """The number of events of each stream that are handled at the same time."""


def named_weights(text: str) -> dict[str, float]:
    """Reads a comma-separated list of weights: `naturalness=0.5,intelligibility=0.5`."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, given, weight = part.partition("=")
        if not given:
            raise ValueError(f"must be like naturalness=0.5,intelligibility=0.5; got {part!r}")
        weights[name.strip()] = float(weight)
    return weights


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S]) -> S:
    """Reads the environment. If a value is bad, names it in one line on stderr and exits with status 2."""
    try:
        return kind()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        print(f"bad setting: {faults}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
