"""The mesh recovers from a NATS that is corrupt, hangs or lost its messages, and no trial is lost."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import signal
import sys
from collections.abc import AsyncIterator

import httpx
import nats
import psutil
import psycopg
import pytest
import pytest_asyncio
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from deploy.local import monitor
from deploy.local.mesh import Mesh
from services.runtime.events import event_type
from tests import experiments
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import STAND_IN, Developer, mesh_settings, register, service_env

TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.1
PROMPTS = 2
VOICES = [(STAND_IN, voice) for voice in ("steady", "wav")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory, speech_server: OpenAiServer) -> AsyncIterator[Mesh]:
    env = {**service_env(speech_server), "experiments": {"RECONCILE_AFTER_SECONDS": "1"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "PROBE_INTERVAL_SECONDS", 1.0)
        patch.setattr(monitor, "PROBE_TIMEOUT_SECONDS", 2.0)
        patch.setattr(monitor, "MAX_SILENCES", 2)
        async with Mesh(mesh_settings(tmp_path_factory.mktemp("bus")), service_env=env) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="session")
async def developer(mesh: Mesh) -> Developer:
    await mesh.wait_serving()
    return await register(mesh)


async def started(http: httpx.AsyncClient) -> str:
    prompts = [f"Prompt number {number}." for number in range(PROMPTS)]
    return await experiments.started(http, experiments.plan(VOICES, prompts))


async def check_completes(http: httpx.AsyncClient, id_: str) -> None:
    await experiments.check_completes(http, id_, len(VOICES) * PROMPTS)


async def take_all(mesh: Mesh, taken: list[psycopg.AsyncConnection]) -> None:
    while True:
        taken.append(await psycopg.AsyncConnection.connect(mesh.database_url))


async def test_requests_that_expire_while_a_worker_is_down_are_sent_again(mesh: Mesh, http: httpx.AsyncClient) -> None:
    await mesh.stop("tts")
    id_ = await started(http)
    client = await nats.connect(mesh.nats_url)
    kind = event_type(SynthesisRequested)
    jetstream = client.jetstream()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not (await jetstream.stream_info(kind.stream, subjects_filter=f"{kind.subject}.>")).state.subjects:  # noqa: ASYNC110
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    # The same happens when the requests expire.
    await jetstream.purge_stream(kind.stream, subject=f"{kind.subject}.>")
    await client.close()
    await mesh.start("tts")
    await check_completes(http, id_)


async def test_nats_is_restarted_when_its_files_are_deleted_while_it_runs(mesh: Mesh, http: httpx.AsyncClient) -> None:
    starts = mesh.processes["nats"].starts
    await asyncio.to_thread(shutil.rmtree, mesh.data_dir.path / "nats")
    await asyncio.wait_for(mesh.processes["nats"].wait_started(starts + 1), TIMEOUT_SECONDS)
    await mesh.wait_serving()
    await check_completes(http, await started(http))


async def test_nats_recovers_when_its_files_are_overwritten(mesh: Mesh, http: httpx.AsyncClient) -> None:
    for file in (mesh.data_dir.path / "nats").rglob("*"):
        if file.is_file():
            file.write_bytes(b"not what it was" * 10)
    starts = mesh.processes["nats"].starts
    await mesh.kill("nats")
    await mesh.wait_restarted("nats")
    await mesh.wait_serving()
    await check_completes(http, await started(http))
    # One start after the kill, one or two for the repair.
    assert mesh.processes["nats"].starts <= starts + 3


async def test_a_nats_that_cannot_start_with_its_stored_data_starts_empty_and_the_data_is_kept(
    mesh: Mesh, http: httpx.AsyncClient
) -> None:
    store = mesh.data_dir.path / "nats"
    await mesh.stop("nats")
    shutil.rmtree(store)
    store.mkdir()
    (store / "jetstream").write_text("no folder")
    process = mesh.processes["nats"]
    await process.start()
    await asyncio.wait_for(process.wait_exited(process.exits + monitor.MAX_EXITS), TIMEOUT_SECONDS)
    await mesh.wait_serving()
    await check_completes(http, await started(http))
    (moved,) = store.parent.glob("nats.broken-*")
    assert (moved / "jetstream").read_text() == "no folder"


async def test_a_hanging_nats_is_restarted(mesh: Mesh, http: httpx.AsyncClient) -> None:
    process = mesh.processes["nats"]
    starts = process.starts
    process.send(signal.SIGSTOP)
    id_ = await started(http)
    await asyncio.wait_for(process.wait_started(starts + 1), TIMEOUT_SECONDS)
    await mesh.wait_serving()
    await check_completes(http, id_)


async def test_a_service_waits_for_a_database_without_free_connections(mesh: Mesh, http: httpx.AsyncClient) -> None:
    taken: list[psycopg.AsyncConnection] = []
    try:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            await take_all(mesh, taken)
        await mesh.kill("scoring")
        await mesh.wait_restarted("scoring")
        # Takes the connections of the old process too, before the new one can have them.
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            await take_all(mesh, taken)
        log = mesh.data_dir.path / "logs" / "scoring.log"
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while "too many clients" not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(POLL_INTERVAL_SECONDS)
    finally:
        for connection in taken:
            await connection.close()
    await mesh.wait_serving()
    await check_completes(http, await started(http))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes can be set on Linux only")
@pytest.mark.parametrize("name", ["tts", "experiments", "auth"])
async def test_a_service_recovers_from_a_lack_of_file_descriptors(
    mesh: Mesh, http: httpx.AsyncClient, name: str
) -> None:
    process = psutil.Process(mesh.processes[name].pid)
    before = process.rlimit(resource.RLIMIT_NOFILE)
    # No file descriptor beyond those that are open.
    process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds(), before[1]))
    try:
        paths = ("/experiments", "/voices", "/models", "/audio/x.wav", "/providers")
        # A connection that the service can't accept yet waits in the system's queue, and so does its caller.
        results = await asyncio.gather(*(http.get(path, timeout=3) for path in paths), return_exceptions=True)
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, before)
    responses = [result for result in results if isinstance(result, httpx.Response)]
    assert all(isinstance(result, httpx.Response | httpx.TimeoutException) for result in results)
    assert {response.status_code for response in responses} <= {200, 401, 404, 503, 504}
    assert all(isinstance(json.loads(response.text), dict) for response in responses)
    await mesh.wait_serving()
    await check_completes(http, await started(http))
