"""Models that listen do not disturb the clock of local voices.

The processes that evaluate are stopped and continued in turns (SIGSTOP, SIGCONT), so that quiet and busy measurements
are made in the same minute on the same machine. Whatever else the machine does disturbs both alike.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from services.scoring.backends.backend import missing_package
from services.scoring.workers.processes import LOWEST_NICENESS
from tests.experiments import END_SECONDS, ended, plan, started, trials
from tests.fakes.spoken import speak
from tests.mesh import mesh_settings

pytestmark = pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))

SENTENCE = "Your order of twelve books will arrive on Monday, and the last one follows at the end of the week. "
RECORDED = SENTENCE * 60
"""About six minutes, which keep the models busy for longer than the test takes."""
RECORDINGS = 3
PROMPTS = [f"Number {number}. {SENTENCE * 6}" for number in range(3)]
MODELS = [("espeak", "en-us"), ("espeak", "en-gb")]
MAX_ROUNDS = 8
"""Other work of the machine can make the times of a round longer. One undisturbed round shows whether models do."""
TIMES = ("ttfb_ms", "generation_time_ms")
MIN_BUSY_CORES = 0.1
MAX_QUIET_CORES = 0.05


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh whose voices were not used before."""
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("timing"))) as running:
        yield running


def evaluating(mesh: Mesh) -> list[psutil.Process]:
    """Returns the processes that evaluate."""
    return psutil.Process(mesh.processes["scoring"].pid).children(recursive=True)


def cpu_seconds(mesh: Mesh) -> float:
    """Returns the processor time of the processes that evaluate."""
    total = 0.0
    for process in evaluating(mesh):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def send(mesh: Mesh, number: signal.Signals) -> None:
    """Sends a signal to the processes that evaluate."""
    for process in evaluating(mesh):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def keep_models_busy(http: httpx.AsyncClient, recording: Path) -> None:
    """Uploads long recordings, and waits until models listen to them."""
    content = await asyncio.to_thread(recording.read_bytes)
    for _ in range(RECORDINGS):
        response = await http.post("/evaluations", content=content, headers={"content-type": "audio/wav"})
        id_ = response.raise_for_status().json()["id"]
    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"/evaluations/{id_}/stream") as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                step = json.loads(line.removeprefix("data: ")).get("step") or {}
                if (step.get("name"), step.get("status")) == ("transcription", "started"):
                    return
    pytest.fail("the models did not begin")


async def measured(mesh: Mesh, http: httpx.AsyncClient) -> tuple[dict[str, float], float]:
    """Runs an experiment. Returns the median times of its trials, and how many cores the models took meanwhile."""
    began, before = time.monotonic(), cpu_seconds(mesh)
    id_ = await started(http, plan(MODELS, PROMPTS, repeats=3, profile="latency"))
    await ended(http, id_)
    cores = (cpu_seconds(mesh) - before) / (time.monotonic() - began)
    found = await trials(http, id_)
    assert {trial["status"] for trial in found} == {"completed"}
    return {name: median(trial[name] for trial in found) for name in TIMES}, cores


async def test_local_voices_take_as_long_while_models_listen_as_while_they_do_not(
    mesh: Mesh, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    await keep_models_busy(http, speak(RECORDED, tmp_path / "recorded.wav"))
    assert {process.nice() for process in evaluating(mesh)} == {LOWEST_NICENESS}
    rounds = []
    for _ in range(MAX_ROUNDS):
        send(mesh, signal.SIGSTOP)
        quiet, quiet_cores = await measured(mesh, http)
        send(mesh, signal.SIGCONT)
        busy, busy_cores = await measured(mesh, http)
        assert quiet_cores < MAX_QUIET_CORES
        if busy_cores < MIN_BUSY_CORES:
            # Other work of the machine went before the models.
            continue
        differences = {name: (busy[name] - quiet[name]) / (5 + 0.02 * quiet[name]) for name in TIMES}
        rounds.append(differences)
        if max(differences.values()) <= 1:
            return
    pytest.fail(f"differences as parts of 5 ms + 2%: {rounds}")
