"""Times one experiment from the request to run it until its status is completed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

POLL_SECONDS = 0.02
CATALOGUE_SECONDS = 30.0


async def wait_for_voices(client: httpx.AsyncClient, voices: Mapping[str, Sequence[str]]) -> None:
    """Waits until the catalogue has these voices of each provider."""
    async with asyncio.timeout(CATALOGUE_SECONDS):
        for provider, names in voices.items():
            while len((await _get(client, f"/models?provider={provider}"))["models"]) < len(names):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)


async def timed_run(
    client: httpx.AsyncClient, models: Sequence[tuple[str, str]], prompts: Sequence[str], max_seconds: float
) -> float:
    """Returns the duration of an experiment in seconds. Raises RuntimeError unless all trials complete."""
    plan = {
        "name": "A benchmark",
        "scenario": "general",
        "eval_mode": "automated",
        "profile": "latency",
        "models": [{"provider": provider, "voice_id": voice} for provider, voice in models],
        "prompts": prompts,
    }
    created = (await client.post("/experiments", json=plan)).raise_for_status().json()
    started = time.perf_counter()
    async with asyncio.timeout(max_seconds):
        (await client.post(f"/experiments/{created['id']}/run", json={})).raise_for_status()
        while (seen := await _get(client, f"/experiments/{created['id']}"))["status"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    if seen["status"] != "completed" or seen["completed_trials"] != len(models) * len(prompts):
        raise RuntimeError(f"the experiment ended as {seen}")
    return seconds


async def _get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(path)).raise_for_status().json()
    return found
