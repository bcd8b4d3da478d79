"""Models listen to the trials of an experiment, and no trial is lost if they can't."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from services.scoring.backends.backend import missing_package
from tests.experiments import END_SECONDS, LOOK_AGAIN_SECONDS, ended, plan, started, trials
from tests.mesh import mesh_settings

pytestmark = pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))

PROMPT = "Your code is 4815. The parcel arrives on Monday."
ENGLISH = [("espeak", "en-us"), ("espeak", "en-gb")]
QUALITY_ONLY = [{"metric": "signal_quality", "weight": 1}]
VALUES = {
    *("word_error_rate", "hard_word_accuracy", "speech_failures", "prosody_score", "signal_quality_mos"),
    *("transcript", "words"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh whose processes that evaluate end soon after their work."""
    env = {"scoring": {"EVAL_IDLE_SECONDS": "1"}}
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("listened")), service_env=env) as running:
        yield running


async def evaluation(http: httpx.AsyncClient, trial: dict[str, Any]) -> dict[str, Any]:
    """Returns the evaluation of a trial."""
    return dict((await http.get(f"/evaluations/{trial['id']}")).raise_for_status().json())


def steps(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Returns the status and the reason of each step."""
    return {step["name"]: (step["status"], step["reason"]) for step in found["steps"]}


def processes(mesh: Mesh) -> list[psutil.Process]:
    """Returns the processes that evaluate."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(mesh.processes["scoring"].pid).children(recursive=True)
    return []


async def test_each_trial_has_what_was_heard_and_the_backend_of_each_value(http: httpx.AsyncClient) -> None:
    id_ = await started(http, plan(ENGLISH, [PROMPT], profile="quality"))
    assert (await ended(http, id_))["completed_trials"] == 2
    for trial in await trials(http, id_):
        assert set(trial) >= VALUES
        assert "naturalness_mos" not in trial
        assert 0 <= trial["word_error_rate"] < 0.6
        assert 1 <= trial["signal_quality_mos"] <= 5
        assert "4815" in trial["transcript"].replace(",", "")
        compared = trial["words"]
        assert [word["text"] for word in compared["hard_words"]] == ["4815", "Monday"]
        reference = [word for span in compared["alignment"] for word in span["reference"]]
        assert reference == ["your", "code", "is", "4815", "the", "parcel", "arrives", "on", "monday"]
        assert set(trial["listening_backends"]) == VALUES - {"words"}
        assert trial["listening_backends"]["transcript"].startswith("moonshine-tiny-en/")
        assert trial["listening_backends"]["signal_quality_mos"].startswith("dnsmos/")

        found = await evaluation(http, trial)
        assert (found["status"], found["trial_id"], found["transcript_ref"]) == ("completed", trial["id"], PROMPT)
        assert found["language"].startswith("en")
        assert found["metrics"]["word_errors"]["word_error_rate"] == trial["word_error_rate"]
        assert found["metrics"]["quality"]["overall_mos"] == trial["signal_quality_mos"]
        assert found["metrics"]["signal"]["peak"] == trial["peak"]
        assert list(steps(found)) == [
            *("decode", "signal", "speech_activity", "transcription", "alignment", "word_errors", "meaning"),
            *("pitch", "rhythm", "prosody", "naturalness", "quality"),
        ]
        assert {steps(found)[name][0] for name in ("meaning", "naturalness")} == {"skipped"}
        refused = await http.delete(f"/evaluations/{trial['id']}")
        assert (refused.status_code, refused.json()["details"][0]["reason"]) == (409, "WRONG_STATE")


async def test_nothing_listens_to_the_trials_of_the_profile_latency(mesh: Mesh, http: httpx.AsyncClient) -> None:
    id_ = await started(http, plan(ENGLISH, [PROMPT], profile="latency"))
    await ended(http, id_)
    for trial in await trials(http, id_):
        assert not VALUES & set(trial)
        assert trial["listening_backends"] == {}
        found = await evaluation(http, trial)
        assert (list(steps(found)), found["transcript_ref"]) == (["signal"], "")


async def test_a_language_that_the_recogniser_lacks_leaves_out_the_words_and_says_so(http: httpx.AsyncClient) -> None:
    id_ = await started(http, plan([("espeak", "de"), ("espeak", "en-us")], [PROMPT], weights=QUALITY_ONLY))
    await ended(http, id_)
    german, english = await trials(http, id_)
    assert VALUES & set(german) == {"signal_quality_mos"}
    assert set(english) >= VALUES
    found = await evaluation(http, german)
    assert found["language"] == "de"
    reason = "The installed recogniser knows the languages en, not de."
    assert steps(found)["transcription"] == ("skipped", reason)
    assert reason in steps(found)["word_errors"][1]


async def test_trials_are_completed_although_every_process_that_evaluates_them_is_killed(
    mesh: Mesh, http: httpx.AsyncClient
) -> None:
    killed = 0
    id_ = await started(http, plan(ENGLISH, [PROMPT], profile="quality"))
    ending = asyncio.create_task(ended(http, id_))
    while not ending.done():
        for process in processes(mesh):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert killed
    assert (await ending)["completed_trials"] == 2
    for trial in await trials(http, id_):
        assert not VALUES & set(trial)
        assert 0 < trial["peak"] <= 1
        found = await evaluation(http, trial)
        assert (found["status"], found["error_message"]) == ("completed", "")
        reasons = {reason for name, (_, reason) in steps(found).items() if name != "signal"}
        assert all("ended twice" in reason or "does not start" in reason for reason in reasons), reasons


async def test_a_killed_service_loses_no_trial_and_doubles_none(mesh: Mesh, http: httpx.AsyncClient) -> None:
    id_ = await started(http, plan(ENGLISH, [PROMPT], profile="quality", repeats=2))
    async with asyncio.timeout(END_SECONDS):
        while not processes(mesh):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    await mesh.kill("scoring")
    await mesh.wait_restarted("scoring")
    await mesh.wait_serving()
    assert (await ended(http, id_))["completed_trials"] == 4
    found = await trials(http, id_)
    assert all(set(trial) >= VALUES for trial in found)
    assert {trial["status"] for trial in found} == {"completed"}


async def test_deleting_the_experiment_deletes_what_was_heard(http: httpx.AsyncClient) -> None:
    id_ = await started(http, plan(ENGLISH, [PROMPT], profile="quality"))
    await ended(http, id_)
    found = await trials(http, id_)
    (await http.delete(f"/experiments/{id_}")).raise_for_status()
    async with asyncio.timeout(END_SECONDS):
        for trial in found:
            while (await http.get(f"/evaluations/{trial['id']}")).status_code != 404:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
