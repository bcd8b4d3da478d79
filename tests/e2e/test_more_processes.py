"""Several processes of a service share its work. Each job is done once, and another process takes over the jobs of a
process that stops."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from deploy.local.mesh import Mesh
from deploy.local.process import Process
from tests import experiments
from tests.contract.stores.servers import free_port
from tests.fakes.openai_server import BEHAVIOURS, MODEL, OpenAiServer
from tests.mesh import mesh_settings, register

END_TIMEOUT_SECONDS = 90.0
VOICES = ("quick", "calm")
PROMPTS = 15
TRIALS = PROMPTS * len(VOICES)
CONCURRENCY = 6


class FurtherProcess:
    """A further process of a service of the mesh."""

    def __init__(self, process: Process, metrics: str) -> None:
        self.process = process
        self.metrics = metrics


@asynccontextmanager
async def another(mesh: Mesh, service: str, name: str) -> AsyncIterator[FurtherProcess]:
    """Runs a further process of a service with the same settings and its own addresses."""
    command = mesh.processes[service].command
    metrics = f"127.0.0.1:{free_port()}"
    own = {name: f"127.0.0.1:{free_port()}" for name in ("GRPC_ADDRESS", "HTTP_ADDRESS")}
    own["METRICS_ADDRESS"] = metrics
    command = replace(command, name=name, environment={**command.environment, **own})
    process = Process(command, mesh.data_dir, print, mesh.settings.stop_seconds)
    await process.start()
    try:
        # From this log line on, it serves and its consumers take part.
        log = mesh.data_dir.path / "logs" / f"{name}.log"
        async with asyncio.timeout(END_TIMEOUT_SECONDS):
            while '"SERVING"' not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield FurtherProcess(process, metrics)
    finally:
        await process.stop()


async def sample(address: str, name: str, label: str) -> float:
    """Returns the value of a counter of a process, by its name and a label. 0 if the process has not counted yet."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(f"http://{address}/metrics")).text
    found = re.search(rf"^{name}{{[^}}]*{re.escape(label)}[^}}]*}} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def records(mesh: Mesh, job_id: str) -> list[str]:
    """Returns the purpose of each request to a provider for one job."""
    names = sorted(Path(mesh.data_dir.path / "audio").glob(f"{job_id}-try-*.json"))
    return [json.loads(name.read_text())["purpose"] for name in names]


class World:
    """The mesh, its provider and the HTTP client of a developer."""

    def __init__(self, mesh: Mesh, provider: OpenAiServer, http: httpx.AsyncClient) -> None:
        self.mesh = mesh
        self.provider = provider
        self.http = http

    async def start(self, name: str, voices: tuple[str, ...] = VOICES) -> str:
        prompts = [f"Prompt number {number} for all processes." for number in range(PROMPTS)]
        return await experiments.started(
            self.http, experiments.plan([("standin", voice) for voice in voices], prompts, name=name)
        )

    async def ended(self, experiment_id: str) -> list[dict[str, Any]]:
        """Waits until an experiment ends and returns its trials."""
        experiment = await experiments.ended(self.http, experiment_id)
        assert (experiment["status"], experiment["completed_trials"]) == ("completed", TRIALS)
        return await experiments.trials(self.http, experiment_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory) -> AsyncIterator[World]:
    provider = OpenAiServer()
    provider.behaviours.update({voice: replace(BEHAVIOURS["steady"], before_seconds=0.2) for voice in VOICES})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(provider.serving())
        standin = {
            "id": "standin",
            "base_url": provider.base_url,
            "model": MODEL,
            "voices": [*VOICES, "hanging", "stuck"],
            "max_concurrency": CONCURRENCY,
        }
        env = {
            "tts": {"OPENAI_COMPATIBLE": json.dumps([standin]), "FIRST_BYTE_TIMEOUT_SECONDS": "60"},
            "experiments": {"RECONCILE_AFTER_SECONDS": "60"},
        }
        mesh = await stack.enter_async_context(
            Mesh(mesh_settings(tmp_path_factory.mktemp("processes")), service_env=env)
        )
        developer = await register(mesh)
        http = experiments.api_client(mesh, developer.api_key)
        yield World(mesh, provider, await stack.enter_async_context(http))


async def test_work_spreads_over_processes_and_each_job_is_done_once(world: World) -> None:
    mesh, requests_before = world.mesh, len(world.provider.requests)
    tts, scoring = (mesh.processes[name].command.environment["METRICS_ADDRESS"] for name in ("tts", "scoring"))
    async with another(mesh, "tts", "tts-2") as tts_2, another(mesh, "scoring", "scoring-2") as scoring_2:
        requests = ("voicearena_tts_provider_requests_total", 'provider="standin"')
        evaluations = ("voicearena_event_seconds_count", 'EvaluationRequested",outcome="done"')
        before = [await sample(each, *requests) for each in (tts, tts_2.metrics)]
        measured_before = [await sample(each, *evaluations) for each in (scoring, scoring_2.metrics)]
        trials = await world.ended(await world.start("two of each"))
        spoken = [await sample(each, *requests) - n for each, n in zip((tts, tts_2.metrics), before, strict=True)]
        measured = [
            await sample(each, *evaluations) - n
            for each, n in zip((scoring, scoring_2.metrics), measured_before, strict=True)
        ]
    assert min(spoken) >= TRIALS / 4
    assert min(measured) >= 1
    assert sum(measured) == TRIALS
    # Each process sends one warm-up to the provider.
    assert sum(spoken) == len(world.provider.requests) - requests_before == TRIALS + 2
    purposes = Counter(purpose for trial in trials for purpose in records(mesh, trial["id"]))
    assert purposes == {"speech": TRIALS, "warm_up": 2}
    assert all(records(mesh, trial["id"]).count("speech") == 1 for trial in trials)


async def test_a_stopped_process_hands_over_its_jobs(world: World) -> None:
    """No request is sent again within a minute, so jobs that complete before were handed over."""
    mesh = world.mesh
    async with another(mesh, "tts", "tts-3") as stopping:
        experiment_id = await world.start("one leaves")
        requests = ("voicearena_tts_provider_requests_total", 'provider="standin"')
        while not await sample(stopping.metrics, *requests):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await stopping.process.stop()
        assert stopping.process.exit_status == 0
        async with asyncio.timeout(30):
            trials = await world.ended(experiment_id)
    assert len({trial["id"] for trial in trials}) == TRIALS


async def test_cancelling_an_experiment_closes_its_provider_connections_in_every_process(world: World) -> None:
    provider = world.provider
    async with another(world.mesh, "tts", "tts-4"):
        provider.gone.clear()
        before = len(provider.requests)
        # The warm-ups of both processes hang, and all jobs wait for them.
        experiment_id = await world.start("cancelled", ("hanging", "stuck"))
        async with asyncio.timeout(END_TIMEOUT_SECONDS):
            while len(provider.requests) - before < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert provider.at_once == 2
            (await world.http.post(f"/experiments/{experiment_id}/cancel")).raise_for_status()
            while provider.at_once:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert provider.gone.is_set()
        # The mesh still works.
        await world.ended(await world.start("afterwards"))
