"""Registers the first developer, so that a new mesh has an API key."""

import httpx

from deploy.local.data_dir import DataDir
from deploy.local.readiness import message_of

KEY_FILE = "api_key"
DEVELOPER = {"name": "Local developer", "email": "local@voice-arena.example"}


async def first_api_key(api_url: str, data_dir: DataDir) -> str | None:
    """Returns the API key of the first developer, and registers this developer if the data directory has no key.

    Returns None if the developer is registered but the data directory has no key, because a key is shown only once.
    This happens when the database is older than the data directory. Raises httpx.HTTPError if the API can't be reached.
    """
    if key := data_dir.read(KEY_FILE):
        return key
    async with httpx.AsyncClient(base_url=api_url, timeout=10, trust_env=False) as client:
        response = await client.post("/api/v1/developers", json=DEVELOPER)
    if response.status_code == httpx.codes.CONFLICT:
        return None
    if response.is_error:
        raise httpx.HTTPError(f"the first developer could not be registered: {message_of(response)}")
    return data_dir.write(KEY_FILE, str(response.json()["api_key"]))


async def api_key_fault(api_key: str, api_url: str) -> str:
    """Returns why an API key does not work, empty if it works. Raises httpx.HTTPError if the API can't be reached."""
    async with httpx.AsyncClient(base_url=api_url, timeout=10, trust_env=False) as client:
        response = await client.get("/api/v1/developers/me", headers={"authorization": f"Bearer {api_key}"})
    return message_of(response) if response.status_code == httpx.codes.UNAUTHORIZED else ""
