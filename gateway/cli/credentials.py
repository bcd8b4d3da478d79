"""Stores the user's API keys, one for each gateway, in a file that only the user can read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.cli.errors import CliError, ExitCode

FILE_MODE = 0o600
FOLDER_MODE = 0o700


@dataclass(frozen=True)
class Credential:
    """An API key and its developer."""

    api_key: str
    developer_id: str
    email: str


def credentials_path(environment: Mapping[str, str]) -> Path:
    """Returns the path of the file: `voice-arena/credentials.json` in XDG_CONFIG_HOME, or in `~/.config`."""
    # The XDG specification says to ignore a relative path.
    configured = Path(environment.get("XDG_CONFIG_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".config"
    return base / "voice-arena" / "credentials.json"


def load_credential(path: Path, url: str) -> Credential | None:
    """Returns the credential stored for the gateway at `url`, or None. Raises CliError if the file is unreadable."""
    entry = _read(path).get(url)
    if entry is None:
        return None
    try:
        return Credential(**entry)
    except TypeError:
        raise _broken(path) from None


def store_credential(path: Path, url: str, credential: Credential) -> Credential | None:
    """Stores the credential for the gateway at `url` and returns the one that it replaces.

    The file is replaced as a whole, so that an interrupted write leaves the old file. Raises CliError if it can't be
    written.
    """
    entries = _read(path)
    replaced = load_credential(path, url)
    entries[url] = asdict(credential)
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".credentials-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, FILE_MODE)
            json.dump(entries, file, indent=2)
            file.write("\n")
        Path(name).replace(path)
    except OSError as error:
        raise CliError(
            f"Can't write {path}: {error.strerror}.",
            hint="Set XDG_CONFIG_HOME to a writable folder, or pass the key in ARENA_API_KEY.",
        ) from error
    return replaced


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CliError(f"Can't read {path}: {error.strerror}.", hint="Check its permissions.") from error
    except ValueError:
        raise _broken(path) from None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise _broken(path)
    return entries


def _broken(path: Path) -> CliError:
    return CliError(f"{path} is not a credentials file.", ExitCode.USAGE, hint="Repair it or move it away.")
