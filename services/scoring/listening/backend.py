"""What all backends have in common."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

INSTALL_HINT = "Install it with `make up`, or with `pip install 'voice-arena[listening]'`."


class BackendMissing(Exception):
    """A backend cannot run here. The message says what is missing and how to get it."""


def installed_version(package: str) -> str:
    """Returns the version of an installed package. Raises BackendMissing if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        raise BackendMissing(f"The package {package} is not installed. {INSTALL_HINT}") from None
