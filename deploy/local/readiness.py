"""Waits until the gateway says that every service is serving."""

import asyncio
from collections.abc import Mapping

import httpx

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import Process

POLL_INTERVAL_SECONDS = 0.05
# A service that ended this often in a row will not start at all.
MAX_EXITS = 3
# The exit status of a service with a bad setting (services/runtime/settings.py). Another start would not help.
BAD_SETTING_STATUS = 2


async def wait_healthy(api_url: str, processes: Mapping[str, Process], data_dir: DataDir, seconds: float) -> None:
    """Waits until `/api/v1/health` returns 200.

    Raises MeshError with the end of the failing process's log if a process can't start or if it takes too long.
    """
    exits = {name: process.exits for name, process in processes.items()}
    last = "the gateway does not answer"
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(base_url=api_url, timeout=5, trust_env=False) as client:
            while True:
                try:
                    response = await client.get("/api/v1/health")
                    if response.status_code == 200:
                        return
                    last = message_of(response)
                except httpx.TransportError:
                    pass  # Envoy does not listen yet.
                for name, process in processes.items():
                    new_exits = process.exits - exits[name]
                    if new_exits >= MAX_EXITS or (new_exits and process.exit_status == BAD_SETTING_STATUS):
                        raise MeshError(f"{name} does not start; the end of its log:\n{data_dir.tail(name)}")
                await asyncio.sleep(POLL_INTERVAL_SECONDS)
    except TimeoutError:
        blamed = [name for name in processes if name in last] or list(processes)
        logs = "\n".join(f"  {name}:\n{data_dir.tail(name)}" for name in blamed)
        raise MeshError(f"the mesh was not ready within {seconds:g} s: {last}\n{logs}") from None


def message_of(response: httpx.Response) -> str:
    """Returns the message of an error response, or its status if it has none."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
