"""A mesh that is stopped during an experiment and started again continues the experiment."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from deploy.local.mesh import Mesh
from tests.experiments import END_SECONDS, api_client, plan, started, trials
from tests.fakes.openai_server import BEHAVIOURS, MODEL, OpenAiServer
from tests.mesh import mesh_settings, register

VOICES = ("calm", "bright")
PROMPTS = 10


async def trials_ended(http: httpx.AsyncClient, path: str, ended: int | None) -> dict[str, Any]:
    """Watches the experiment until `ended` trials have completed, or to its end. Returns it as it is then."""
    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"{path}/stream") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            seen = json.loads(line.removeprefix("data: "))
            if seen["kind"] == "end" or (ended is not None and seen["experiment"]["completed_trials"] >= ended):
                return dict(seen["experiment"])
    raise AssertionError("the stream ended without a terminal state")


async def test_an_experiment_continues_after_a_restart_of_the_mesh_and_nothing_is_lost(tmp_path: Path) -> None:
    provider = OpenAiServer()
    provider.behaviours.update({voice: replace(BEHAVIOURS["steady"], before_seconds=0.6) for voice in VOICES})
    async with provider.serving():
        server = {
            "id": "standin",
            "base_url": provider.base_url,
            "model": MODEL,
            "voices": VOICES,
            "max_concurrency": 2,
        }
        env = {"tts": {"OPENAI_COMPATIBLE": json.dumps([server])}, "experiments": {"RECONCILE_AFTER_SECONDS": "2"}}
        async with Mesh(mesh_settings(tmp_path), service_env=env) as mesh:
            developer = await register(mesh)
            async with api_client(mesh, developer.api_key) as http:
                prompts = [f"Prompt {number}" for number in range(PROMPTS)]
                id_ = await started(http, plan([("standin", voice) for voice in VOICES], prompts))
                path = f"/experiments/{id_}"
                before = await trials_ended(http, path, 3)
        assert before["status"] == "running"
        async with Mesh(mesh_settings(tmp_path), service_env=env) as mesh, api_client(mesh, developer.api_key) as http:
            after = await trials_ended(http, path, None)
            assert (after["status"], after["completed_trials"], after["failed_trials"]) == ("completed", 2 * PROMPTS, 0)
            assert (await http.get(f"{path}/results")).json()["head_to_head"][0]["pairs"] == PROMPTS
            spoken = await trials(http, id_)
            assert {trial["status"] for trial in spoken} == {"completed"}
            first_audio = await http.get(spoken[0]["audio_url"], headers={"authorization": ""})
            assert first_audio.content.startswith(b"RIFF")
