"""The directory in which a mesh keeps its data, its secrets and its logs."""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from deploy.local.errors import MeshError

# A larger log is rotated. Each process keeps at most twice this size.
MAX_LOG_BYTES = 10 * 1024 * 1024
FOLDER_MODE, FILE_MODE = 0o700, 0o600
# Folders that only the owner can use. PostgreSQL's folder belongs to another user, and PostgreSQL protects it itself.
PRIVATE_FOLDERS = ("audio", "logs", "nats", "run")
MAX_TAIL_LINES = 15


class DataDir:
    """A data directory that no other mesh can use at the same time."""

    def __init__(self, path: Path | None) -> None:
        """Locks a directory and creates it if it is missing. None creates a temporary one that `release` deletes.

        Raises MeshError if another mesh uses it, or if it can't be written.
        """
        self._temporary = path is None
        try:
            self.path = Path(tempfile.mkdtemp(prefix="voice-arena-")) if path is None else path.absolute()
            for directory in (self.path, self.path / "logs", self.path / "run"):
                directory.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            # Under root, PostgreSQL runs as another user, who must be able to pass through but not to list it.
            self.path.chmod(0o711 if os.geteuid() == 0 else FOLDER_MODE)
            self._restrict_permissions()
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
        """Unlocks the directory, and deletes it if it is temporary."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def _restrict_permissions(self) -> None:
        """Removes the permissions of other users, which an earlier version may have left."""
        for entry in os.scandir(self.path):
            if not entry.is_symlink() and (entry.is_file() or entry.name in PRIVATE_FOLDERS):
                make_private(Path(entry.path), entry.is_dir())

    def secret(self, name: str) -> str:
        """Returns the secret of this name: 64 hexadecimal digits, created on first use."""
        return self.read(name) or self.write(name, secrets.token_hex(32))

    def read(self, name: str) -> str | None:
        """Returns the content of a file, None if it is missing or empty."""
        try:
            return (self.path / name).read_text().strip() or None
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> str:
        """Writes a file that only its owner can read, atomically, and returns the text."""
        partial = self.path / f"{name}.partial"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path / name)
        return text

    def open_log(self, name: str) -> BinaryIO:
        """Opens the log of a process to append to it. Returns the null device if the log can't be opened."""
        try:
            descriptor = os.open(self._log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        except OSError:
            descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return os.fdopen(descriptor, "ab")

    def rotate_logs(self) -> None:
        """Rotates large logs while processes write to them.

        A log is copied and truncated, because its process keeps it open and appends to it. Lines that are written
        meanwhile can be lost. On a full disk the log is truncated without a copy.
        """
        for path in (self.path / "logs").glob("*.log"):
            try:
                if path.stat().st_size > MAX_LOG_BYTES:
                    self._rotate(path)
            except OSError:
                continue  # The next rotation tries again.

    def _rotate(self, path: Path) -> None:
        rotated = path.with_suffix(".log.1")
        rotated.unlink(missing_ok=True)
        try:
            descriptor = os.open(rotated, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with os.fdopen(descriptor, "wb") as copy, path.open("rb") as log:
                shutil.copyfileobj(log, copy)
        except OSError:
            rotated.unlink(missing_ok=True)
        os.truncate(path, 0)

    def _log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def tail(self, name: str) -> str:
        """Returns the last lines of a process's log."""
        path = self._log(name)
        if not path.exists():
            return "    (its log is empty)"
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16384))
            lines = file.read().decode(errors="replace").splitlines()[-MAX_TAIL_LINES:]
        return "\n".join(f"    {_printable(line)}" for line in lines) or "    (its log is empty)"


def _printable(line: str) -> str:
    """Returns a line of a log without characters that could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in line)


def make_private(path: Path, is_folder: bool) -> None:
    """Removes the permissions of other users from a file, or from a folder and everything in it. The folder is last, so
    that an interrupted run is noticed."""
    if is_folder:
        for entry in os.scandir(path):
            if not entry.is_symlink():
                make_private(Path(entry.path), entry.is_dir())
    mode = FOLDER_MODE if is_folder else FILE_MODE
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)
