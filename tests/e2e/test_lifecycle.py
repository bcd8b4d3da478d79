"""The life of experiments on a whole mesh: cancelling, retrying, cloning, deleting, the retention of audio, and
watching by many clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from psycopg import AsyncConnection

from deploy.local.mesh import Mesh
from tests import experiments
from tests.experiments import Json, plan, trials
from tests.fakes.openai_server import BEHAVIOURS, MODEL, OpenAiServer
from tests.mesh import mesh_settings

TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.05
WATCHERS = 30
Model = tuple[str, str]
MODELS: list[Model] = [("standin", voice) for voice in ("steady", "wav", "stuck", "empty")]
STEADY, WAV, STUCK, EMPTY = MODELS


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[OpenAiServer]:
    """A provider with voices that work, hang in the middle of a response, or send nothing."""
    async with OpenAiServer().serving() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: Any, provider: OpenAiServer) -> AsyncIterator[Mesh]:
    """A mesh that deletes old audio every 0.1 s."""
    voices = [voice for _, voice in MODELS]
    server = {"id": "standin", "base_url": provider.base_url, "model": MODEL, "voices": voices, "max_concurrency": 4}
    env = {"tts": {"OPENAI_COMPATIBLE": json.dumps([server])}, "experiments": {"RETENTION_SWEEP_SECONDS": "0.1"}}
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("lifecycle")), service_env=env) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def database(mesh: Mesh) -> AsyncIterator[AsyncConnection]:
    """A connection to the mesh's database."""
    async with await AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        yield connection


async def started(http: httpx.AsyncClient, *models: Model, prompts: int = 1) -> str:
    return await experiments.started(http, plan(models, [f"Prompt {n}." for n in range(prompts)]))


async def messages(http: httpx.AsyncClient, id_: str) -> AsyncGenerator[Json, None]:
    """Yields the messages of an experiment's stream without heartbeats."""
    async with http.stream("GET", f"/experiments/{id_}/stream") as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line and '"heartbeat"' not in line:
                yield json.loads(line.removeprefix("data: "))


async def ended(http: httpx.AsyncClient, id_: str, watching: asyncio.Event | None = None) -> Json:
    """Watches an experiment to its end and returns it. Sets `watching` at the first message."""
    received = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        async for message in messages(http, id_):
            received.append(message)
            if watching is not None:
                watching.set()
    assert received[-1]["kind"] == "end"
    return dict(received[-1]["experiment"])


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Waits until a condition holds."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(POLL_INTERVAL_SECONDS)


def stored(mesh: Mesh, trial_ids: list[str]) -> list[Path]:
    """Returns the files of trials in the audio store."""
    return [path for path in (mesh.data_dir.path / "audio").rglob("*") if path.name.startswith(tuple(trial_ids))]


async def evaluations(database: AsyncConnection, trial_ids: list[str]) -> int:
    cursor = await database.execute("SELECT count(*) FROM scoring.evaluations WHERE id = ANY(%s)", (trial_ids,))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_cancelling_closes_the_providers_connection(http: httpx.AsyncClient, provider: OpenAiServer) -> None:
    provider.asked.clear()
    provider.gone.clear()
    id_ = await started(http, STUCK, STEADY)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await provider.asked.wait()
        cancelled = (await http.post(f"/experiments/{id_}/cancel")).raise_for_status().json()
        await provider.gone.wait()
    assert cancelled["status"] == "cancelled"
    assert {trial["status"] for trial in await trials(http, id_)} <= {"cancelled", "completed"}


