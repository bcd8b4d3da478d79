"""A mesh of an earlier release as it was saved: its database, its audio, and what its API answered.

`make_database.py` writes it. `database.sql` is what pg_dump wrote, `audio.zip` is the audio store, and `known.json`
has the API's answers, the secret and the keys. The keys open nothing but this mesh.
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
# Where webhooks go in the saved database. Nobody listens there.
SAVED_RECEIVER = "http://127.0.0.1:9/"
# The providers and their voices. Each has a limit of its own, so that none has to wait for another.
VOICES: Mapping[str, tuple[str, ...]] = {"standin": ("calm", "bright"), "mending": ("lost",), "holding": ("held",)}
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00\b")

Json = Mapping[str, Any]


def service_env(speech_server: OpenAiServer) -> Mapping[str, Mapping[str, str]]:
    """Returns the settings of the services: the providers, and a reconciler that is quick to ask again."""
    servers = [
        {"id": id_, "base_url": speech_server.base_url, "model": MODEL, "voices": voices, "max_concurrency": 1}
        for id_, voices in VOICES.items()
    ]
    return {
        "experiments": {"RECONCILE_AFTER_SECONDS": "1", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"},
        "tts": {"OPENAI_COMPATIBLE": json.dumps(servers)},
    }


def known() -> Json:
    """Returns what is known of the saved mesh."""
    return dict(json.loads(KNOWN.read_text()))


def restore(database_url: str, audio_folder: Path, receiver_url: str) -> None:
    """Writes the saved database and audio as if they had been saved just now.

    All times move by the same span, so no link has expired and nothing is overdue. Webhooks go to `receiver_url`.
    """
    since = datetime.now(UTC) - datetime.fromisoformat(known()["saved_at"])
    script = _MOMENT.sub(lambda found: _later(found[0], since), DATABASE.read_text())
    script = script.replace(SAVED_RECEIVER, receiver_url)
    psql = [binaries() / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", database_url]
    subprocess.run(psql, input=script.encode(), stdout=subprocess.DEVNULL, check=True)
    with zipfile.ZipFile(AUDIO) as archive:
        archive.extractall(audio_folder)


def _later(moment: str, span: timedelta) -> str:
    return (datetime.fromisoformat(moment) + span).isoformat(" ")


async def until(answer: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 30.0) -> Any:
    """Asks until an answer is as it should be, and returns it."""
    async with asyncio.timeout(seconds):
        while not holds(got := await answer()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return got


async def hear(http: httpx.AsyncClient, token: str, listener: str) -> Json:
    """Asks for a listener's next pair, plays both clips of it and returns it."""
    answer = await http.post(f"/listening/{token}/next", json={"listener": listener})
    pair: Json = answer.raise_for_status().json()["pair"]
    for clip in ("clip_a", "clip_b"):
        (await http.get(pair[f"{clip}_url"])).raise_for_status()
    await asyncio.sleep(pair["clip_a_seconds"] + pair["clip_b_seconds"])
    return pair


async def vote(http: httpx.AsyncClient, token: str, listener: str, pair_id: str) -> Json:
    """Votes on a pair that was heard, and returns the listener's progress."""
    body = {"listener": listener, "pair_id": pair_id, "answer": "a"}
    answer = await http.post(f"/listening/{token}/votes", json=body)
    return dict(answer.raise_for_status().json()["progress"])
