"""What the whole mesh takes at rest, and how long until it is ready: on an empty directory, and on its data again."""

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
TARGET_MIB = 1024.0


async def run() -> list[BenchResult]:
    """Starts a mesh twice on the same directory; memory is of the second, which has connections and data already."""
    with tempfile.TemporaryDirectory() as directory:
        settings = free_settings(Path(directory) / "arena")
        began = time.perf_counter()
        async with Mesh(settings) as mesh:
            first = time.perf_counter() - began
            await mesh.first_api_key()
        began = time.perf_counter()
        async with Mesh(settings) as mesh:
            again = time.perf_counter() - began
            memory = {name: _pss_mib(_with_children(process.pid)) for name, process in mesh.processes.items()}
    largest = sorted(memory.items(), key=lambda item: -item[1])
    return [
        BenchResult("mesh ready at first", first, "s", TARGET_SECONDS, False, "an empty data directory"),
        BenchResult("mesh ready again", again, "s", TARGET_SECONDS, False, "its own data directory"),
        BenchResult(
            name="mesh memory",
            value=sum(memory.values()),
            unit="MiB",
            target=TARGET_MIB,
            higher_is_better=False,
            detail="proportional, " + ", ".join(f"{name} {mib:.0f}" for name, mib in largest),
        ),
    ]


def _with_children(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _pss_mib(pids: Iterable[int]) -> float:
    """Returns the processes' memory, with each shared page divided among those who share it."""
    found = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # One of PostgreSQL's that has ended meanwhile.
        match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        found += int(match[1]) if match else 0
    return found / 1024
