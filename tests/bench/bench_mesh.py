"""Measures the memory of an idle mesh, and its start time with an empty and with an existing data directory."""

import asyncio
import re
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from deploy.local.mesh import Mesh
from tests.bench.result import BenchResult
from tests.bench.running_mesh import free_settings

TARGET_SECONDS = 8.0
TARGET_MIB = 650.0
# Until all processes have started that a service keeps running.
REST_SECONDS = 8.0
# A mesh that prepares battles is not at rest.
WITHOUT_BATTLES = {"elo": {"BATTLE_POOL": "0"}}


async def run() -> list[BenchResult]:
    """Starts a mesh twice with the same data directory. Memory is measured in the second run."""
    with tempfile.TemporaryDirectory() as directory:
        settings = free_settings(Path(directory) / "arena")
        started = time.perf_counter()
        async with Mesh(settings, service_env=WITHOUT_BATTLES) as mesh:
            first = time.perf_counter() - started
            await mesh.first_api_key()
        started = time.perf_counter()
        async with Mesh(settings, service_env=WITHOUT_BATTLES) as mesh:
            again = time.perf_counter() - started
            await asyncio.sleep(REST_SECONDS)
            memory = {name: _pss_mib(_with_children(process.pid)) for name, process in mesh.processes.items()}
    largest = sorted(memory.items(), key=lambda item: -item[1])
    return [
        BenchResult("mesh ready, first start", first, "s", TARGET_SECONDS, False, "with an empty data directory"),
        BenchResult("mesh ready, later start", again, "s", TARGET_SECONDS, False, "with an existing data directory"),
        BenchResult(
            name="mesh memory",
            value=sum(memory.values()),
            unit="MiB",
            target=TARGET_MIB,
            higher_is_better=False,
            detail="proportional set size: " + ", ".join(f"{name} {mib:.0f}" for name, mib in largest),
        ),
    ]


def _with_children(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _pss_mib(pids: Iterable[int]) -> float:
    """Returns the proportional set size of processes in MiB: a shared page is divided among its users."""
    found = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # A PostgreSQL process that has ended.
        match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        found += int(match[1]) if match else 0
    return found / 1024
