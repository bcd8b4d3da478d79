"""The command that starts the mesh, and the errors of starting it."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.local_mesh import LocalMesh, local_address, runner_command, stopping_on_signals


def test_the_runner_gets_its_flags() -> None:
    start = [sys.executable, "-m", "deploy.local"]
    assert runner_command(None, ephemeral=False) == start
    assert runner_command(Path("/data"), ephemeral=False) == [*start, "--data-dir", "/data"]
    assert runner_command(None, ephemeral=True) == [*start, "--ephemeral"]


def test_the_address_has_the_port_of_the_settings() -> None:
    assert str(local_address({})) == "http://localhost:8080"
    assert str(local_address({"API_PORT": "9000"})) == "http://localhost:9000"
    assert local_address({"API_PORT": "0"}).port > 0


@pytest.mark.parametrize("port", ["x", "-1", "65536", "80.5"])
def test_a_bad_port_is_bad_input(port: str) -> None:
    with pytest.raises(CliError, match="API_PORT must be 0 to 65535") as caught:
        local_address({"API_PORT": port})
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_port_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mesh = LocalMesh(tmp_path, GatewayAddress("http", "localhost", port), ["/bin/false"])
        with pytest.raises(CliError, match=f"Port {port} is in use") as caught:
            mesh.start()
    assert caught.value.exit_code == ExitCode.CONFLICT
    assert not mesh.started


def test_sigterm_interrupts_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stopping_on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
