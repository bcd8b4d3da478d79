"""The mesh as a child process, with a small program in its place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from gateway.cli import local_mesh
from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError
from gateway.cli.local_mesh import LocalMesh, local_address

# Starts a child of its own, writes both process ids, and exits on SIGTERM.
FAMILY = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(sys.argv[1], "w") as fifo:
    fifo.write(f"{os.getpid()} {child.pid} {os.environ['API_PORT']}")
signal.pause()
"""


@pytest.fixture
def free_address() -> GatewayAddress:
    return local_address({"API_PORT": "0"})


def test_a_mesh_that_exits_before_it_is_ready_is_reported_with_the_end_of_its_log(
    tmp_path: Path, free_address: GatewayAddress
) -> None:
    mesh = LocalMesh(tmp_path, free_address, ["/bin/sh", "-c", "echo error: port 55432 is in use; exit 1"])
    mesh.start()
    with pytest.raises(CliError) as caught:
        mesh.wait_until_ready()
    assert caught.value.lines() == [
        "arena: The mesh exited with code 1 before it was ready.",
        "  error: port 55432 is in use",
        f"The full output is in {tmp_path}/logs/demo.log",
    ]
    assert mesh.stop()


def test_a_mesh_that_is_never_ready_is_an_error(tmp_path: Path, free_address: GatewayAddress) -> None:
    mesh = LocalMesh(tmp_path, free_address, [sys.executable, "-c", "import signal; signal.pause()"])
    mesh.start()
    try:
        with pytest.raises(CliError, match=r"The mesh was not ready after 0.01 s: Nothing answers"):
            mesh.wait_until_ready(0.01)
    finally:
        mesh.stop()


def test_a_stopped_mesh_leaves_no_process(
    tmp_path: Path, free_address: GatewayAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_mesh, "ORPHAN_TIMEOUT_SECONDS", 0.2)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    mesh = LocalMesh(tmp_path, free_address, [sys.executable, "-c", FAMILY, str(fifo)])
    mesh.start()
    parent, child, port = (int(word) for word in fifo.read_text().split())
    assert port == free_address.port
    assert not mesh.stop(), "the grandchild had to be killed"
    assert not psutil.pid_exists(parent)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert mesh.stop(), "stopping again does nothing"
