"""The directory in which a mesh keeps its data, its secrets and its logs."""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from deploy.local.errors import MeshError

# A log that is larger is set aside when its process starts.
LARGEST_LOG_BYTES = 10 * 1024 * 1024
TAIL_LINES = 15


class DataDir:
    """A data directory that no other mesh can use at the same time."""

    def __init__(self, path: Path | None) -> None:
        """Takes a directory, creating it if need be; None makes one that `release` deletes.

        MeshError if another mesh has it, or if it can't be written.
        """
        self._temporary = path is None
        try:
            self.path = Path(tempfile.mkdtemp(prefix="voice-arena-")) if path is None else path.absolute()
            for directory in (self.path, self.path / "logs", self.path / "run"):
                directory.mkdir(parents=True, exist_ok=True)
            # Searchable, since PostgreSQL may run as another user; what is secret is readable by its owner only.
            self.path.chmod(0o711)
            (self.path / "run").chmod(0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise MeshError(f"the data directory can't be used: {error}; set ARENA_DATA_DIR to another one") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 20, 0).decode().strip() or "unknown"
            os.close(self._lock)
            raise MeshError(
                f"{self.path} is in use by another mesh (process {owner}): "
                "stop it, or set ARENA_DATA_DIR to another directory"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Lets others use it; deletes it if it was made for this mesh."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def secret(self, name: str) -> str:
        """Returns the secret of that name, 64 hexadecimal digits made when it is first asked for."""
        return self.read(name) or self.write(name, secrets.token_hex(32))

    def read(self, name: str) -> str | None:
        """Returns what a file holds, None if it is not there or empty."""
        try:
            return (self.path / name).read_text().strip() or None
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> str:
        """Writes a file that only its owner may read, whole or not at all, and returns the text."""
        partial = self.path / f"{name}.partial"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path / name)
        return text

    def log(self, name: str) -> Path:
        """Returns the log file of a process, after setting a large one aside."""
        path = self.path / "logs" / f"{name}.log"
        if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def tail(self, name: str) -> str:
        """Returns the last lines of a process's log."""
        path = self.path / "logs" / f"{name}.log"
        if not path.exists():
            return "    (its log is empty)"
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16384))
            lines = file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {_printable(line)}" for line in lines) or "    (its log is empty)"


def _printable(line: str) -> str:
    """Returns a line of a log without what would steer the terminal that it is shown on."""
    return "".join(character if character.isprintable() else " " for character in line)
