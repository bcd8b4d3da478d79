"""Waits until the mesh answers through its gateway that every service is serving."""

import asyncio
from collections.abc import Mapping

import httpx

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import Process

POLL_SECONDS = 0.05
# A service that could not start this often in a row will not start at all.
MAX_EXITS = 3
# With what a service ends whose settings are bad (services/runtime/settings.py); another start would not help.
BAD_SETTING_STATUS = 2


async def wait_healthy(api_url: str, processes: Mapping[str, Process], data_dir: DataDir, seconds: float) -> None:
    """Waits until `/api/v1/health` is 200.

    MeshError with the end of the log of what is to blame if that takes too long, or as soon as a process can't start.
    """
    exits = {name: process.exits for name, process in processes.items()}
    last = "the gateway does not answer"
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(base_url=api_url, timeout=5, trust_env=False) as client:
            while True:
                try:
                    answer = await client.get("/api/v1/health")
                    if answer.status_code == 200:
                        return
                    last = message_of(answer)
                except httpx.TransportError:
                    pass  # Envoy does not listen yet.
                for name, process in processes.items():
                    unasked = process.exits - exits[name]
                    if unasked >= MAX_EXITS or (unasked and process.exit_status == BAD_SETTING_STATUS):
                        raise MeshError(f"{name} does not start; the end of its log:\n{data_dir.tail(name)}")
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        blamed = [name for name in processes if name in last] or list(processes)
        logs = "\n".join(f"  {name}:\n{data_dir.tail(name)}" for name in blamed)
        raise MeshError(f"the mesh was not ready within {seconds:g} s: {last}\n{logs}") from None


def message_of(answer: httpx.Response) -> str:
    """Returns the message of an error that the gateway or a service answered with."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
