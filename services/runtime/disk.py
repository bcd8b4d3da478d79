"""Whether there is room on the disk of a mesh on one machine.

PostgreSQL and NATS on a full disk end, hang or refuse, and rarely say why. Where their data lies on this machine, a
look at the disk tells it.
"""

import errno
import os
from pathlib import Path

# PostgreSQL ends if it can't make another log segment of 16 MiB, and something else may take what is there meanwhile.
MIN_FREE_BYTES = 32 * 1024 * 1024

_SAID = ("no space left", "disk full", "could not extend file", "disk quota exceeded")
_NUMBERS = (errno.ENOSPC, errno.EDQUOT)

_watched: list[Path] = []


def watch(directory: str) -> None:
    """Looks from now on at the disk of this directory, and at no other; at none if it is empty."""
    _watched[:] = [Path(directory)] if directory else []


def is_full() -> bool:
    """Says whether the disk that is watched has no room; False if none is."""
    return any(free_bytes(path) < MIN_FREE_BYTES for path in _watched)


def free_bytes(path: Path) -> int:
    """Returns how much can be written there; a very large number if that can't be told."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 2**63
    return found.f_bavail * found.f_frsize


def says_full(error: BaseException) -> bool:
    """Says whether an error, or what caused it, is that of a full disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _NUMBERS:
            return True
        # Libraries wrap what the system said, and keep its words.
        text = str(seen).lower()
        if any(said in text for said in _SAID):
            return True
        seen = seen.__cause__
    return False
