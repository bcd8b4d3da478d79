"""From the base URL of a provider's setting to the address of one of its routes."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit


def route(base_url: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Returns base URL + path, whatever slashes the base ends with. A query of the base is kept, before `query`."""
    base, _, kept = base_url.partition("?")
    asked = "&".join(filter(None, (kept, urlencode(query or {}))))
    return f"{base.rstrip('/')}{path}" + (f"?{asked}" if asked else "")


def with_version(base_url: str, version: str) -> str:
    """Returns the base URL with a version such as `/v1` if it is a bare host, and as it is if it has a path."""
    return base_url if urlsplit(base_url).path.strip("/") else route(base_url, version)


def without_version(base_url: str, *versions: str) -> str:
    """Returns the base URL without the first of the versions that its path ends with. For a provider whose routes have
    their versions in them, since people copy the base from examples that have it."""
    base, _, kept = base_url.partition("?")
    base = base.rstrip("/")
    ending = next((version for version in versions if base.endswith(version)), "")
    return base.removesuffix(ending) + (f"?{kept}" if kept else "")
