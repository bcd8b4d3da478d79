"""Compares the time of an experiment over four providers of different speed with the shortest possible time.

Each provider handles two requests at a time. A request takes a log-normal time, proportional to the length of the text;
the slowest provider takes five times as long as the fastest. The shortest possible time of a provider is its longest
request, or the sum of its requests divided by two, whichever is larger. That of the experiment is the largest of the
four, because no schedule can be faster. For comparison, another runner makes eight requests to the same stand-ins (two
to each provider) and waits for all of them before the next eight.
"""

import asyncio
import json
import math
import random
import time
from collections.abc import Mapping

import httpx

from tests.bench import running_mesh
from tests.bench.result import BenchResult
from tests.bench.timed_run import timed_run, wait_for_voices
from tests.fakes.openai_server import MODEL, OpenAiServer
from tests.fakes.speech_server import Behaviour, Request, Speech

# For one prompt of this benchmark. Each provider has one voice, with the same name.
MEDIAN_SECONDS: Mapping[str, float] = {"quick": 0.4, "fair": 0.7, "slow": 1.1, "slowest": 2.0}
SPREAD = 0.4
"""The standard deviation of the logarithm. The longest of 20 times is about four times the shortest."""
CONCURRENCY = 2
PROMPTS = [f"Prompt number {number:02} of the benchmark has as many characters as the others." for number in range(20)]
TRIALS = len(MEDIAN_SECONDS) * len(PROMPTS)
BATCH_PROMPTS = CONCURRENCY
ROUNDS = 2
TARGET = 1.10
MAX_SECONDS = 60.0


class UnevenServer(OpenAiServer):
    """A provider whose requests take the time that `seconds_for` returns."""

    def answer(self, request: Request) -> Speech | Behaviour:
        """Returns the requested speech, and scripts how long it takes."""
        speech = super().answer(request)
        if isinstance(speech, Speech):
            self.script[speech.voice].append(Behaviour(before_seconds=seconds_for(speech.voice, speech.text)))
        return speech


def seconds_for(voice: str, text: str) -> float:
    """Returns how long a voice takes for a text. Equal arguments give equal times."""
    drawn = random.Random(f"{voice} {text}").gauss(0, SPREAD)
    return MEDIAN_SECONDS[voice] * math.exp(drawn) * len(text) / len(PROMPTS[0])


def shortest_possible_seconds() -> float:
    """Returns the shortest time in which all trials can be done."""
    times_by_voice = [[seconds_for(voice, prompt) for prompt in PROMPTS] for voice in MEDIAN_SECONDS]
    return max(max(max(times), math.fsum(times) / CONCURRENCY) for times in times_by_voice)


async def run() -> list[BenchResult]:
    """Runs the experiment a few times, each in a different random order, and the batches once."""
    shortest = shortest_possible_seconds()
    async with UnevenServer().serving() as engine:
        engine.behaviours.update(dict.fromkeys(MEDIAN_SECONDS, engine.behaviours["steady"]))
        servers = [
            {
                "id": voice,
                "base_url": engine.base_url,
                "model": MODEL,
                "voices": [voice],
                "max_concurrency": CONCURRENCY,
            }
            for voice in MEDIAN_SECONDS
        ]
        models = [(voice, voice) for voice in MEDIAN_SECONDS]
        environment = {"tts": {"OPENAI_COMPATIBLE": json.dumps(servers)}}
        async with running_mesh.mesh(environment) as mesh, await running_mesh.client(mesh) as client:
            await wait_for_voices(client, {voice: [voice] for voice in MEDIAN_SECONDS})
            seconds = [await timed_run(client, models, PROMPTS, MAX_SECONDS) for _ in range(ROUNDS)]
        at_once = engine.most_at_once
        batches = await _in_batches(engine.base_url)
    if at_once > CONCURRENCY * len(MEDIAN_SECONDS):
        raise RuntimeError(f"{at_once} requests ran at the same time")
    ratios = [each / shortest for each in seconds]
    return [
        BenchResult(
            name="schedule of 80 trials, 4 providers",
            value=math.fsum(ratios) / ROUNDS,
            unit="x shortest possible",
            target=TARGET,
            higher_is_better=False,
            detail=f"{', '.join(f'{each:.1f}' for each in seconds)} s with warm-ups, at least {shortest:.1f} s; "
            f"batches of {BATCH_PROMPTS * len(models)} with a barrier: {batches / shortest:.2f} x ({batches:.1f} s)",
        )
    ]


async def _in_batches(base_url: str) -> float:
    """Returns the seconds of the runner with batches, which calls the stand-ins directly and measures nothing."""
    started = time.perf_counter()
    async with httpx.AsyncClient(base_url=base_url, timeout=MAX_SECONDS, trust_env=False) as client:
        for first in range(0, len(PROMPTS), BATCH_PROMPTS):
            async with asyncio.TaskGroup() as batch:
                for prompt in PROMPTS[first : first + BATCH_PROMPTS]:
                    for voice in MEDIAN_SECONDS:
                        batch.create_task(_speak(client, voice, prompt))
    return time.perf_counter() - started


async def _speak(client: httpx.AsyncClient, voice: str, text: str) -> None:
    body = {"model": MODEL, "voice": voice, "input": text, "response_format": "pcm"}
    (await client.post("/audio/speech", json=body)).raise_for_status()
