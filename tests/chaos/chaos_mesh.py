"""A mesh for rounds of chaos, with two slow providers and a webhook receiver."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import httpx

from deploy.local.mesh import Mesh
from tests.chaos.event_copies import copy_events
from tests.chaos.recordings import RecordingClient
from tests.chaos.retrying_client import RetryingClient
from tests.chaos.rounds import PATH, Chaos
from tests.fakes.cartesia_server import CartesiaServer
from tests.fakes.openai_server import MODEL, OpenAiServer
from tests.fakes.speech_server import BEHAVIOURS
from tests.fakes.spoken import speak
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import Developer, mesh_settings, register
from tests.tmpfs import CannotMount, SmallDisk, small_disk

KEY = "sk_chaos"
# The time to the first audio of each voice.
FIRST_AUDIO_SECONDS = {"calm": 0.1, "bright": 0.2, "deep": 0.3, "warm": 0.15}
CONCURRENCY = 3
REFERENCE_TEXT = "Your order of twelve books will arrive on Monday."
# PostgreSQL's write-ahead log may take half of it.
DISK_MEGABYTES = 512


@asynccontextmanager
async def chaos_mesh(
    directory: Path,
    workers: Mapping[str, int] | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
) -> AsyncIterator[Chaos]:
    """Runs the mesh during the block. `workers` has the number of processes by service.

    The data is on a separate small disk that can be filled. If none can be mounted, `say` prints a message.
    """
    with ExitStack() as mounted:
        disk = None
        try:
            disk = mounted.enter_context(small_disk(directory / "disk", DISK_MEGABYTES))
        except CannotMount as error:
            say(f"The disk is not filled: {error}")
        async with _run_mesh(disk.path / "data" if disk else directory, disk, workers) as chaos:
            yield chaos


@asynccontextmanager
async def _run_mesh(directory: Path, disk: SmallDisk | None, workers: Mapping[str, int] | None) -> AsyncIterator[Chaos]:
    hosted, compatible, receiver = CartesiaServer(KEY), OpenAiServer(), WebhookReceiver()
    for server in (hosted, compatible):
        server.behaviours = {
            voice: replace(BEHAVIOURS["steady"], before_seconds=s) for voice, s in FIRST_AUDIO_SECONDS.items()
        }
    async with hosted.serving(), compatible.serving(), receiver.serving():
        env = {
            "tts": {
                "CARTESIA_API_KEY": KEY,
                "CARTESIA_BASE_URL": hosted.base_url,
                "CARTESIA_CONCURRENCY": str(CONCURRENCY),
                "OPENAI_COMPATIBLE": json.dumps(
                    [
                        {
                            "id": "standin",
                            "base_url": compatible.base_url,
                            "model": MODEL,
                            "voices": list(FIRST_AUDIO_SECONDS),
                            "max_concurrency": CONCURRENCY,
                        }
                    ]
                ),
            },
            "experiments": {
                "RECONCILE_AFTER_SECONDS": "2",
                "WATCH_HEARTBEAT_SECONDS": "1",
                "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            },
        }
        # A small pool, because each battle of a new mesh is spoken and evaluated.
        env["elo"] = {"BATTLE_POOL": "1", "BATTLE_VOTES": "2", "RECONCILE_AFTER_SECONDS": "2"}
        settings = mesh_settings(directory).model_copy(update={"workers": dict(workers or {}), "trusted_proxies": 1})
        async with Mesh(settings, service_env=env) as mesh:
            await copy_events(mesh.database_url)
            developer = await register(mesh)
            receiver.secrets[PATH] = [await _endpoint(mesh, developer, receiver.url(PATH))]
            async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
                client = RetryingClient(mesh, developer, channel)
                recordings = RecordingClient(developer, channel, spoken(directory), REFERENCE_TEXT)
                providers = (
                    ("cartesia", hosted, list(FIRST_AUDIO_SECONDS)),
                    ("standin", compatible, list(FIRST_AUDIO_SECONDS)),
                )
                yield Chaos(mesh, client, recordings, providers, receiver, disk)


def spoken(directory: Path) -> bytes:
    """Returns a recording of REFERENCE_TEXT."""
    return speak(REFERENCE_TEXT, directory / "spoken.wav").read_bytes()


async def _endpoint(mesh: Mesh, developer: Developer, url: str) -> str:
    """Creates the webhook endpoint and returns its secret."""
    headers = {"authorization": f"Bearer {developer.api_key}"}
    async with httpx.AsyncClient(base_url=mesh.api_url, headers=headers, timeout=10, trust_env=False) as client:
        response = await client.post("/api/v1/webhook-endpoints", json={"url": url})
    secret: str = response.raise_for_status().json()["secret"]
    return secret
