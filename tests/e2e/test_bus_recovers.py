"""A bus that is spoilt, hangs or has forgotten: nobody has to do anything, and no trial is lost."""

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

from deploy.local import watch
from deploy.local.mesh import Mesh
from services.runtime.events import event_type
from tests import experiments
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import STAND_IN, Developer, mesh_settings, register, service_env

SOON = 30.0
LOOK_AGAIN_SECONDS = 0.1
PROMPTS = 2
VOICES = [(STAND_IN, voice) for voice in ("steady", "wav")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory, speech_server: OpenAiServer) -> AsyncIterator[Mesh]:
    env = {**service_env(speech_server), "experiments": {"RECONCILE_AFTER_SECONDS": "1"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "PROBE_EVERY_SECONDS", 1.0)
        patch.setattr(watch, "PROBE_TIMEOUT_SECONDS", 2.0)
        patch.setattr(watch, "SILENCES", 2)
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


async def test_what_was_asked_of_a_worker_that_was_away_too_long_is_asked_again(
    mesh: Mesh, http: httpx.AsyncClient
) -> None:
    await mesh.stop("tts")
    id_ = await started(http)
    client = await nats.connect(mesh.nats_url)
    kind = event_type(SynthesisRequested)
    jetstream = client.jetstream()
    async with asyncio.timeout(SOON):
        while not (await jetstream.stream_info(kind.stream, subjects_filter=f"{kind.subject}.>")).state.subjects:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    # As the time does that a request may stay.
    await jetstream.purge_stream(kind.stream, subject=f"{kind.subject}.>")
    await client.close()
    await mesh.start("tts")
    await check_completes(http, id_)


async def test_a_bus_whose_files_are_deleted_while_it_runs_is_started_anew(mesh: Mesh, http: httpx.AsyncClient) -> None:
    starts = mesh.processes["nats"].starts
    await asyncio.to_thread(shutil.rmtree, mesh.data_dir.path / "nats")
    await asyncio.wait_for(mesh.processes["nats"].wait_started(starts + 1), SOON)
    await mesh.wait_serving()
    await check_completes(http, await started(http))


async def test_a_bus_whose_files_are_overwritten_goes_on(mesh: Mesh, http: httpx.AsyncClient) -> None:
    for file in (mesh.data_dir.path / "nats").rglob("*"):
        if file.is_file():
            file.write_bytes(b"not what it was" * 10)
    await mesh.kill("nats")
    await mesh.wait_restarted("nats")
    await mesh.wait_serving()
    await check_completes(http, await started(http))


async def test_a_bus_that_can_not_start_with_what_it_has_begins_anew_and_the_rest_is_set_aside(
    mesh: Mesh, http: httpx.AsyncClient
) -> None:
    store = mesh.data_dir.path / "nats"
    await mesh.stop("nats")
    shutil.rmtree(store)
    store.mkdir()
    (store / "jetstream").write_text("no folder")
    process = mesh.processes["nats"]
    await process.start()
    await asyncio.wait_for(process.wait_exited(process.exits + watch.MAX_ENDS), SOON)
    await mesh.wait_serving()
    await check_completes(http, await started(http))
    (aside,) = store.parent.glob("nats.broken-*")
    assert (aside / "jetstream").read_text() == "no folder"


async def test_a_bus_that_hangs_is_started_anew(mesh: Mesh, http: httpx.AsyncClient) -> None:
    process = mesh.processes["nats"]
    starts = process.starts
    process.send(signal.SIGSTOP)
    id_ = await started(http)
    await asyncio.wait_for(process.wait_started(starts + 1), SOON)
    await mesh.wait_serving()
    await check_completes(http, id_)


async def test_a_database_without_connections_to_spare_is_waited_for(mesh: Mesh, http: httpx.AsyncClient) -> None:
    taken: list[psycopg.AsyncConnection] = []
    try:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            await take_all(mesh, taken)
        await mesh.kill("scoring")
        await mesh.wait_restarted("scoring")
        # Those that it had, too, before it has them again.
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            await take_all(mesh, taken)
        log = mesh.data_dir.path / "logs" / "scoring.log"
        async with asyncio.timeout(SOON):
            while "too many clients" not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    finally:
        for connection in taken:
            await connection.close()
    await mesh.wait_serving()
    await check_completes(http, await started(http))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes can be set on Linux only")
@pytest.mark.parametrize("name", ["tts", "experiments", "auth"])
async def test_a_service_without_file_descriptors_goes_on_once_it_has_some(
    mesh: Mesh, http: httpx.AsyncClient, name: str
) -> None:
    process = psutil.Process(mesh.processes[name].pid)
    before = process.rlimit(resource.RLIMIT_NOFILE)
    # None above those that it has.
    process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds(), before[1]))
    try:
        paths = ("/experiments", "/voices", "/models", "/audio/x.wav", "/providers")
        # A connection that the service can't take yet waits in the system's queue, and so does its caller.
        answers = await asyncio.gather(*(http.get(path, timeout=3) for path in paths), return_exceptions=True)
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, before)
    told = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert all(isinstance(answer, httpx.Response | httpx.TimeoutException) for answer in answers)
    assert {answer.status_code for answer in told} <= {200, 401, 404, 503, 504}
    assert all(isinstance(json.loads(answer.text), dict) for answer in told)
    await mesh.wait_serving()
    await check_completes(http, await started(http))
