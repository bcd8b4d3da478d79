"""How close an experiment comes to the ideal schedule: engines that take a fixed time, as many at once as they allow.

The time is a client's: from asking for the run until the experiment is seen completed.
"""

import asyncio
import json
import math
import statistics
import time
from typing import Any

import httpx

from tests.bench import running_mesh
from tests.bench.result import BenchResult
from tests.fakes.openai_server import MODEL, OpenAiServer

VOICES = ("steady", "calm", "even", "level")
CONCURRENCY = 4
PROMPTS = 20
ENGINE_SECONDS = 0.25
ROUNDS = 3
TARGET = 1.15
TRIALS = len(VOICES) * PROMPTS
IDEAL_SECONDS = math.ceil(TRIALS / CONCURRENCY) * ENGINE_SECONDS
PROVIDER = "fixed-time"

POLL_SECONDS = 0.02
LONGEST_RUN_SECONDS = 6 * IDEAL_SECONDS
CATALOGUE_SECONDS = 30.0


async def run() -> list[BenchResult]:
    """Runs experiments one after another, the first only to warm up, and takes the median of the rest."""
    async with OpenAiServer(seconds=ENGINE_SECONDS).serving() as engine:
        engine.tempers.update(dict.fromkeys(VOICES, engine.tempers["steady"]))
        environment = {"tts": {"OPENAI_COMPATIBLE": json.dumps([_server(engine.base_url)])}}
        async with running_mesh.mesh(environment) as mesh, await running_mesh.client(mesh) as client:
            await _wait_for_catalogue(client)
            await _timed_run(client)
            seconds = [await _timed_run(client) for _ in range(ROUNDS)]
    ratios = [each / IDEAL_SECONDS for each in seconds]
    return [
        BenchResult(
            name="schedule of 80 trials",
            value=statistics.median(ratios),
            unit="x ideal",
            target=TARGET,
            higher_is_better=False,
            detail=f"{CONCURRENCY} at a time x {1000 * ENGINE_SECONDS:.0f} ms: "
            f"{statistics.median(seconds):.2f} s beside {IDEAL_SECONDS:.2f} s, "
            f"{ROUNDS} runs of {min(ratios):.2f} to {max(ratios):.2f}",
        )
    ]


def _server(base_url: str) -> dict[str, Any]:
    return {
        "id": PROVIDER,
        "base_url": base_url,
        "model": MODEL,
        "voices": VOICES,
        "max_concurrency": CONCURRENCY,
    }


async def _wait_for_catalogue(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(CATALOGUE_SECONDS):
        while len((await _get(client, f"/models?provider={PROVIDER}"))["models"]) < len(VOICES):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


async def _timed_run(client: httpx.AsyncClient) -> float:
    """Returns the seconds that a run takes. RuntimeError unless every trial is completed."""
    plan = {
        "name": "A fixed time",
        "scenario": "general",
        "eval_mode": "automated",
        "models": [{"provider": PROVIDER, "voice_id": voice} for voice in VOICES],
        "prompts": [f"Prompt number {number} of the benchmark." for number in range(PROMPTS)],
    }
    created = (await client.post("/experiments", json=plan)).raise_for_status().json()
    started = time.perf_counter()
    async with asyncio.timeout(LONGEST_RUN_SECONDS):
        (await client.post(f"/experiments/{created['id']}/run", json={})).raise_for_status()
        while (seen := await _get(client, f"/experiments/{created['id']}"))["status"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    if seen["status"] != "completed" or seen["completed_trials"] != TRIALS:
        raise RuntimeError(f"the experiment ended as {seen}")
    return seconds


async def _get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(path)).raise_for_status().json()
    return found
