"""Finds out whether the disk of a mesh on one machine is full.

On a full disk PostgreSQL and NATS end, hang or refuse calls, and rarely report the reason. If their data is on this
machine, its free space shows the reason.
"""

import errno
import os
from pathlib import Path

# PostgreSQL ends if it can't create a log segment of 16 MiB. The rest is for other programs that write meanwhile.
MIN_FREE_BYTES = 32 * 1024 * 1024

_FULL_TEXTS = ("no space left", "disk full", "could not extend file", "disk quota exceeded")
_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)

_watched: list[Path] = []


def watch(directory: str) -> None:
    """Makes `is_full` check the disk of this directory, or no disk if `directory` is empty."""
    _watched[:] = [Path(directory)] if directory else []


def is_full() -> bool:
    """Returns whether the watched disk has less than 32 MiB of free space. Returns False if no disk is watched."""
    return any(free_bytes(path) < MIN_FREE_BYTES for path in _watched)


def free_bytes(path: Path) -> int:
    """Returns the free space at a path in bytes, or a very large number if it is not known."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 2**63
    return found.f_bavail * found.f_frsize


def is_disk_full_error(error: BaseException) -> bool:
    """Returns whether an error or one of its causes reports a full disk."""
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, OSError) and each.errno in _FULL_ERRNOS:
            return True
        # Libraries wrap the system's error but keep its text.
        text = str(each).lower()
        if any(part in text for part in _FULL_TEXTS):
            return True
        each = each.__cause__
    return False
