"""An engine that crashes, hangs, or returns nothing or silence fails its trials. Other trials are not affected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.experiments import ended, plan, started, trials
from tests.fakes.openai_server import MODEL, OpenAiServer
from tests.mesh import mesh_settings

# Broken audio that is shorter or faster than good speech. A comparison that accepted it would have a wrong winner.
MISLABELLED = {
    "bare_mp3": "bad_audio",
    "json_as_pcm": "bad_audio",
    "quota_as_pcm": "quota_exceeded",
    "mixed_wavs": "bad_audio",
    "half_wav": "provider_unavailable",
    "rate_0": "bad_audio",
    "too_short": "bad_audio",
    "swapped": "bad_audio",
}
VOICES = (
    *("steady", "slow", "hanging", "stuck", "broken", "empty", "silent", "html", "spent", "failing"),
    *MISLABELLED,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh whose provider has a voice for each way to fail."""
    async with OpenAiServer().serving() as provider:
        server = {"id": "standin", "base_url": provider.base_url, "model": MODEL, "voices": list(VOICES)}
        env = {
            "tts": {
                "OPENAI_COMPATIBLE": json.dumps([server]),
                "FIRST_BYTE_TIMEOUT_SECONDS": "1",
                "SYNTHESIS_TIMEOUT_SECONDS": "2",
            }
        }
        async with Mesh(mesh_settings(tmp_path_factory.mktemp("engines")), service_env=env) as running:
            yield running


async def compare(
    http: httpx.AsyncClient, *models: tuple[str, str], prompts: Sequence[str] = ("One prompt.", "And another one.")
) -> tuple[dict, list[dict], dict]:
    """Runs an experiment to its end and returns it with its trials and results."""
    id_ = await started(http, plan(models, prompts, scenario="adversarial"))
    experiment = await ended(http, id_)
    results = (await http.get(f"/experiments/{id_}/results")).json()
    return experiment, await trials(http, id_), results


@pytest.mark.parametrize(
    ("voice", "reason"),
    [
        ("hanging", "timed_out"),
        ("stuck", "timed_out"),
        ("broken", "provider_unavailable"),
        ("empty", "bad_audio"),
        ("silent", "bad_audio"),
        ("html", "bad_audio"),
        ("spent", "quota_exceeded"),
        ("failing", "provider_unavailable"),
        *MISLABELLED.items(),
    ],
)
async def test_a_failing_engine_fails_its_own_trials_with_a_reason(
    http: httpx.AsyncClient, voice: str, reason: str
) -> None:
    experiment, spoken, results = await compare(http, ("standin", voice), ("standin", "steady"), ("espeak", "en-us"))
    assert experiment["status"] == "completed"
    assert (experiment["completed_trials"], experiment["failed_trials"]) == (4, 2)
    for trial in spoken:
        if trial["voice_id"] == voice:
            assert trial["status"] == "failed"
            assert trial["error_message"].startswith(f"{reason}: ")
            assert "audio_url" not in trial
            assert "ttfb_ms" not in trial
        else:
            assert (trial["status"], trial["error_message"]) == ("completed", "")
    reliability = {ranking["voice_id"]: ranking["reliability"] for ranking in results["rankings"]}
    assert reliability == {voice: 0, "steady": 1, "en-us": 1}
    assert results["rankings"][-1]["voice_id"] == voice


@pytest.mark.parametrize("voice", ["bare_mp3", "json_as_pcm", "half_wav", "too_short"])
async def test_a_broken_voice_that_is_fast_does_not_win(http: httpx.AsyncClient, voice: str) -> None:
    """The good voice answers 200 ms later. 8 prompts are enough to detect that."""
    prompts = [f"This is prompt number {number} of the comparison." for number in range(8)]
    _, spoken, results = await compare(http, ("standin", voice), ("standin", "slow"), prompts=prompts)
    assert {trial["voice_id"] for trial in spoken if trial["status"] == "completed"} == {"slow"}
    assert results.get("winner", "") in ("", "standin:slow")
    assert all(ranking["reliability"] == 0 for ranking in results["rankings"] if ranking["voice_id"] == voice)


async def test_an_experiment_in_which_everything_fails_completes_without_a_ranking(http: httpx.AsyncClient) -> None:
    experiment, spoken, results = await compare(http, ("standin", "empty"), ("standin", "silent"))
    assert (experiment["status"], experiment["failed_trials"]) == ("completed", 4)
    assert {trial["status"] for trial in spoken} == {"failed"}
    assert results["rankings"] == []
    assert (results["confidence"], "winner" in results) == ("inconclusive", False)


async def test_speech_that_fails_before_the_first_byte_is_a_503_with_the_reason(http: httpx.AsyncClient) -> None:
    speech = {"text": "Hello", "provider": "standin", "voice_id": "hanging"}
    response = await http.post("/speech", json=speech)
    assert response.status_code == 503
    info = response.json()["details"][0]
    assert (info["reason"], info["metadata"]["kind"]) == ("SYNTHESIS_FAILED", "timed_out")


async def test_a_killed_espeak_worker_is_replaced(mesh: Mesh, http: httpx.AsyncClient) -> None:
    tts = mesh.processes["tts"]
    workers = [p for p in psutil.Process(tts.pid).children(recursive=True) if "espeak_worker" in " ".join(p.cmdline())]
    assert workers, "tts keeps workers warm"
    for worker in workers:
        worker.kill()
    experiment, _, _ = await compare(http, ("espeak", "en-us"), ("espeak", "en-gb"))
    assert (experiment["status"], experiment["completed_trials"]) == ("completed", 4)
