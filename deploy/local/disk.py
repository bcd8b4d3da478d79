"""Watches the disk that the data of the mesh lies on."""

import os
from pathlib import Path

# Less than this, and something that was to be written may not have been.
FULL_BYTES = 4 * 1024 * 1024
# With this much a process that ended for want of room can start: PostgreSQL makes files of 16 MiB.
ROOM_BYTES = 32 * 1024 * 1024


def free_bytes(path: Path) -> int:
    """Returns how much can be written there; a very large number if that can't be told."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 2**63
    return found.f_bavail * found.f_frsize


class Disk:
    """The disk of one directory, as it was when `look` was last called."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.full = False
        """Whether it was full and has had no room since."""

    def look(self) -> str:
        """Returns `full` or `room` if the disk has become so since the last look, else the empty string."""
        free = free_bytes(self._path)
        if not self.full and free < FULL_BYTES:
            self.full = True
            return "full"
        if self.full and free >= ROOM_BYTES:
            self.full = False
            return "room"
        return ""
