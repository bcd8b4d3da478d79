"""A mesh of its own for faults: a provider that takes its time, and reconciling that does not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.chaos.events_kept import keep_events
from tests.chaos.watching import Follower
from tests.fakes.openai_server import MODEL, TEMPERS, OpenAiServer
from tests.mesh import mesh_settings, register

VOICES = ("calm", "bright", "deep", "warm")
# Long enough that faults hit an experiment in the middle, short enough to have many of them.
SECONDS = 0.25
CONCURRENCY = 2


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def provider() -> AsyncIterator[OpenAiServer]:
    """A provider whose four voices take a quarter of a second each."""
    server = OpenAiServer()
    server.tempers.update({voice: replace(TEMPERS["steady"], before_seconds=SECONDS) for voice in VOICES})
    async with server.serving():
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def mesh(provider: OpenAiServer, tmp_path_factory) -> AsyncIterator[Mesh]:
    """The mesh that faults are done to."""
    server = {
        "id": "standin",
        "base_url": provider.base_url,
        "model": MODEL,
        "voices": list(VOICES),
        "max_concurrency": CONCURRENCY,
    }
    env = {
        "tts": {"OPENAI_COMPATIBLE": json.dumps([server])},
        "experiments": {"RECONCILE_AFTER_SECONDS": "2", "WATCH_HEARTBEAT_SECONDS": "1"},
    }
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("chaos")), service_env=env) as running:
        await keep_events(running.database_url)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def follower(mesh: Mesh) -> AsyncIterator[Follower]:
    """A developer who follows what happens."""
    await mesh.wait_serving()
    developer = await register(mesh)
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        yield Follower(mesh, developer, channel)
