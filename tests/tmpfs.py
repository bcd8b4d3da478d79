"""A small disk of its own for a test, where this machine lets one be mounted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILLER = "filler"


class CannotMount(Exception):
    """Mounting takes root on Linux, and a container may forbid it all the same."""


class SmallDisk:
    """A mounted tmpfs, which can be filled and emptied."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Takes all the room that there is."""
        with suppress(OSError), open(self.path / FILLER, "ab", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        # What is left of the last piece.
        with suppress(OSError), open(self.path / FILLER, "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        """Gives back what `fill` took."""
        (self.path / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounts a disk at a new folder, and unmounts it at the end. CannotMount where that is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        raise CannotMount("mounting a small disk takes root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMount("there is no program `mount`") from error
    if mounted.returncode:
        raise CannotMount(mounted.stderr.strip() or "mounting a small disk is not allowed here")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], capture_output=True)
