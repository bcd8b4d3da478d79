"""A mesh for faults, with a slow provider and quick reconciling."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.chaos.event_copies import copy_events
from tests.chaos.retrying_client import RetryingClient
from tests.fakes.openai_server import BEHAVIOURS, MODEL, OpenAiServer
from tests.mesh import mesh_settings, register

VOICES = ("calm", "bright", "deep", "warm")
# Long enough for faults to hit a running experiment, and short enough for many trials.
RESPONSE_SECONDS = 0.25
CONCURRENCY = 2


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def provider() -> AsyncIterator[OpenAiServer]:
    """A provider with four voices, which each take a quarter of a second."""
    server = OpenAiServer()
    server.behaviours.update(
        {voice: replace(BEHAVIOURS["steady"], before_seconds=RESPONSE_SECONDS) for voice in VOICES}
    )
    async with server.serving():
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def mesh(provider: OpenAiServer, tmp_path_factory) -> AsyncIterator[Mesh]:
    """The mesh that the tests inject faults into."""
    server = {
        "id": "standin",
        "base_url": provider.base_url,
        "model": MODEL,
        "voices": list(VOICES),
        "max_concurrency": CONCURRENCY,
    }
    env = {
        "tts": {"OPENAI_COMPATIBLE": json.dumps([server])},
        "elo": {"BATTLE_POOL": "0"},
        "experiments": {"RECONCILE_AFTER_SECONDS": "2", "WATCH_HEARTBEAT_SECONDS": "1"},
    }
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("chaos")), service_env=env) as running:
        await copy_events(running.database_url)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(mesh: Mesh) -> AsyncIterator[RetryingClient]:
    """A developer's client that retries until the mesh has recovered."""
    await mesh.wait_serving()
    developer = await register(mesh)
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        yield RetryingClient(mesh, developer, channel)
