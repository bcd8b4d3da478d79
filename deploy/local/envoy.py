"""Starts Envoy in front of the services of this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.page import copy_page
from deploy.local.process import Command
from deploy.local.settings import ENV_FILE, LocalSettings, describe
from gateway.config import ExtraRoute, envoy_binary, render
from gateway.connection_pressure import ConnectionPressure
from gateway.settings import GatewaySettings

# Settings of the gateway that the supervisor has too.
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
    public_url: str,
    extra_routes: Sequence[ExtraRoute] = (),
) -> Command:
    """Writes the gateway's configuration and returns the command that starts it.

    `endpoints` has those of each service's workers. `pressure` receives the number of connections.
    `public_url` is where people reach the gateway. Raises MeshError if a setting is bad or the protos are not compiled.
    """
    try:
        chosen: dict[str, Any] = {f"{name}_address": ",".join(workers) for name, workers in endpoints.items()}
        chosen["api_port"] = ports["api_port"]
        chosen["public_url"] = public_url
        chosen |= {name: getattr(settings, name) for name in SHARED_SETTINGS}
        chosen |= {"connection_count_port": pressure.port, "connection_pressure_file": pressure.file}
        gateway = GatewaySettings(_env_file=ENV_FILE, **chosen)  # type: ignore[call-arg]
        gateway = gateway.model_copy(update={"page_path": copy_page(gateway.page_path, data_dir)})
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
    # The log level is fixed, because at lower levels Envoy logs headers, which contain API keys.
    # Hot restart is off: it is not used, and its shared memory would conflict between meshes.
    return Command("envoy", [*arguments, "--disable-hot-restart", "--log-level", "warning"], environment)
