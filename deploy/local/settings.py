"""The settings of a mesh on one machine, from the environment and from `.env` in the current folder."""

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deploy.local.errors import MeshError
from gateway.settings import HTTP_PORTS_ABOVE, HTTP_SERVICES, SERVICES

ENV_FILE = ".env"
Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 picks a free one."""


FIRST_METRICS_PORT = 9464
MAX_WORKERS = 16
MIN_ENVOY_THREADS = 2


def parse_workers(value: object) -> object:
    """Reads a text such as `tts=2,scoring=2`. Raises ValueError if it is malformed."""
    if not isinstance(value, str):
        return value
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _, number = part.partition("=")
        if name not in SERVICES or not number.isdecimal() or not 1 <= int(number) <= MAX_WORKERS:
            names = ", ".join(SERVICES)
            raise ValueError(f"{part!r} must be SERVICE=NUMBER: one of {names}, and 1 to {MAX_WORKERS}")
        found[name] = int(number)
    return found


if TYPE_CHECKING:
    _Ports = BaseSettings
else:
    _Ports = create_model(
        "_Ports",
        __base__=BaseSettings,
        **{f"{name}_port": (Port, port) for name, port in SERVICES.items()},
        **{f"{name}_http_port": (Port, SERVICES[name] + HTTP_PORTS_ABOVE) for name in HTTP_SERVICES},
        **{f"{name}_metrics_port": (Port, port) for port, name in enumerate(SERVICES, FIRST_METRICS_PORT)},
    )


class LocalSettings(_Ports):
    """The settings of the supervisor. A field's environment variable is its name in upper case.

    `TTS_PORT`, `TTS_HTTP_PORT` and `TTS_METRICS_PORT` are the ports of tts. The other services have the same.
    """

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True)

    arena_data_dir: Path = Path(".arena")
    """The directory of everything that survives a restart."""
    ephemeral: bool = False
    """Uses a temporary data directory and deletes it at the end."""
    database_url: SecretStr | None = None
    """A PostgreSQL to use. Default: the embedded one."""
    nats_url: str | None = None
    """A NATS to use. Default: the embedded one."""
    audio_storage_path: str | None = None
    """A directory or s3://bucket/prefix. Default: `audio` in the data directory."""
    public_url: str | None = None
    """The URL of the gateway for people. Default: http://localhost:API_PORT."""
    api_host: str = "127.0.0.1"
    """The address on which the API listens. 0.0.0.0 allows connections from other machines."""
    api_port: Port = 8080
    rate_limit_per_second: int = Field(50, ge=0, le=100_000)
    """Calls per second with one API key, or from one address without a key. 0 is no limit."""
    rate_limit_burst: int = Field(100, ge=1, le=1_000_000)
    """Calls that can come at once after a pause."""
    anonymous_rate_limit_per_second: int = Field(5, ge=0, le=100_000)
    """Calls per second from one address that create something without a key, use reflection, or have an unknown key.
    Each kind is counted separately. 0 is no limit."""
    anonymous_rate_limit_burst: int = Field(50, ge=1, le=1_000_000)
    """Such calls that can come at once after a pause."""
    workers: Annotated[dict[str, int], NoDecode, BeforeValidator(parse_workers)] = Field(default_factory=dict)
    """The number of processes of a service, such as `tts=2,scoring=2`. Default: one each."""
    envoy_concurrency: int = Field(0, ge=0, le=64)
    """Envoy's worker threads. 0 is one for two processors, because the services need the others, but at least two, so
    that one can answer while the other is busy."""
    postgres_port: Port = 55432
    nats_port: Port = 54222
    ready_seconds: float = Field(60, gt=0, le=600)
    """The time within which every service must be serving."""
    stop_seconds: float = Field(15, gt=0, le=600)
    """The time after which a process that does not stop is killed. Longer than the services' DRAIN_SECONDS."""

    @property
    def reachable_by_others(self) -> bool:
        """Whether other machines can reach the gateway: it listens for them, or its URL says that a proxy does."""
        url_host = urlsplit(self.public_url).hostname if self.public_url else None
        return not all(_is_loopback(host) for host in (self.api_host, url_host) if host)

    @property
    def envoy_threads(self) -> int:
        """The number of Envoy's worker threads."""
        return self.envoy_concurrency or max(MIN_ENVOY_THREADS, min(4, (os.cpu_count() or 1) // 2))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


PORT_SETTINGS = [name for name in LocalSettings.model_fields if name.endswith("_port")]


def load_settings(**overrides: object) -> LocalSettings:
    """Reads the settings. None in `overrides` changes nothing. Raises MeshError that names each bad setting."""
    try:
        return LocalSettings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise MeshError(describe(error)) from None


def describe(error: ValidationError) -> str:
    """Returns one line that names each bad setting."""
    return "bad setting: " + "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())


def inherited_environment() -> dict[str, str]:
    """Returns the supervisor's environment, and the variables of `.env` that it does not set."""
    return {**{k: v for k, v in dotenv_values(ENV_FILE).items() if v is not None}, **os.environ}
