"""While a disk is full, errors name it as the reason. When it has free space again, everything goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import nats
import psycopg
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from services.runtime.audio_store import DISK_FULL_MESSAGE as AUDIO_FULL
from services.runtime.database_errors import DATABASE_FULL
from tests import experiments
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import STAND_IN, mesh_settings, service_env
from tests.tmpfs import CannotMount, SmallDisk, small_disk

TIMEOUT_SECONDS = 60.0
MEGABYTES, AUDIO_MEGABYTES = 256, 64
PROMPTS = 2
VOICES = [(STAND_IN, voice) for voice in ("steady", "wav")]
REFUSALS = 8
FULL_SECONDS = 15.0
POLL_INTERVAL_SECONDS = 0.25


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallDisk, SmallDisk]]:
    """A disk for the data directory and a disk for audio."""
    folder = tmp_path_factory.mktemp("small")
    try:
        with small_disk(folder / "data", MEGABYTES) as data, small_disk(folder / "audio", AUDIO_MEGABYTES) as audio:
            yield data, audio
    except CannotMount as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """The lines that the supervisor prints."""
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(
    disks: tuple[SmallDisk, SmallDisk], speech_server: OpenAiServer, printed: list[str]
) -> AsyncIterator[Mesh]:
    data, audio = disks
    settings = mesh_settings(data.path / "data").model_copy(update={"audio_storage_path": str(audio.path / "audio")})
    async with Mesh(settings, service_env=service_env(speech_server), print_line=printed.append) as running:
        yield running


async def started(http: httpx.AsyncClient, name: str) -> str:
    prompts = [f"{name}, prompt {number}." for number in range(PROMPTS)]
    return await experiments.started(http, experiments.plan(VOICES, prompts))


async def check_completes(http: httpx.AsyncClient, id_: str) -> None:
    await experiments.check_completes(http, id_, len(VOICES) * PROMPTS)


async def switch_logs(mesh: Mesh) -> None:
    async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        for _ in range(100):
            await connection.execute("SELECT pg_logical_emit_message(false, 'full', 'disk'), pg_switch_wal()")


async def fill_streams(mesh: Mesh) -> None:
    """Publishes more to each stream than fits into its files on the disk. The messages are not events."""
    client = await nats.connect(mesh.nats_url)
    for stream in await client.jetstream().streams_info():
        for subject in stream.config.subjects or ():
            if subject.endswith(".>"):
                await client.publish(f"{subject.removesuffix('>')}filler", bytes(64 * 1024))
    await client.flush()
    await client.close()


@pytest.fixture(autouse=True)
def empty_disks(disks: tuple[SmallDisk, SmallDisk]) -> Iterator[None]:
    """Empties the disks after each test."""
    yield
    for disk in disks:
        disk.empty()


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["details"][0]["reason"])


async def test_a_full_disk_is_named_as_the_reason_and_the_mesh_recovers(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient, printed: list[str]
) -> None:
    before = await started(http, "before")
    await check_completes(http, before)
    bus = mesh.processes["nats"].pid
    refused: list[httpx.Response] = []
    unhealthy: list[httpx.Response] = []
    faults: set[str] = set()
    disks[0].fill()
    await fill_streams(mesh)
    ends = time.monotonic() + FULL_SECONDS
    while time.monotonic() < ends:
        calls = [await http.post(f"/experiments/{before}/clone", json={}), await http.get(f"/experiments/{before}")]
        refused += [response for response in calls if response.is_error]
        if (health := await http.get("/health")).is_error:
            unhealthy.append(health)
        status = (await http.get("/status")).json()
        processes = [process for service in status.get("services", []) for process in service["processes"]]
        faults |= {fault["reason"] for process in processes for fault in process.get("faults", [])}
        await asyncio.sleep(POLL_INTERVAL_SECONDS)
    disks[0].empty()
    assert refused
    assert {refusal(response) for response in refused} == {(503, "DISK_FULL")}
    assert {response.json()["message"] for response in refused} == {DATABASE_FULL}
    assert unhealthy
    assert {refusal(response) for response in unhealthy} == {(503, "DISK_FULL")}
    assert all(response.json()["message"].startswith("The disk is full. Not serving: ") for response in unhealthy)
    assert faults == {"no space is left on its disk"}
    await mesh.wait_serving()
    await check_completes(http, await started(http, "after"))
    assert [line for line in printed if "disk" in line] == [
        f"the disk of {mesh.data_dir.path} is full: free some space, and everything goes on",
        f"the disk of {mesh.data_dir.path} has free space again",
        "NATS is restarted: after a full disk it stores nothing any more",
    ]
    assert mesh.processes["nats"].pid != bus
    assert {name: process.exits for name, process in mesh.processes.items() if process.exits} == {}


async def test_a_database_that_ended_on_a_full_disk_starts_again_when_there_is_free_space(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient
) -> None:
    await mesh.wait_serving()
    before = await started(http, "in trouble")
    disks[0].fill()
    # Each switch begins a new log file. The first one that does not fit ends PostgreSQL.
    with pytest.raises(psycopg.OperationalError):
        await switch_logs(mesh)
    refused = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while len(refused) < REFUSALS:
            response = await http.get(f"/experiments/{before}")
            if response.is_error:
                refused.append(response)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    disks[0].empty()
    assert {refusal(response) for response in refused} == {(503, "DISK_FULL")}, [r.text for r in refused]
    await mesh.wait_serving()
    await check_completes(http, before)


async def test_no_provider_is_called_while_the_audio_store_is_full(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient, speech_server: OpenAiServer
) -> None:
    await mesh.wait_serving()
    requests_before = len(speech_server.requests)
    disks[1].fill()
    id_ = await started(http, "without free space")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while AUDIO_FULL not in (mesh.data_dir.path / "logs" / "tts.log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    assert len(speech_server.requests) == requests_before
    disks[1].empty()
    await check_completes(http, id_)
    # No partial file is left.
    assert [file.name for file in (disks[1].path / "audio").iterdir() if file.suffix not in (".wav", ".json")] == []
