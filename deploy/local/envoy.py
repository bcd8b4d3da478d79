"""Envoy in front of the services of this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import Command
from deploy.local.settings import ENV_FILE, LocalSettings, describe
from gateway.config import ExtraRoute, envoy_binary, render
from gateway.connection_pressure import ConnectionPressure
from gateway.settings import GatewaySettings

# Settings of the gateway that the supervisor has, too.
SHARED_SETTINGS = (
    "api_host",
    "rate_limit_per_second",
    "rate_limit_burst",
    "anonymous_rate_limit_per_second",
    "anonymous_rate_limit_burst",
)


def command(
    settings: LocalSettings,
    ports: Mapping[str, int],
    endpoints: Mapping[str, Sequence[str]],
    data_dir: DataDir,
    environment: Mapping[str, str],
    pressure: ConnectionPressure,
    extra_routes: Sequence[ExtraRoute] = (),
) -> Command:
    """Writes the gateway's configuration and returns how it is started. MeshError if a setting of it is bad.

    `endpoints` are those of each service's workers; `pressure` will be told how many connections there are.
    """
    try:
        chosen: dict[str, Any] = {f"{name}_address": ",".join(workers) for name, workers in endpoints.items()}
        chosen["api_port"] = ports["api_port"]
        chosen |= {name: getattr(settings, name) for name in SHARED_SETTINGS}
        chosen |= {"connection_count_port": pressure.port, "connection_pressure_file": pressure.file}
        gateway = GatewaySettings(_env_file=ENV_FILE, **chosen)  # type: ignore[call-arg]
    except ValidationError as error:
        raise MeshError(describe(error)) from None
    try:
        configuration = render(gateway, extra_routes)
    except FileNotFoundError:
        raise MeshError("the protos are not compiled: run `make gen`") from None
    pressure.max_connections = gateway.max_connections
    file = data_dir.path / "run" / "envoy.yaml"
    file.touch(mode=0o600)
    file.write_text(configuration)
    arguments = [str(envoy_binary()), "-c", str(file), "--concurrency", str(settings.envoy_threads)]
    # The log level is fixed, since Envoy writes headers, and so keys, at lower ones.
    # Nothing is handed over to a next Envoy, so its shared memory, which would clash between meshes, is not needed.
    return Command("envoy", [*arguments, "--disable-hot-restart", "--log-level", "warning"], environment)
