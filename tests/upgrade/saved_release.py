"""Reads and restores a saved mesh of an earlier release: its database, its audio and its API responses.

`make_database.py` writes the files. `database.sql` comes from pg_dump, `audio.zip` is the audio store, and `known.json`
has the API's responses, the secret and the keys. The keys are only valid for this mesh.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.local.postgres import binaries
from tests.fakes.openai_server import MODEL, OpenAiServer

FOLDER = Path(__file__).parent
DATABASE, AUDIO, KNOWN = (FOLDER / name for name in ("database.sql", "audio.zip", "known.json"))
# The address of the webhook receiver in the saved database. Nothing listens there.
SAVED_RECEIVER = "http://127.0.0.1:9/"
# The providers and their voices. Each provider has its own limit, so none waits for another.
VOICES: Mapping[str, tuple[str, ...]] = {"standin": ("calm", "bright"), "mending": ("lost",), "holding": ("held",)}
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00\b")

Json = Mapping[str, Any]


def service_env(speech_server: OpenAiServer) -> Mapping[str, Mapping[str, str]]:
    """Returns the settings of the services: the providers, and a quick reconciler."""
    servers = [
        {"id": id_, "base_url": speech_server.base_url, "model": MODEL, "voices": voices, "max_concurrency": 1}
        for id_, voices in VOICES.items()
    ]
    return {
        "experiments": {"RECONCILE_AFTER_SECONDS": "1", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"},
        "tts": {"OPENAI_COMPATIBLE": json.dumps(servers)},
    }


def known() -> Json:
    """Returns the content of known.json."""
    return dict(json.loads(KNOWN.read_text()))


def restore(database_url: str, audio_folder: Path, receiver_url: str) -> None:
    """Restores the saved database and audio as if they had just been saved.

    All times move by the same span, so no link has expired and nothing is overdue. Webhooks go to `receiver_url`.
    """
    age = datetime.now(UTC) - datetime.fromisoformat(known()["saved_at"])
    script = _MOMENT.sub(lambda found: _later(found[0], age), DATABASE.read_text())
    script = script.replace(SAVED_RECEIVER, receiver_url)
    psql = [binaries() / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", database_url]
    subprocess.run(psql, input=script.encode(), stdout=subprocess.DEVNULL, check=True)
    with zipfile.ZipFile(AUDIO) as archive:
        archive.extractall(audio_folder)


def _later(moment: str, span: timedelta) -> str:
    return (datetime.fromisoformat(moment) + span).isoformat(" ")


async def until(read: Callable[[], Any], condition: Callable[[Any], bool], seconds: float = 30.0) -> Any:
    """Reads a value again until the condition is true, and returns the value."""
    async with asyncio.timeout(seconds):
        while not condition(got := await read()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return got


async def hear(http: httpx.AsyncClient, token: str, listener: str) -> Json:
    """Fetches a listener's next pair and both clips, waits for their length, and returns the pair."""
    response = await http.post(f"/listening/{token}/next", json={"listener": listener})
    pair: Json = response.raise_for_status().json()["pair"]
    for clip in ("clip_a", "clip_b"):
        (await http.get(pair[f"{clip}_url"])).raise_for_status()
    await asyncio.sleep(pair["clip_a_seconds"] + pair["clip_b_seconds"])
    return pair


async def vote(http: httpx.AsyncClient, token: str, listener: str, pair_id: str) -> Json:
    """Votes on a heard pair, and returns the listener's progress."""
    body = {"listener": listener, "pair_id": pair_id, "answer": "a"}
    response = await http.post(f"/listening/{token}/votes", json=body)
    return dict(response.raise_for_status().json()["progress"])
