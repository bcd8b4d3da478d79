"""Recordings are evaluated in processes of their own, which can be killed and which end when they are idle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.experiments import END_SECONDS, ended, plan, started, trials
from tests.mesh import mesh_settings

WORKER, MODEL_OWNER = "evaluation_worker", "model_owner"
PROMPT = "Your order of twelve books will arrive on Monday."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh whose processes that evaluate end soon after their work."""
    env = {"scoring": {"EVAL_IDLE_SECONDS": "1"}}
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("evaluations")), service_env=env) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def recording(http: httpx.AsyncClient) -> str:
    """The name of a stored recording of the developer."""
    id_ = await started(http, plan([("espeak", "en-us"), ("espeak", "en-gb")], [PROMPT]))
    await ended(http, id_)
    return f"{(await trials(http, id_))[0]['id']}.wav"


@pytest_asyncio.fixture(loop_scope="session")
async def evaluation(http: httpx.AsyncClient, recording: str) -> str:
    """The id of an evaluation that has begun."""
    request = {"audio_name": recording, "reference_text": PROMPT}
    return str((await http.post("/evaluations", json=request)).raise_for_status().json()["id"])


async def messages(http: httpx.AsyncClient, id_: str) -> AsyncIterator[dict[str, Any]]:
    """Yields what the stream of an evaluation sends."""
    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"/evaluations/{id_}/stream") as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def processes(mesh: Mesh, module: str) -> list[psutil.Process]:
    """Returns the processes that scoring has started and that run a module."""
    children = psutil.Process(mesh.processes["scoring"].pid).children(recursive=True)
    return [one for one in children if any(part.endswith(f".{module}") for part in one.cmdline())]


@pytest.mark.parametrize("module", [WORKER, MODEL_OWNER])
async def test_a_killed_process_loses_nothing_and_doubles_nothing(
    module: str, mesh: Mesh, http: httpx.AsyncClient, evaluation: str
) -> None:
    killed = False
    completed: Counter[str] = Counter()
    async with aclosing(messages(http, evaluation)) as stream:
        async for message in stream:
            if message["kind"] != "progress":
                continue
            step = message["step"]
            completed[step["name"]] += step["status"] == "completed"
            if not killed and (step["name"], step["status"]) == ("transcription", "started"):
                for process in processes(mesh, module):
                    os.kill(process.pid, signal.SIGKILL)
                    killed = True
    assert killed
    found = (await http.get(f"/evaluations/{evaluation}")).raise_for_status().json()
    assert found["status"] == "completed"
    assert {step["name"]: step["status"] for step in found["steps"]}["transcription"] == "completed"
    assert max(completed.values()) == 1


async def test_cancelling_ends_the_processes(mesh: Mesh, http: httpx.AsyncClient, evaluation: str) -> None:
    async with aclosing(messages(http, evaluation)) as stream:
        async for message in stream:
            if message["kind"] == "progress" and message["step"]["status"] == "completed":
                break
    workers = processes(mesh, WORKER)
    assert len(workers) == 1
    (await http.post(f"/evaluations/{evaluation}/cancel", json={})).raise_for_status()
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 60)
    assert alive == []


async def test_at_rest_there_are_no_such_processes(mesh: Mesh, http: httpx.AsyncClient, evaluation: str) -> None:
    async with aclosing(messages(http, evaluation)) as stream:
        found = [one async for one in stream]
    assert found[-1]["evaluation"]["status"] == "completed"
    _, alive = await asyncio.to_thread(psutil.wait_procs, [*processes(mesh, WORKER), *processes(mesh, MODEL_OWNER)], 60)
    assert alive == []


async def test_the_processes_end_with_scoring(mesh: Mesh, http: httpx.AsyncClient, evaluation: str) -> None:
    """They have process groups of their own, so they notice it themselves."""
    workers: list[psutil.Process] = []
    async with aclosing(messages(http, evaluation)) as stream:
        async for message in stream:
            if message["kind"] == "progress" and message["step"]["name"] == "transcription":
                workers = [*processes(mesh, WORKER), *processes(mesh, MODEL_OWNER)]
                break
    assert len(workers) == 2
    await mesh.kill("scoring")
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 60)
    assert alive == []
    await mesh.wait_restarted("scoring")
    await mesh.wait_serving()
    async with aclosing(messages(http, evaluation)) as stream:
        found = [one async for one in stream]
    assert found[-1]["evaluation"]["status"] == "completed"
