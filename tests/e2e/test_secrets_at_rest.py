"""What other users of the machine can learn of a running mesh: nothing from its files, arguments and environments."""

import os
import stat
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.environment import OUTSIDE, PLAIN, SETTINGS
from deploy.local.mesh import Mesh
from deploy.local.services import GRPC_ENVIRONMENT
from tests.mesh import mesh_settings

SECRETS = {
    "CARTESIA_API_KEY": "sk-cartesia-of-this-test",
    "ELEVENLABS_API_KEY": "sk-elevenlabs-of-this-test",
    "OPENAI_COMPATIBLE": '[{"id": "own", "base_url": "http://127.0.0.1:9", "model": "m", "api_key": "sk-own-of-test"}]',
    "AWS_SECRET_ACCESS_KEY": "aws-of-this-test",
    "GITHUB_TOKEN": "token-of-this-test",
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def of_each_process(mesh: Mesh) -> list[tuple[str, int]]:
    """Returns the name and id of each process of the mesh, those that the processes started themselves too."""
    return [
        (name, process.pid)
        for name, child in mesh.processes.items()
        for process in (psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True))
    ]


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory):
    """A mesh that finds a data directory as an earlier version left it, and many secrets in its environment."""
    directory = tmp_path_factory.mktemp("secrets") / "data"
    for folder in ("audio", "logs", "nats"):
        (directory / folder).mkdir(parents=True, mode=0o755)
        (directory / folder / "old.wav").write_bytes(b"RIFF")
        (directory / folder / "old.wav").chmod(0o644)
        (directory / folder).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        async with Mesh(mesh_settings(directory)) as running:
            yield running


def test_each_process_has_its_own_settings_and_no_others(mesh: Mesh) -> None:
    for name, pid in of_each_process(mesh):
        child = pid != mesh.processes[name].pid
        settings = () if child else SETTINGS.get(name, ())
        # PostgreSQL tells its own children of itself.
        own = {n for n in environment(pid) if n.startswith(("PG", "LC_"))} if name == "postgres" else set()
        of_services = set(GRPC_ENVIRONMENT) if name in SETTINGS else set()
        outside = set(OUTSIDE) if name == "tts" else set()
        extra = set(environment(pid)) - set(settings) - set(PLAIN) - own - of_services - outside
        assert not extra, f"{name} ({pid}) is told {sorted(extra)}"


def test_only_tts_holds_the_keys_of_providers(mesh: Mesh) -> None:
    holding = {
        name if pid == mesh.processes[name].pid else f"a child of {name}"
        for name, pid in of_each_process(mesh)
        if any(secret in "\n".join(environment(pid).values()) for secret in SECRETS.values())
    }
    assert holding == {"tts"}


def test_no_process_shows_a_secret_in_its_arguments(mesh: Mesh) -> None:
    kept = ("audio_url_secret", "postgres_password", "nats_password")
    secrets = {*SECRETS.values(), *(mesh.data_dir.secret(name) for name in kept)}
    for name, pid in of_each_process(mesh):
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        assert not [secret for secret in secrets if secret in arguments], name


def test_no_process_leaves_its_memory_behind_when_it_crashes(mesh: Mesh) -> None:
    for name, pid in of_each_process(mesh):
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
        assert {int(core[4]), int(core[5])} <= {0, 1}, name


def test_nobody_else_can_read_what_the_mesh_keeps(mesh: Mesh) -> None:
    root = mesh.data_dir.path
    open_to_others = [
        (str(path.relative_to(root)), oct(path.stat().st_mode & 0o777))
        for path in root.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert open_to_others == []
    # Passed through by PostgreSQL's user, where that is another; never listed.
    assert root.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)
