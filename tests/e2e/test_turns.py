"""Experiments share providers on a real mesh: a small one does not wait for a large one, and a slow provider delays no
other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest_asyncio
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisRequested

from deploy.local.mesh import Mesh
from services.runtime.bus import Bus, EventMetadata
from services.runtime.ids import new_id
from tests.experiments import created, ended, plan, trials
from tests.fakes.openai_server import MODEL, OpenAiServer
from tests.mesh import mesh_settings

VOICES = ("one", "two", "three", "four")
SECONDS = 0.25
SLOTS = 4
MAX_RUNNING = 3
CAPTIONS = 16


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[OpenAiServer]:
    """A server with voices that take some time, and one voice that takes long."""
    async with OpenAiServer(seconds=SECONDS).serving() as server:
        steady = server.behaviours["steady"]
        server.behaviours.update(dict.fromkeys(VOICES, steady))
        server.behaviours["late"] = replace(steady, before_seconds=8 * SECONDS)
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: Any, provider: OpenAiServer) -> AsyncIterator[Mesh]:
    """A mesh with a small quota and two providers, which are the same server."""

    def entry(name: str, voices: Sequence[str], slots: int) -> dict[str, object]:
        common = {"base_url": provider.base_url, "model": MODEL}
        return {**common, "id": name, "voices": list(voices), "max_concurrency": slots}

    servers = [entry("hosted", VOICES, SLOTS), entry("tardy", ["late"], 1)]
    env = {
        "tts": {"OPENAI_COMPATIBLE": json.dumps(servers)},
        "experiments": {"MAX_RUNNING_EXPERIMENTS": str(MAX_RUNNING)},
    }
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("turns")), service_env=env) as running:
        yield running


async def create(http: httpx.AsyncClient, voices: Sequence[tuple[str, str]], prompts: int) -> str:
    """Creates an experiment and returns its id."""
    return await created(http, plan(voices, [f"Prompt number {number}." for number in range(prompts)]))


async def test_a_small_experiment_ends_long_before_a_large_one_that_started_earlier(
    http: httpx.AsyncClient, provider: OpenAiServer
) -> None:
    large = await create(http, [("hosted", voice) for voice in VOICES], 20)
    small = await create(http, [("hosted", "one"), ("hosted", "two")], 1)
    for experiment_id in (large, small):
        (await http.post(f"/experiments/{experiment_id}/run")).raise_for_status()
    await ended(http, small)
    after = await trials(http, large)
    completed = [trial["status"] for trial in after].count("completed")
    assert completed < len(after) / 2, "the small one waited for most of the large one"
    assert [trial["status"] for trial in after].count("pending") > len(after) / 4
    await ended(http, large)
    after = await trials(http, large)
    assert [trial["status"] for trial in after] == ["completed"] * 80
    assert provider.most_at_once <= SLOTS
    # The trials have a random order.
    assert sorted(trial["position"] for trial in after) == list(range(80))
    assert [trial["position"] for trial in after] != list(range(80))


async def test_a_slow_provider_does_not_delay_another(http: httpx.AsyncClient) -> None:
    both = await create(http, [("hosted", "one"), ("tardy", "late")], 4)
    (await http.post(f"/experiments/{both}/run")).raise_for_status()
    await ended(http, both)
    found = await trials(http, both)
    ends = {
        name: sorted(trial["ended_at"] for trial in found if trial["provider"] == name) for name in ("hosted", "tardy")
    }
    assert [trial["status"] for trial in found] == ["completed"] * 8
    assert ends["hosted"][-1] < ends["tardy"][1]


async def test_running_experiments_have_a_quota(http: httpx.AsyncClient) -> None:
    ids = [await create(http, [("hosted", "one"), ("tardy", "late")], 3) for _ in range(MAX_RUNNING + 1)]
    responses = await asyncio.gather(*(http.post(f"/experiments/{experiment_id}/run") for experiment_id in ids))
    assert sorted(response.status_code for response in responses) == [200] * MAX_RUNNING + [429]
    refused = next(response for response in responses if response.status_code == 429).json()
    info = next(detail for detail in refused["details"] if "reason" in detail)
    assert (info["reason"], info["metadata"]) == ("QUOTA_EXCEEDED", {"limit": str(MAX_RUNNING)})
    assert "Wait until one completes, or cancel one" in refused["message"]
    left = ids[[response.status_code for response in responses].index(429)]
    running = next(each for each in ids if each != left)
    (await http.post(f"/experiments/{running}/cancel")).raise_for_status()
    assert (await http.post(f"/experiments/{left}/run")).status_code == 200
    for experiment_id in ids:
        if experiment_id != running:
            (await http.post(f"/experiments/{experiment_id}/cancel")).raise_for_status()


async def test_a_provider_is_shared_with_other_requesters(
    http: httpx.AsyncClient, mesh: Mesh, provider: OpenAiServer
) -> None:
    experiment = await create(http, [("hosted", voice) for voice in VOICES], 20)
    # Earlier tests used two providers.
    provider.most_at_once = provider.at_once
    (await http.post(f"/experiments/{experiment}/run")).raise_for_status()
    before = len(provider.requests)
    while len(provider.requests) < before + 2 * SLOTS:
        provider.asked.clear()
        await provider.asked.wait()
    bus = await Bus.connect(mesh.nats_url, "captions")
    shares: asyncio.Queue[int] = asyncio.Queue()

    async def synthesized(event: SpeechSynthesized, metadata: EventMetadata) -> None:
        shares.put_nowait(event.share)

    consuming = asyncio.create_task(bus.consume({SpeechSynthesized: synthesized}, max_in_flight=CAPTIONS))
    try:
        for number in range(CAPTIONS):
            job = SynthesisRequested(requester="captions", job_id=f"cap_{number}", attempt=1, developer_id="dev_a")
            job.MergeFrom(SynthesisRequested(provider="hosted", voice_id="one", text=f"Caption {number}."))
            await bus.publish(job, event_id=new_id("evt"))
        received = [await shares.get() for _ in range(CAPTIONS)]
    finally:
        consuming.cancel()
        await bus.close()
    # The share is two of the four slots and one waiting job while trials are there, and all slots while none is there.
    assert 3 in received
    assert set(received) <= {3, SLOTS}
    is_caption = ["Caption" in str(body["input"]) for body in provider.requests[before:]]
    first, last = is_caption.index(True), len(is_caption) - 1 - is_caption[::-1].index(True)
    trials_meanwhile = is_caption[first:last].count(False)
    assert CAPTIONS / 2 <= trials_meanwhile <= CAPTIONS + 2 * SLOTS
    await ended(http, experiment)
    assert provider.most_at_once <= SLOTS
