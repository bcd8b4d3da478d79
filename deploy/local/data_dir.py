"""The directory in which a mesh keeps its data, its secrets and its logs."""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from deploy.local.errors import MeshError

# A log that is larger is set aside: each process keeps at most twice this.
MAX_LOG_BYTES = 10 * 1024 * 1024
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
# Folders that are closed to others with all in them. PostgreSQL's is its own user's, who sees to it.
CLOSED = ("audio", "logs", "nats", "run")
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
                directory.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            # As root PostgreSQL runs as another user, who has to pass through, but can't list or read anything.
            self.path.chmod(0o711 if os.geteuid() == 0 else PRIVATE_FOLDER)
            self._tighten()
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

    def _tighten(self) -> None:
        """Takes from others what they may do with what is here, such as an earlier version left it."""
        for entry in os.scandir(self.path):
            if not entry.is_symlink() and (entry.is_file() or entry.name in CLOSED):
                _close(Path(entry.path), entry.is_dir())

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

    def open_log(self, name: str) -> BinaryIO:
        """Opens the log of a process to add to it. Where it can't be opened, what is written is lost."""
        try:
            descriptor = os.open(self._log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError:
            descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return os.fdopen(descriptor, "ab")

    def bound_logs(self) -> None:
        """Sets large logs aside, while processes write to them.

        Copied and emptied, since a process keeps its file open and adds to its end. Lines that are written meanwhile
        may be lost. On a full disk the log is only emptied.
        """
        for path in (self.path / "logs").glob("*.log"):
            try:
                if path.stat().st_size > MAX_LOG_BYTES:
                    self._set_aside(path)
            except OSError:
                continue  # Another look comes soon.

    def _set_aside(self, path: Path) -> None:
        aside = path.with_suffix(".log.1")
        aside.unlink(missing_ok=True)
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            with os.fdopen(descriptor, "wb") as copy, path.open("rb") as log:
                shutil.copyfileobj(log, copy)
        except OSError:
            aside.unlink(missing_ok=True)
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
            lines = file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {_printable(line)}" for line in lines) or "    (its log is empty)"


def _printable(line: str) -> str:
    """Returns a line of a log without what would steer the terminal that it is shown on."""
    return "".join(character if character.isprintable() else " " for character in line)


def _close(path: Path, is_folder: bool) -> None:
    """Leaves a file or a folder with all in it to its owner. The folder itself comes last, so that an end in the middle
    shows."""
    if is_folder:
        for entry in os.scandir(path):
            if not entry.is_symlink():
                _close(Path(entry.path), entry.is_dir())
    wanted = PRIVATE_FOLDER if is_folder else PRIVATE_FILE
    if path.stat().st_mode & 0o777 != wanted:
        path.chmod(wanted)
