"""The prompts of a deleted experiment are in no table, no stream, no log and no file."""

from __future__ import annotations

import asyncio
import secrets

import httpx
import nats
import pytest
from nats.js import errors as js_errors
from psycopg import AsyncConnection, sql

from deploy.local.mesh import Mesh
from services.scoring.backends.backend import missing_package
from tests.experiments import ended, plan, started, trials
from tests.mesh import STAND_IN

TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.1


async def tables_with(mesh: Mesh, text: str) -> set[str]:
    """Returns the tables of all schemas that contain a text in any column."""
    found = set()
    async with await AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        names = await connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for schema, table in await names.fetchall():
            # Binary columns are shown in hexadecimal digits.
            query = sql.SQL("SELECT 1 FROM {} AS t WHERE t::text LIKE ANY(%s) LIMIT 1").format(
                sql.Identifier(schema, table)
            )
            rows = await connection.execute(query, ([f"%{text}%", f"%{text.encode().hex()}%"],))
            if await rows.fetchone():
                found.add(f"{schema}.{table}")
    return found


async def streams_with(mesh: Mesh, text: str) -> set[str]:
    """Returns the streams with a message that contains a text."""
    client = await nats.connect(mesh.nats_url)
    found = set()
    try:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            name = str(stream.config.name)
            for sequence in range(max(1, stream.state.first_seq), stream.state.last_seq + 1):
                try:
                    message = await jetstream.get_msg(name, sequence)
                except js_errors.NotFoundError:
                    continue
                if text.encode() in (message.data or b""):
                    found.add(name)
    finally:
        await client.close()
    return found


def files_with(mesh: Mesh, text: str) -> set[str]:
    """Returns the logs and the files of the audio store that contain a text."""
    folders = [mesh.data_dir.path / folder for folder in ("logs", "audio", "run")]
    return {f.name for folder in folders for f in folder.rglob("*") if f.is_file() and text.encode() in f.read_bytes()}


async def planned(http: httpx.AsyncClient, prompt: str, *voices: str) -> str:
    return await started(http, plan([(STAND_IN, voice) for voice in voices], [prompt]))


async def until_forgotten(mesh: Mesh, text: str) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while found := await tables_with(mesh, text) | await streams_with(mesh, text):  # noqa: ASYNC110
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    assert not found


@pytest.mark.parametrize("voices", [("steady", "wav"), ("steady", "empty")], ids=["completed", "with a failure"])
async def test_the_prompts_of_an_ended_experiment_are_deleted_with_it(
    mesh: Mesh, http: httpx.AsyncClient, voices: tuple[str, ...]
) -> None:
    prompt = f"Prompt {secrets.token_hex(6)}."
    id_ = await planned(http, prompt, *voices)
    await ended(http, id_)
    # The prompt is where it has to be, so the checks below can find it.
    assert await tables_with(mesh, prompt) == {"experiments.experiments", "experiments.trials"}
    (await http.delete(f"/experiments/{id_}")).raise_for_status()
    await until_forgotten(mesh, prompt)
    assert files_with(mesh, prompt) == set()


async def test_the_prompts_of_a_running_experiment_are_deleted_with_it(mesh: Mesh, http: httpx.AsyncClient) -> None:
    prompt = f"Prompt {secrets.token_hex(6)}."
    id_ = await planned(http, prompt, "slow", "stuck")
    (await http.delete(f"/experiments/{id_}")).raise_for_status()
    await until_forgotten(mesh, prompt)
    assert files_with(mesh, prompt) == set()


LISTENED = [("espeak", "en-us"), ("espeak", "en-gb")]
needs_models = pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))


@needs_models
async def test_what_models_heard_is_deleted_with_the_experiment(mesh: Mesh, http: httpx.AsyncClient) -> None:
    prompt = f"Code {secrets.randbelow(10**9)} and {secrets.token_hex(6)}."
    id_ = await started(http, plan(LISTENED, [prompt], profile="quality"))
    await ended(http, id_)
    (first, second) = await trials(http, id_)
    heard = {"experiments.experiments", "experiments.trials", "scoring.evaluations"}
    assert await tables_with(mesh, prompt) == heard
    assert "scoring.evaluation_steps" in await tables_with(mesh, first["transcript"])
    (await http.delete(f"/experiments/{id_}")).raise_for_status()
    for text in (prompt, first["transcript"], second["transcript"]):
        await until_forgotten(mesh, text)
        assert files_with(mesh, text) == set()


@needs_models
async def test_the_prompts_of_an_experiment_that_models_listen_to_are_deleted_with_it(
    mesh: Mesh, http: httpx.AsyncClient
) -> None:
    prompt = f"Prompt {secrets.token_hex(6)}."
    id_ = await started(http, plan(LISTENED, [prompt], profile="quality", repeats=3))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while "scoring.evaluations" not in await tables_with(mesh, prompt):  # noqa: ASYNC110
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    (await http.delete(f"/experiments/{id_}")).raise_for_status()
    await until_forgotten(mesh, prompt)
    assert files_with(mesh, prompt) == set()


async def test_events_that_wait_for_nats_are_deleted_too(mesh: Mesh, http: httpx.AsyncClient) -> None:
    prompt = f"Prompt {secrets.token_hex(6)}."
    await mesh.stop("nats")
    try:
        id_ = await planned(http, prompt, "steady", "wav")
        assert "experiments.outbox" in await tables_with(mesh, prompt)
        (await http.delete(f"/experiments/{id_}")).raise_for_status()
    finally:
        await mesh.start("nats")
    await until_forgotten(mesh, prompt)
    await mesh.wait_serving()
