"""Compares the time of an experiment with the ideal schedule, for one engine that takes a fixed time per request.

All trials are at one local engine, so each delay between two requests counts.
"""

import json
import math
import statistics

from tests.bench import running_mesh
from tests.bench.result import BenchResult
from tests.bench.timed_run import timed_run, wait_for_voices
from tests.fakes.openai_server import MODEL, OpenAiServer

VOICES = ("steady", "calm", "even", "level")
CONCURRENCY = 4
PROMPTS = [f"Prompt number {number} of the benchmark." for number in range(20)]
ENGINE_SECONDS = 0.25
ROUNDS = 3
TARGET = 1.15
IDEAL_SECONDS = math.ceil(len(VOICES) * len(PROMPTS) / CONCURRENCY) * ENGINE_SECONDS
MAX_SECONDS = 6 * IDEAL_SECONDS
PROVIDER = "fixed-time"


async def run() -> list[BenchResult]:
    """Runs experiments one after another and returns the median. The first one is a warm-up."""
    async with OpenAiServer(seconds=ENGINE_SECONDS).serving() as engine:
        engine.behaviours.update(dict.fromkeys(VOICES, engine.behaviours["steady"]))
        server = {
            "id": PROVIDER,
            "base_url": engine.base_url,
            "model": MODEL,
            "voices": VOICES,
            "max_concurrency": CONCURRENCY,
            "local": True,
        }
        models = [(PROVIDER, voice) for voice in VOICES]
        environment = {"tts": {"OPENAI_COMPATIBLE": json.dumps([server])}}
        async with running_mesh.mesh(environment) as mesh, await running_mesh.client(mesh) as client:
            await wait_for_voices(client, {PROVIDER: VOICES})
            await timed_run(client, models, PROMPTS, MAX_SECONDS)
            seconds = [await timed_run(client, models, PROMPTS, MAX_SECONDS) for _ in range(ROUNDS)]
    ratios = [each / IDEAL_SECONDS for each in seconds]
    return [
        BenchResult(
            name="schedule of 80 trials, fixed time",
            value=statistics.median(ratios),
            unit="x ideal",
            target=TARGET,
            higher_is_better=False,
            detail=f"{CONCURRENCY} at a time x {1000 * ENGINE_SECONDS:.0f} ms: "
            f"{statistics.median(seconds):.2f} s, ideal {IDEAL_SECONDS:.2f} s, "
            f"{ROUNDS} runs of {min(ratios):.2f} to {max(ratios):.2f}",
        )
    ]
