"""A mesh that is stopped in mid-experiment and started again later goes on where it was."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from deploy.local.mesh import Mesh
from tests.fakes.openai_server import MODEL, TEMPERS, OpenAiServer
from tests.mesh import Developer, mesh_settings, register

VOICES = ("calm", "bright")
PROMPTS = 10
END_SECONDS = 60.0


def client(mesh: Mesh, developer: Developer) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {developer.api_key}"}
    return httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", headers=headers, timeout=END_SECONDS, trust_env=False)


async def trials_ended(http: httpx.AsyncClient, path: str, ended: int | None) -> dict[str, Any]:
    """Follows the experiment until so many trials have ended, or to its end; returns it as it then is."""
    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"{path}/stream") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            seen = json.loads(line.removeprefix("data: "))
            if seen["kind"] == "end" or (ended is not None and seen["experiment"]["completed_trials"] >= ended):
                return dict(seen["experiment"])
    raise AssertionError("the stream ended without a terminal state")


async def test_an_experiment_goes_on_after_the_mesh_was_stopped_and_nothing_is_forgotten(tmp_path: Path) -> None:
    provider = OpenAiServer()
    provider.tempers.update({voice: replace(TEMPERS["steady"], before_seconds=0.6) for voice in VOICES})
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
            async with client(mesh, developer) as http:
                plan = {
                    "name": "stopped in the middle",
                    "scenario": "general",
                    "eval_mode": "automated",
                    "models": [{"provider": "standin", "voice_id": voice} for voice in VOICES],
                    "prompts": [f"Prompt {number}" for number in range(PROMPTS)],
                }
                created = (await http.post("/experiments", json=plan)).raise_for_status().json()
                path = f"/experiments/{created['id']}"
                (await http.post(f"{path}/run")).raise_for_status()
                before = await trials_ended(http, path, 3)
        assert before["status"] == "running"
        async with Mesh(mesh_settings(tmp_path), service_env=env) as mesh, client(mesh, developer) as http:
            after = await trials_ended(http, path, None)
            assert (after["status"], after["completed_trials"], after["failed_trials"]) == ("completed", 2 * PROMPTS, 0)
            assert (await http.get(f"{path}/results")).json()["head_to_head"][0]["pairs"] == PROMPTS
            trials = (await http.get(f"{path}/trials", params={"page_size": 100})).json()["trials"]
            assert {trial["status"] for trial in trials} == {"completed"}
            first_audio = await http.get(trials[0]["audio_url"], headers={"authorization": ""})
            assert first_audio.content.startswith(b"RIFF")
