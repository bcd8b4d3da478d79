"""What a service imports when it starts. All of it stays in memory while the mesh is at rest."""

import subprocess
import sys

import pytest
from voicearena.mesh.v1 import mesh_pb2

SERVICES = [name for name in mesh_pb2.Service.keys() if name != "service_unspecified"]  # noqa: SIM118
DATABASE = {"sqlalchemy", "psycopg"}
FOR_TERMINALS = {"rich", "pygments", "typer"}
NEEDED_SELDOM = {"alembic", "mako", "pyarrow"}
HEAVY = FOR_TERMINALS | NEEDED_SELDOM | {"av", "onnxruntime", "scipy", "torch"}


def imported(service: str) -> set[str]:
    program = (
        f"import sys, services.{service}.__main__\n"
        "print(*{name.partition('.')[0] for name, module in sys.modules.items() if module is not None})"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_without_what_it_needs_seldom_or_never(service: str) -> None:
    assert imported(service) & HEAVY == set()


def test_only_services_with_a_database_import_what_speaks_to_it() -> None:
    assert {service: imported(service) & DATABASE for service in SERVICES} == {
        service: set() if service == "tts" else DATABASE for service in SERVICES
    }
