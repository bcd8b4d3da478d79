"""Keeps entries by name in a JSON file that only the user can read, such as API keys by the URL of a gateway."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.errors import CliError, ExitCode

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def config_folder(environment: Mapping[str, str]) -> Path:
    """Returns the folder of the user's files: `voice-arena` in XDG_CONFIG_HOME, or in `~/.config`."""
    # The XDG specification says to ignore a relative path.
    configured = Path(environment.get("XDG_CONFIG_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".config"
    return base / "voice-arena"


@dataclass(frozen=True)
class PrivateFile:
    """Such a file."""

    path: Path
    content: str
    """What it has, for messages: `a credentials file`."""
    unwritable_hint: str
    """What to do if it can't be written."""

    def read(self) -> dict[str, dict[str, str]]:
        """Returns the entries, none if there is no file. Raises CliError if it is unreadable."""
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CliError(f"Can't read {self.path}: {error.strerror}.", hint="Check its permissions.") from error
        except ValueError:
            raise self.broken() from None
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise self.broken()
        return entries

    def write(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        """Replaces the file as a whole, so that an interrupted write leaves the old file.

        Raises CliError if it can't be written.
        """
        try:
            self.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.stem}-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, FILE_MODE)
                json.dump(entries, file, indent=2)
                file.write("\n")
            Path(name).replace(self.path)
        except OSError as error:
            raise CliError(f"Can't write {self.path}: {error.strerror}.", hint=self.unwritable_hint) from error

    def broken(self) -> CliError:
        """Returns the error that the file has something else in it."""
        return CliError(f"{self.path} is not {self.content}.", ExitCode.USAGE, hint="Repair it or move it away.")
