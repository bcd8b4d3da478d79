"""Recordings of recorded models meet in battles: uploaded in any format, evaluated, heard, and fixed once used."""

from __future__ import annotations

import asyncio
import io
import secrets
import wave
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from deploy.local.mesh import Mesh
from services.scoring.backends.backend import missing_package
from tests.experiments import api_client
from tests.fakes.spoken import speak
from tests.mesh import register

pytestmark = pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))

TEXT = "Your parcel arrives on Monday."
SOON_SECONDS, LOOK_AGAIN_SECONDS = 60.0, 0.1
Json = dict[str, Any]


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording of TEXT with two channels, as a phone system makes it."""
    spoken = speak(TEXT, tmp_path_factory.mktemp("recorded") / "spoken.wav")
    with wave.open(str(spoken)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate_hz = file.getframerate()
    both = io.BytesIO()
    with wave.open(both, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.stack([samples, samples], axis=1).tobytes())
    return both.getvalue()


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Looks until there is something, and returns it."""
    async with asyncio.timeout(SOON_SECONDS):
        while not (found := await look()):  # noqa: ASYNC110 - another process moves it
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return found


async def made(http: httpx.AsyncClient, path: str, **fields: object) -> Json:
    return dict((await http.post(path, json=fields)).raise_for_status().json())


async def model(http: httpx.AsyncClient, name: str) -> str:
    """Registers a private recorded model and returns its id."""
    fields = {"kind": "recorded", "name": name, "language": "en", "visibility": "private"}
    return str((await made(http, "/models", **fields))["id"])


async def scenario(http: httpx.AsyncClient) -> str:
    """Creates a private scenario and returns its id."""
    fields = {"name": "A parcel", "category": "support", "ground_truth_transcript": TEXT, "visibility": "private"}
    return str((await made(http, "/scenarios", **fields))["id"])


async def upload(http: httpx.AsyncClient, recording: bytes, **fields: str) -> httpx.Response:
    return await http.post("/evaluations", content=recording, params=fields, headers={"content-type": "audio/wav"})


async def renders(mesh: Mesh, model_id: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        cursor = await connection.execute(
            "SELECT evaluation_id, audio_name FROM elo.renders WHERE voice_model_id = %s ORDER BY number", (model_id,)
        )
        return await cursor.fetchall()


async def recorded(mesh: Mesh, http: httpx.AsyncClient, recording: bytes, scenario_id: str) -> tuple[str, str]:
    """Returns a model with one recording of a scenario, and the evaluation of the recording."""
    model_id = await model(http, f"An agent {secrets.token_hex(4)}")
    response = await upload(http, recording, model_id=model_id, scenario_id=scenario_id)
    evaluation = response.raise_for_status().json()
    assert (evaluation["transcript_ref"], evaluation["language"]) == (TEXT, "en")
    ((evaluation_id, _),) = await until(lambda: renders(mesh, model_id))
    assert evaluation_id == evaluation["id"]
    return model_id, evaluation_id


async def test_two_recorded_models_meet_in_a_battle_with_their_recordings(
    mesh: Mesh, http: httpx.AsyncClient, stereo: bytes
) -> None:
    scenario_id = await scenario(http)
    (model_a, evaluation_a), (model_b, evaluation_b) = [
        await recorded(mesh, http, stereo, scenario_id) for _ in range(2)
    ]
    battle = await made(http, "/battles", model_a_id=model_a, model_b_id=model_b, scenario_id=scenario_id)

    async def open_battle() -> Json | None:
        found = (await http.get(f"/battles/{battle['id']}")).raise_for_status().json()
        assert found["status"] in ("preparing", "open"), found["void_reason"]
        return found if found["status"] == "open" else None

    opened = await until(open_battle)
    sides = {opened[f"model_{side}_id"]: opened[f"eval_{side}_id"] for side in "ab"}
    assert sides == {model_a: evaluation_a, model_b: evaluation_b}
    for side in "ab":
        metrics = opened[f"metrics_{side}"]
        assert metrics["word_error_rate"] < 0.6
        assert "ttfa_ms" not in metrics
        assert metrics["transcript"]
    # Both said the same, and nobody was waited for.
    assert (opened["metric_vote"]["answer"], "latency" in opened["metric_vote"]["missing"]) == ("tie", True)

    refused = await upload(http, stereo, model_id=model_a, scenario_id=scenario_id)
    assert (refused.status_code, refused.json()["details"][0]["reason"]) == (409, "WRONG_STATE")
    assert "so they are fixed" in refused.json()["message"]

    (await http.delete(f"/evaluations/{evaluation_a}")).raise_for_status()
    ((_, audio_name),) = await renders(mesh, model_a)
    assert (mesh.data_dir.path / "audio" / audio_name).exists()
    voter = (await made(http, "/voters"))["session_token"]
    async with api_client(mesh, voter) as listener:

        async def next_battle() -> Json | None:
            response = await listener.post("/battles/next", json={"own_board": True})
            return response.json() if response.status_code == 200 else None

        given = await until(next_battle)
        assert (given["battle_id"], given["text"]) == (battle["id"], TEXT)
        for clip in "ab":
            heard = (await listener.get(given[f"clip_{clip}_url"])).raise_for_status().content
            with wave.open(io.BytesIO(heard)) as file:
                assert (file.getnchannels(), file.getframerate()) == (1, 24_000)

        async def vote() -> Json | None:
            response = await listener.post(f"/battles/{given['battle_id']}/vote", json={"winner": "tie"})
            return response.json() if response.status_code == 200 else None

        revealed = await until(vote)
    assert {revealed["clip_a_model"]["id"], revealed["clip_b_model"]["id"]} == {model_a, model_b}


async def test_a_recorded_model_without_a_recording_of_the_scenario_takes_no_part(
    mesh: Mesh, http: httpx.AsyncClient, stereo: bytes
) -> None:
    scenario_id = await scenario(http)
    silent = await model(http, "A silent agent")
    heard, _ = await recorded(mesh, http, stereo, scenario_id)
    fields = {"model_a_id": silent, "model_b_id": heard, "scenario_id": scenario_id}
    response = await http.post("/battles", json=fields)
    assert response.status_code == 400
    assert "recording" in response.json()["message"]


async def test_nobody_else_uploads_for_a_recorded_model_or_a_private_scenario(
    mesh: Mesh, http: httpx.AsyncClient, stereo: bytes
) -> None:
    fields = {"kind": "recorded", "name": f"Public {secrets.token_hex(4)}", "language": "en"}
    public = str((await made(http, "/models", **fields))["id"])
    built_in = (await http.get("/scenarios", params={"page_size": 1})).raise_for_status().json()["scenarios"][0]["id"]
    async with api_client(mesh, (await register(mesh)).api_key) as other:
        for asked, field in (
            ({"model_id": public, "scenario_id": built_in}, "model_id"),
            ({"scenario_id": await scenario(http)}, "scenario_id"),
            ({"scenario_id": "scn_" + "0" * 32}, "scenario_id"),
        ):
            response = await upload(other, stereo, **asked)
            assert response.status_code == 400
            assert [one["field"] for one in response.json()["details"][1]["field_violations"]] == [field]
    own_text = await upload(http, stereo, model_id=public, scenario_id=built_in, reference_text="Hello.")
    assert (own_text.status_code, "reference_text: must be empty" in own_text.json()["message"]) == (400, True)
