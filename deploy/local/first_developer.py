"""Registers the first developer, so that there is an API key to begin with."""

import httpx

from deploy.local.data_dir import DataDir
from deploy.local.readiness import message_of

KEY_FILE = "api_key"
DEVELOPER = {"name": "Local developer", "email": "local@voice-arena.example"}


async def first_api_key(api_url: str, data_dir: DataDir) -> str | None:
    """Returns the key of the data directory's developer, registering them the first time.

    None if they are registered already and their key is not here, since a key is shown only once: a database that
    outlived its data directory, say. httpx.HTTPError if the API can't be reached.
    """
    if key := data_dir.read(KEY_FILE):
        return key
    async with httpx.AsyncClient(base_url=api_url, timeout=10, trust_env=False) as client:
        answer = await client.post("/api/v1/developers", json=DEVELOPER)
    if answer.status_code == httpx.codes.CONFLICT:
        return None
    if answer.is_error:
        raise httpx.HTTPError(f"the first developer could not be registered: {message_of(answer)}")
    return data_dir.write(KEY_FILE, str(answer.json()["api_key"]))


async def fault_of(api_key: str, api_url: str) -> str:
    """Returns why an API key does not work, empty if it does. httpx.HTTPError if the API can't be reached."""
    async with httpx.AsyncClient(base_url=api_url, timeout=10, trust_env=False) as client:
        answer = await client.get("/api/v1/developers/me", headers={"authorization": f"Bearer {api_key}"})
    return message_of(answer) if answer.status_code == httpx.codes.UNAUTHORIZED else ""
