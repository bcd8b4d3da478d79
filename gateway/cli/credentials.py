"""Stores the user's API keys, one for each gateway, in a file that only the user can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.cli.private_file import PrivateFile, config_folder


@dataclass(frozen=True)
class Credential:
    """An API key and its developer."""

    api_key: str
    developer_id: str
    email: str


def credentials_path(environment: Mapping[str, str]) -> Path:
    """Returns the path of the file: `voice-arena/credentials.json` in XDG_CONFIG_HOME, or in `~/.config`."""
    return config_folder(environment) / "credentials.json"


def load_credential(path: Path, url: str) -> Credential | None:
    """Returns the credential stored for the gateway at `url`, or None. Raises CliError if the file is unreadable."""
    file = _file(path)
    entry = file.read().get(url)
    if entry is None:
        return None
    try:
        return Credential(**entry)
    except TypeError:
        raise file.broken() from None


def store_credential(path: Path, url: str, credential: Credential) -> Credential | None:
    """Stores the credential for the gateway at `url` and returns the one that it replaces.

    Raises CliError if the file can't be written.
    """
    file = _file(path)
    replaced = load_credential(path, url)
    file.write({**file.read(), url: asdict(credential)})
    return replaced


def _file(path: Path) -> PrivateFile:
    hint = "Set XDG_CONFIG_HOME to a writable folder, or pass the key in ARENA_API_KEY."
    return PrivateFile(path, "a credentials file", hint)
