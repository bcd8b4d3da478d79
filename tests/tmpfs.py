"""A small disk for a test, if this machine allows mounting it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILLER = "filler"


class CannotMount(Exception):
    """A disk can't be mounted. Mounting needs root on Linux, and a container can forbid it."""


class SmallDisk:
    """A mounted tmpfs, which can be filled and emptied."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Fills the disk."""
        with suppress(OSError), open(self.path / FILLER, "ab", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        # Fills the rest in smaller pieces.
        with suppress(OSError), open(self.path / FILLER, "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        """Frees the space that `fill` used."""
        (self.path / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounts a disk at a new folder, and unmounts it at the end. Raises CannotMount if that is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        raise CannotMount("mounting a small disk needs root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMount("the program `mount` is missing") from error
    if mounted.returncode:
        raise CannotMount(mounted.stderr.strip() or "mounting a small disk is not allowed here")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], capture_output=True)
