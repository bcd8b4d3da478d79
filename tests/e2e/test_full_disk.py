"""A disk that is full for a while: the true reason meanwhile, and everything as before once there is room."""

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
from services.runtime.audio_store import FULL as AUDIO_FULL
from services.runtime.database_errors import DATABASE_FULL
from tests import experiments
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import STAND_IN, mesh_settings, service_env
from tests.tmpfs import CannotMount, SmallDisk, small_disk

SOON = 60.0
MEGABYTES, AUDIO_MEGABYTES = 256, 64
PROMPTS = 2
VOICES = [(STAND_IN, voice) for voice in ("steady", "wav")]
ANSWERS = 8
FULL_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.25


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallDisk, SmallDisk]]:
    """One for the data directory, and one for audio."""
    folder = tmp_path_factory.mktemp("small")
    try:
        with small_disk(folder / "data", MEGABYTES) as data, small_disk(folder / "audio", AUDIO_MEGABYTES) as audio:
            yield data, audio
    except CannotMount as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the supervisor says."""
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(disks: tuple[SmallDisk, SmallDisk], speech_server: OpenAiServer, said: list[str]) -> AsyncIterator[Mesh]:
    data, audio = disks
    settings = mesh_settings(data.path / "data").model_copy(update={"audio_storage_path": str(audio.path / "audio")})
    async with Mesh(settings, service_env=service_env(speech_server), say=said.append) as running:
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
    """Gives each stream more than fits into what it has on the disk already. None of it is an event."""
    client = await nats.connect(mesh.nats_url)
    for stream in await client.jetstream().streams_info():
        for subject in stream.config.subjects or ():
            if subject.endswith(".>"):
                await client.publish(f"{subject.removesuffix('>')}filler", bytes(64 * 1024))
    await client.flush()
    await client.close()


@pytest.fixture(autouse=True)
def with_room_again(disks: tuple[SmallDisk, SmallDisk]) -> Iterator[None]:
    """Leaves no disk full behind."""
    yield
    for disk in disks:
        disk.empty()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["details"][0]["reason"])


async def test_a_disk_that_was_full_for_a_while_is_named_and_got_over(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient, said: list[str]
) -> None:
    before = await started(http, "before")
    await check_completes(http, before)
    bus = mesh.processes["nats"].pid
    refused: list[httpx.Response] = []
    unwell: list[httpx.Response] = []
    told: set[str] = set()
    disks[0].fill()
    await fill_streams(mesh)
    ends = time.monotonic() + FULL_SECONDS
    while time.monotonic() < ends:
        answers = [await http.post(f"/experiments/{before}/clone", json={}), await http.get(f"/experiments/{before}")]
        refused += [answer for answer in answers if answer.is_error]
        if (health := await http.get("/health")).is_error:
            unwell.append(health)
        status = (await http.get("/status")).json()
        processes = [process for service in status.get("services", []) for process in service["processes"]]
        told |= {fault["reason"] for process in processes for fault in process.get("faults", [])}
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    disks[0].empty()
    assert refused
    assert {refusal(answer) for answer in refused} == {(503, "DISK_FULL")}
    assert {answer.json()["message"] for answer in refused} == {DATABASE_FULL}
    assert unwell
    assert {refusal(answer) for answer in unwell} == {(503, "DISK_FULL")}
    assert all(answer.json()["message"].startswith("the disk is full; not serving: ") for answer in unwell)
    assert told == {"no space is left on its disk"}
    await mesh.wait_serving()
    await check_completes(http, await started(http, "after"))
    assert [line for line in said if "disk" in line] == [
        f"the disk of {mesh.data_dir.path} is full: make room, and everything goes on",
        "there is room on the disk again",
        "NATS is started anew: it stores nothing any more once its disk was full",
    ]
    assert mesh.processes["nats"].pid != bus
    assert {name: process.exits for name, process in mesh.processes.items() if process.exits} == {}


async def test_a_database_that_ended_for_want_of_room_starts_again_once_there_is_some(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient
) -> None:
    await mesh.wait_serving()
    before = await started(http, "in trouble")
    disks[0].fill()
    # Each switch begins a new file of the log; the first that there is no room for ends PostgreSQL.
    with pytest.raises(psycopg.OperationalError):
        await switch_logs(mesh)
    answers = []
    async with asyncio.timeout(SOON):
        while len(answers) < ANSWERS:
            answer = await http.get(f"/experiments/{before}")
            if answer.is_error:
                answers.append(answer)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    disks[0].empty()
    assert {refusal(answer) for answer in answers} == {(503, "DISK_FULL")}, [answer.text for answer in answers]
    await mesh.wait_serving()
    await check_completes(http, before)


async def test_no_provider_is_asked_for_what_the_audio_store_has_no_room_for(
    mesh: Mesh, disks: tuple[SmallDisk, SmallDisk], http: httpx.AsyncClient, speech_server: OpenAiServer
) -> None:
    await mesh.wait_serving()
    asked = len(speech_server.requests)
    disks[1].fill()
    id_ = await started(http, "without room")
    async with asyncio.timeout(SOON):
        while AUDIO_FULL not in (mesh.data_dir.path / "logs" / "tts.log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert len(speech_server.requests) == asked
    disks[1].empty()
    await check_completes(http, id_)
    # Nothing that was begun is left.
    assert [file.name for file in (disks[1].path / "audio").iterdir() if file.suffix not in (".wav", ".json")] == []
