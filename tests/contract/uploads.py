"""What tests of uploads have in common."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from deploy.local.mesh import Mesh
from tests.fakes.bodies import wav_of
from tests.fakes.recordings import tone

ROUTE = "/api/v1/evaluations"
MB = 1024 * 1024
WAV = wav_of(tone(1.0).tobytes())
RAW = {"content-type": "audio/wav"}
# Steps that need no model.
QUICK = {"steps": ["decode", "signal"]}


def stored(mesh: Mesh) -> set[Path]:
    """Returns the recordings in the audio store, unfinished ones too."""
    return {path for path in (mesh.data_dir.path / "audio").iterdir() if ".audio" in path.name}


async def ended(api: httpx.AsyncClient, evaluation_id: str) -> dict[str, Any]:
    """Waits for the end of an evaluation, and returns it."""
    async with asyncio.timeout(60), api.stream("GET", f"{ROUTE}/{evaluation_id}/stream") as response:
        async for line in response.aiter_lines():
            if '"kind":"end"' in line.replace(" ", ""):
                break
    found: dict[str, Any] = (await api.get(f"{ROUTE}/{evaluation_id}")).json()
    return found


def failure(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["details"][0]["reason"], body["message"]
