"""Recordings are evaluated by a whole mesh, with the real models of the size `listening`, and nothing that was accepted
is lost when scoring is killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.local.mesh import Mesh
from services.scoring.pipeline.steps import STEPS

REFERENCE = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
END_SECONDS = 180.0
NEED_MODELS_OF_TORCH = {"meaning", "bert_score", "naturalness", "diarization", "emotion"}


@pytest.fixture(scope="module")
def recording() -> bytes:
    """Ten seconds of a man who says REFERENCE slowly. The recogniser's package has it as an example."""
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        pytest.skip("the models that listen are not installed: `make listening` installs them")
    return (Path(spec.origin).parent / "assets" / "beckett.wav").read_bytes()


async def uploaded(http: httpx.AsyncClient, recording: bytes, **fields: str) -> dict[str, Any]:
    """Uploads a recording and returns its evaluation."""
    headers = {"content-type": "audio/wav"}
    response = await http.post("/evaluations", content=recording, params=fields, headers=headers)
    return dict(response.raise_for_status().json())


@asynccontextmanager
async def watching(http: httpx.AsyncClient, id_: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Yields the messages of the stream of an evaluation."""

    async def messages(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))

    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"/evaluations/{id_}/stream") as stream:
        yield messages(stream)


async def ended(http: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    """Watches an evaluation to its end and returns it."""
    while True:
        try:
            async with watching(http, id_) as messages:
                async for message in messages:
                    if message["kind"] == "end":
                        return dict(message["evaluation"])
        except httpx.TransportError:
            # The process that sent the stream is gone.
            continue


async def test_a_real_recording_is_heard_and_measured(mesh: Mesh, http: httpx.AsyncClient, recording: bytes) -> None:
    made = await uploaded(http, recording, reference_text=REFERENCE, language="en", num_speakers="1")
    assert made["status"] == "pending"
    id_ = made["id"]
    seen: list[dict[str, Any]] = []
    async with watching(http, id_) as messages:
        seen = [message async for message in messages]
    assert (seen[0]["kind"], seen[-1]["kind"]) == ("state", "end")
    last = {message["step"]["name"]: message["step"] for message in seen if message["kind"] == "progress"}
    assert {name: step["status"] for name, step in last.items()} == {
        step.name: "skipped" if step.name in NEED_MODELS_OF_TORCH else "completed" for step in STEPS
    }
    assert all(step["reason"] for step in last.values() if step["status"] == "skipped")

    found = (await http.get(f"/evaluations/{id_}")).raise_for_status().json()
    assert found == seen[-1]["evaluation"]
    assert (found["status"], found["transcript_ref"], found["num_speakers"]) == ("completed", REFERENCE, 1)
    assert found["duration_seconds"] == pytest.approx(9.963, abs=0.001)
    metrics = found["metrics"]
    assert metrics["decode"]["sample_rate_hz"] == 16_000
    assert metrics["word_errors"]["word_error_rate"] <= 0.25
    assert "fail" in metrics["transcription"]["text"].lower()
    assert 60 < metrics["pitch"]["median_hz"] < 200
    assert 1 <= metrics["quality"]["overall_mos"] <= 5
    assert metrics["speech_activity"]["speech_share"] > 0.3
    assert all(result["backend"] for result in metrics.values())

    audio = await http.get(f"/evaluations/{id_}/audio")
    assert (audio.headers["content-type"], audio.content) == ("audio/wav", recording)
    for format_ in ("json", "csv", "srt", "textgrid"):
        export = (await http.get(f"/evaluations/{id_}/export", params={"format": format_})).raise_for_status()
        assert f"{id_}." in export.headers["content-disposition"]
    assert (await http.get(f"/evaluations/{id_}/export", params={"format": "rttm"})).status_code == 409

    (await http.delete(f"/evaluations/{id_}")).raise_for_status()
    assert (await http.get(f"/evaluations/{id_}")).status_code == 404
    assert found["audio_name"] not in {path.name for path in (mesh.data_dir.path / "audio").iterdir()}


async def test_the_telephone_version_is_evaluated_beside_the_recording(
    http: httpx.AsyncClient, recording: bytes
) -> None:
    made = await uploaded(http, recording, conditions="telephone", steps="noise")
    found = await ended(http, made["id"])
    telephone = found["condition_metrics"]["telephone"]["noise"]
    assert (telephone["telephone"], telephone["bandwidth_hz"] < 4000) == (True, True)
    assert found["metrics"]["noise"]["bandwidth_hz"] > telephone["bandwidth_hz"]


async def test_no_evaluation_is_lost_and_no_result_doubled_when_scoring_is_killed(
    mesh: Mesh, http: httpx.AsyncClient, recording: bytes
) -> None:
    made = [await uploaded(http, recording, reference_text=REFERENCE) for _ in range(3)]
    async with watching(http, made[0]["id"]) as messages:
        async for message in messages:
            if message["kind"] == "progress" and message["step"]["name"] == "speech_activity":
                break
    await mesh.kill("scoring")
    await mesh.wait_restarted("scoring")
    await mesh.wait_serving()
    found = [await ended(http, each["id"]) for each in made]
    assert [each["status"] for each in found] == ["completed"] * 3
    rates = {each["metrics"]["word_errors"]["word_error_rate"] for each in found}
    assert len(rates) == 1
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as database:
        ids = [each["id"] for each in made]
        rows = await database.execute(
            "SELECT evaluation_id, count(*), count(*) FILTER (WHERE status IN ('pending', 'started'))"
            " FROM scoring.evaluation_steps WHERE evaluation_id = ANY(%s) GROUP BY evaluation_id",
            (ids,),
        )
        assert sorted(await rows.fetchall()) == sorted((id_, len(STEPS), 0) for id_ in ids)
    for id_ in ids:
        (await http.delete(f"/evaluations/{id_}")).raise_for_status()
