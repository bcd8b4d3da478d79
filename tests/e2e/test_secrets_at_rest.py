"""Other users of the machine learn no secret of a running mesh from its files, arguments and environments."""

import os
import stat
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.environment import BASE, CALLS_OUT, MODELS, OUTGOING, RUNS_MODELS, SETTINGS
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


def all_processes(mesh: Mesh) -> list[tuple[str, int]]:
    """Returns the name and id of each process of the mesh. The children of a process have its name."""
    return [
        (name, process.pid)
        for name, child in mesh.processes.items()
        for process in (psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True))
    ]


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory):
    """A mesh with the data directory of an earlier version, and with many secrets in its environment."""
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
    for name, pid in all_processes(mesh):
        child = pid != mesh.processes[name].pid
        settings = () if child else SETTINGS.get(name, ())
        # PostgreSQL sets variables for its own children.
        own = {n for n in environment(pid) if n.startswith(("PG", "LC_"))} if name == "postgres" else set()
        of_services = set(GRPC_ENVIRONMENT) if name in SETTINGS else set()
        outgoing = set(OUTGOING) if name in CALLS_OUT else set()
        models = set(MODELS) if name in RUNS_MODELS else set()
        extra = set(environment(pid)) - set(settings) - set(BASE) - own - of_services - outgoing - models
        assert not extra, f"{name} ({pid}) has {sorted(extra)}"


def test_only_tts_has_the_keys_of_providers(mesh: Mesh) -> None:
    processes_with_keys = {
        name if pid == mesh.processes[name].pid else f"a child of {name}"
        for name, pid in all_processes(mesh)
        if any(secret in "\n".join(environment(pid).values()) for secret in SECRETS.values())
    }
    assert processes_with_keys == {"tts"}


def test_no_process_has_a_secret_in_its_arguments(mesh: Mesh) -> None:
    kept = ("audio_url_secret", "postgres_password", "nats_password")
    secrets = {*SECRETS.values(), *(mesh.data_dir.secret(name) for name in kept)}
    for name, pid in all_processes(mesh):
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        assert not [secret for secret in secrets if secret in arguments], name


def test_no_process_writes_a_core_dump(mesh: Mesh) -> None:
    for name, pid in all_processes(mesh):
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
        assert {int(core[4]), int(core[5])} <= {0, 1}, name


def test_other_users_cannot_read_the_data_directory(mesh: Mesh) -> None:
    root = mesh.data_dir.path
    open_to_others = [
        (str(path.relative_to(root)), oct(path.stat().st_mode & 0o777))
        for path in root.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert open_to_others == []
    # Under root, PostgreSQL's user must be able to pass through the directory, but not to list it.
    assert root.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)
