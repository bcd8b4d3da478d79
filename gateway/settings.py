"""The gateway's settings, from the environment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BeforeValidator, Field, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from voicearena.mesh.v1.mesh_pb2 import Service

SERVICES = dict(Service.items()[1:])
"""Every service and its default port."""
HTTP_SERVICES = ("elo", "experiments", "scoring", "tts")
"""The services that also serve audio, or take uploads, over plain HTTP."""
HTTP_PORTS_ABOVE = 10
"""The default HTTP port of a service is its other port plus this."""
PAGE = Path(__file__).parent / "web" / "dist"
"""Where the page is built, and where an installation has it."""
DESCRIPTORS = Path(__file__).parent.parent / "protos" / "gen" / "descriptors.pb"


class ServerAddress(NamedTuple):
    """The address of a server."""

    host: str
    port: int


def parse_endpoint(text: str) -> ServerAddress:
    """Reads `host:port`. Raises ValueError if it is malformed."""
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not host:port")
    return ServerAddress(host.strip("[]"), int(port))


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _directory(value: object) -> object:
    return None if value == "off" else value


def _endpoints(value: object) -> object:
    return tuple(parse_endpoint(part) for part in value.split(",")) if isinstance(value, str) else value


Addresses = Annotated[tuple[ServerAddress, ...], NoDecode, BeforeValidator(_endpoints), Field(min_length=1)]


def _at(port: int) -> tuple[ServerAddress, ...]:
    return (ServerAddress("127.0.0.1", port),)


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
    """The settings of the gateway. A field's environment variable is its name in upper case.

    `TTS_ADDRESS` has the addresses of tts: one `host:port` for each worker, separated by commas. `TTS_HTTP_ADDRESS` has
    the addresses at which tts serves audio over plain HTTP, and SCORING_HTTP_ADDRESS those at which scoring takes
    uploads. The other services have the same settings.
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    api_host: str = "127.0.0.1"
    """The address on which the API listens. 0.0.0.0 allows connections from other machines."""
    api_port: int = Field(default=8080, ge=1, le=65535)
    descriptors: Path = DESCRIPTORS
    """The path of the compiled protos on the machine of Envoy."""
    page_path: Annotated[Path | None, BeforeValidator(_directory)] = PAGE
    """The folder with the files of the page, also on the machine of Envoy. `off` serves no page."""
    public_url: str = Field(default="http://localhost:8080", pattern=r"^https?://[^\s/]+$")
    """Where people reach the gateway. Previews of links name their pictures with it."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = (
        "http://localhost:3000",
        "http://localhost:5173",
    )
    """The origins of web pages that can call the API, separated by commas. `*` is any. Default: the usual ports of
    development servers."""
    max_upload_size_mb: int = Field(default=50, ge=1, le=1024)
    """The largest recording in an upload, in MB."""
    max_connections: int = Field(default=4096, ge=1)
    """The largest number of client connections."""
    connection_count_port: int = Field(default=0, ge=0, le=65535)
    """The UDP port on loopback to which the gateway sends its number of connections. 0 is none."""
    connection_pressure_file: Path | None = None
    """The file from which the gateway reads the share of connections in use. Above one half, it closes idle connections
    sooner."""
    rate_limit_per_second: int = Field(default=50, ge=0, le=100_000)
    """Calls per second with one API key, or from one address (for IPv6, one /64) without a key. 0 is no limit."""
    rate_limit_burst: int = Field(default=100, ge=1, le=1_000_000)
    """Calls that can come at once after a pause."""
    anonymous_rate_limit_per_second: int = Field(default=5, ge=0, le=100_000)
    """Calls per second from one address that create something without a key, use reflection, or have an unknown key.
    Each kind is counted separately. 0 is no limit."""
    anonymous_rate_limit_burst: int = Field(default=50, ge=1, le=1_000_000)
    """Such calls that can come at once after a pause."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """The number of your own proxies in front of the gateway, which add the caller's address to X-Forwarded-For."""
    access_log: bool = False
    """Whether each call is written to the log."""

    def addresses(self) -> dict[str, tuple[ServerAddress, ...]]:
        """Returns the addresses of each service."""
        return {name: getattr(self, f"{name}_address") for name in SERVICES}

    def http_addresses(self) -> dict[str, tuple[ServerAddress, ...]]:
        """Returns the addresses at which services serve audio and take uploads over plain HTTP, by service."""
        return {name: getattr(self, f"{name}_http_address") for name in HTTP_SERVICES}
