"""Checks the free space of the disk that has the data of the mesh."""

import os
from pathlib import Path

# With less free space, a write may have failed.
MIN_FREE_BYTES = 4 * 1024 * 1024
# With this free space, a process that ended because of the full disk can start. PostgreSQL makes files of 16 MiB.
RECOVERED_FREE_BYTES = 32 * 1024 * 1024


def free_bytes(path: Path) -> int:
    """Returns how many bytes can be written there. A very large number if that is unknown."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 2**63
    return found.f_bavail * found.f_frsize


class Disk:
    """The disk of one directory, as of the last call of `check`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.full = False
        """Whether the disk was full and has not recovered since."""

    def check(self) -> str:
        """Returns `full` or `recovered` if the disk has become so since the last check, otherwise an empty string."""
        free = free_bytes(self._path)
        if not self.full and free < MIN_FREE_BYTES:
            self.full = True
            return "full"
        if self.full and free >= RECOVERED_FREE_BYTES:
            self.full = False
            return "recovered"
        return ""