async def test_a_deleted_experiment_leaves_no_audio_and_no_measurements(
    mesh: Mesh, http: httpx.AsyncClient, database: AsyncConnection
) -> None:
    id_ = await started(http, STEADY, WAV, prompts=2)
    assert (await ended(http, id_))["completed_trials"] == 4
    spoken = await trials(http, id_)
    trial_ids = [trial["id"] for trial in spoken]
    assert len([path for path in stored(mesh, trial_ids) if path.suffix == ".wav"]) == 4
    assert await evaluations(database, trial_ids) == 4

    deleted = (await http.delete(f"/experiments/{id_}")).raise_for_status().json()
    assert deleted == {"id": id_, "trials": 4}
    assert (await http.get(f"/experiments/{id_}")).status_code == 404
    assert (await http.delete(f"/experiments/{id_}")).status_code == 404
    await until(lambda: not stored(mesh, trial_ids))

    async def forgotten() -> bool:
        return await evaluations(database, trial_ids) == 0

    await until(forgotten)
    assert (await http.get(spoken[0]["audio_url"])).status_code == 404


async def test_deleting_a_running_experiment_cancels_it_and_leaves_nothing(
    mesh: Mesh, http: httpx.AsyncClient, provider: OpenAiServer, database: AsyncConnection
) -> None:
    provider.asked.clear()
    provider.gone.clear()
    id_ = await started(http, STUCK, STEADY, prompts=3)
    trial_ids = [trial["id"] for trial in await trials(http, id_)]
    watching = asyncio.Event()
    watcher = asyncio.create_task(ended(http, id_, watching))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await watching.wait()
        await provider.asked.wait()
        (await http.delete(f"/experiments/{id_}")).raise_for_status()
        await provider.gone.wait()
    assert (await watcher)["status"] == "cancelled"
    await until(lambda: not stored(mesh, trial_ids))

    async def quiet() -> bool:
        query = "SELECT count(*) FROM experiments.outbox WHERE published_at IS NULL"
        row = await (await database.execute(query)).fetchone()
        return row == (0,) and not stored(mesh, trial_ids) and not await evaluations(database, trial_ids)

    await until(quiet)


async def test_failed_trials_can_be_retried_after_their_provider_has_recovered(
    http: httpx.AsyncClient, provider: OpenAiServer
) -> None:
    id_ = await started(http, STEADY, EMPTY, prompts=2)
    before = await ended(http, id_)
    assert (before["completed_trials"], before["failed_trials"]) == (2, 2)
    asked_before = provider.requests_by_voice["steady"]
    provider.behaviours["empty"] = BEHAVIOURS["steady"]
    try:
        running = (await http.post(f"/experiments/{id_}/retry")).raise_for_status().json()
        assert (running["status"], running["failed_trials"]) == ("running", 0)
        after = await ended(http, id_)
    finally:
        provider.behaviours["empty"] = BEHAVIOURS["empty"]
    assert (after["status"], after["completed_trials"], after["failed_trials"]) == ("completed", 4, 0)
    assert provider.requests_by_voice["steady"] == asked_before
    results = (await http.get(f"/experiments/{id_}/results")).raise_for_status().json()
    assert [ranking["trials_completed"] for ranking in results["rankings"]] == [2, 2]
    # The requests of a trial include the warm-up of its first run.
    by_voice = {trial["voice_id"]: trial for trial in await trials(http, id_)}
    assert by_voice["empty"]["provider_requests"] >= 2
    assert by_voice["empty"]["error_message"] == ""
    again = await http.post(f"/experiments/{id_}/retry")
    assert (again.status_code, again.json()["details"][0]["reason"]) == (409, "WRONG_STATE")


async def test_a_trial_that_failed_in_scoring_is_scored_again_without_new_speech(
    http: httpx.AsyncClient, provider: OpenAiServer, database: AsyncConnection
) -> None:
    id_ = await started(http, STEADY, WAV)
    await ended(http, id_)
    trial = (await trials(http, id_))[0]
    await database.execute(
        "UPDATE scoring.evaluations SET status = 'failed', error_message = 'x', signal_metrics = NULL WHERE id = %s",
        (trial["id"],),
    )
    await database.execute(
        "UPDATE experiments.trials SET status = 'failed', error_kind = 'evaluation_failed', silence_ratio = NULL "
        "WHERE id = %s",
        (trial["id"],),
    )
    await database.execute(
        "UPDATE experiments.experiments SET completed_trials = 1, failed_trials = 1 WHERE id = %s", (id_,)
    )
    asked_before = sum(provider.requests_by_voice.values())
    (await http.post(f"/experiments/{id_}/retry")).raise_for_status()
    assert (await ended(http, id_))["completed_trials"] == 2
    measured = (await trials(http, id_))[0]
    assert (measured["status"], measured["silence_ratio"]) == ("completed", trial["silence_ratio"])
    assert sum(provider.requests_by_voice.values()) == asked_before


