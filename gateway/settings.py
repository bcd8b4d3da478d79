"""The gateway's settings, from the environment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BeforeValidator, Field, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from voicearena.mesh.v1.mesh_pb2 import Service

SERVICES = dict(Service.items()[1:])
"""Every service, with the port on which it listens unless a setting says otherwise."""
HTTP_SERVICES = ("experiments", "tts")
"""Those that serve audio over plain HTTP too."""
HTTP_PORTS_ABOVE = 10
"""How far above its other port a service does that."""
DESCRIPTORS = Path(__file__).parent.parent / "protos" / "gen" / "descriptors.pb"


class Endpoint(NamedTuple):
    """Where something listens."""

    host: str
    port: int


def parse_endpoint(text: str) -> Endpoint:
    """Reads `host:port`; ValueError if it is not that."""
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not host:port")
    return Endpoint(host.strip("[]"), int(port))


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _endpoints(value: object) -> object:
    return tuple(parse_endpoint(part) for part in value.split(",")) if isinstance(value, str) else value


Addresses = Annotated[tuple[Endpoint, ...], NoDecode, BeforeValidator(_endpoints), Field(min_length=1)]


def _at(port: int) -> tuple[Endpoint, ...]:
    return (Endpoint("127.0.0.1", port),)


if TYPE_CHECKING:
    _Addresses = BaseSettings
else:
    _Addresses = create_model(
        "_Addresses",
        __base__=BaseSettings,
        **{f"{name}_address": (Addresses, _at(port)) for name, port in SERVICES.items()},
        **{f"{name}_http_address": (Addresses, _at(SERVICES[name] + HTTP_PORTS_ABOVE)) for name in HTTP_SERVICES},
    )


class GatewaySettings(_Addresses):
    """What the gateway is told. A field's environment variable is its name in upper case.

    `TTS_ADDRESS` says where tts listens: one `host:port` for each worker, separated by commas. `TTS_HTTP_ADDRESS` says
    in the same way where it serves audio over plain HTTP. The other services have theirs.
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    api_host: str = "127.0.0.1"
    """The address on which the API listens; 0.0.0.0 to be reached from other machines."""
    api_port: int = Field(default=8080, ge=1, le=65535)
    descriptors: Path = DESCRIPTORS
    """The compiled protos, as Envoy finds them."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = (
        "http://localhost:3000",
        "http://localhost:5173",
    )
    """Which other sites' pages may call, separated by commas; `*` for any. By default the usual development servers."""
    max_upload_size_mb: int = Field(default=50, ge=1, le=1024)
    """The largest body of a request."""
    max_connections: int = Field(default=4096, ge=1)
    """The most connections of clients at a time."""
    connection_count_port: int = Field(default=0, ge=0, le=65535)
    """The UDP port of loopback to which the gateway sends how many connections it has; 0 for none."""
    connection_pressure_file: Path | None = None
    """From which file it reads which share of the most connections that is. Above half of them it waits less and less
    for connections on which nothing happens."""
    rate_limit_per_second: int = Field(default=50, ge=0, le=100_000)
    """Calls per second with one API key, and without one from one address (of IPv6, one /64); 0 for any number."""
    rate_limit_burst: int = Field(default=100, ge=1, le=1_000_000)
    """Calls that may come at once after a pause."""
    anonymous_rate_limit_per_second: int = Field(default=5, ge=0, le=100_000)
    """Calls per second from one address that create something for anybody, ask for reflection, or bring an unknown key,
    each counted for itself; 0 for any number."""
    anonymous_rate_limit_burst: int = Field(default=50, ge=1, le=1_000_000)
    """Such calls that may come at once after a pause."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """How many proxies of one's own stand before the gateway and add to X-Forwarded-For where calls come from."""
    access_log: bool = False
    """Whether each call is written to the log."""

    def addresses(self) -> dict[str, tuple[Endpoint, ...]]:
        """Returns where each service listens, by service."""
        return {name: getattr(self, f"{name}_address") for name in SERVICES}

    def http_addresses(self) -> dict[str, tuple[Endpoint, ...]]:
        """Returns where services serve audio over plain HTTP, by service."""
        return {name: getattr(self, f"{name}_http_address") for name in HTTP_SERVICES}