async def test_a_clone_with_changes_runs_on_its_own(http: httpx.AsyncClient) -> None:
    id_ = await started(http, STEADY, WAV)
    await ended(http, id_)
    changes = {"name": "again", "prompts": ["Another prompt.", "And one more."], "repeats": 2}
    clone = (await http.post(f"/experiments/{id_}/clone", json=changes)).raise_for_status().json()
    assert (clone["status"], clone["cloned_from"], clone["total_trials"]) == ("created", id_, 8)
    (await http.post(f"/experiments/{clone['id']}/run")).raise_for_status()
    assert (await ended(http, clone["id"]))["completed_trials"] == 8
    assert (await http.get(f"/experiments/{id_}")).json()["total_trials"] == 2


async def test_audio_is_deleted_after_its_retention_and_measurements_stay(
    mesh: Mesh, http: httpx.AsyncClient, database: AsyncConnection
) -> None:
    id_ = await started(http, STEADY, WAV)
    await ended(http, id_)
    spoken = await trials(http, id_)
    trial_ids = [trial["id"] for trial in spoken]
    assert (await http.get(spoken[0]["audio_url"])).status_code == 200
    await database.execute(
        "UPDATE experiments.experiments SET ended_at = ended_at - interval '31 days' WHERE id = %s", (id_,)
    )

    async def marked() -> bool:
        return all("audio_deleted_at" in trial for trial in await trials(http, id_))

    await until(marked)
    await until(lambda: not stored(mesh, trial_ids))
    after = await trials(http, id_)
    assert not any("audio_url" in trial for trial in after)
    assert [trial["duration_seconds"] for trial in after] == [trial["duration_seconds"] for trial in spoken]
    assert (await http.get(spoken[0]["audio_url"])).status_code == 404
    assert (await http.get(f"/experiments/{id_}/results")).status_code == 200


async def test_many_clients_watch_one_experiment_and_a_dropped_one_can_return(http: httpx.AsyncClient) -> None:
    id_ = await experiments.created(http, plan([STEADY, WAV], [f"Prompt {n}." for n in range(10)]))
    ready = asyncio.Barrier(WATCHERS + 1)

    async def watch(*, drop: bool) -> list[Json]:
        received = []
        async with aclosing(messages(http, id_)) as stream:
            async for message in stream:
                received.append(message)
                if len(received) == 1:
                    await ready.wait()
                if drop and message["kind"] == "progress":
                    break
        # The client with the dropped connection watches again.
        return received + [message async for message in messages(http, id_)] if drop else received

    watchers = [asyncio.create_task(watch(drop=number == 0)) for number in range(WATCHERS)]
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await ready.wait()
        (await http.post(f"/experiments/{id_}/run")).raise_for_status()
        streams = await asyncio.gather(*watchers)
    final = (await http.get(f"/experiments/{id_}")).json()
    for received in streams:
        kinds = [message["kind"] for message in received]
        assert (kinds[0], kinds.count("end"), kinds[-1]) == ("state", 1, "end")
        assert received[0]["experiment"]["status"] == "created"
        assert received[-1]["experiment"] == final
        latest = {m["trial"]["id"]: m["trial"]["status"] for m in received if m["kind"] == "progress"}
        assert list(latest.values()) == ["completed"] * 20
    resumed = streams[0]
    second_state = next(n for n, message in enumerate(resumed) if n and message["kind"] == "state")
    assert resumed[second_state]["experiment"]["status"] in ("running", "completed")
