"""The metric audit over a whole mesh: its own voices speak, and the real models of the size `listening` hear them."""

from __future__ import annotations

import asyncio
import json
import os
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.mesh import Mesh
from services.scoring.audit.clips import SENTENCES, VOICES
from services.scoring.audit.perturbations import PERTURBATIONS
from tests.mesh import Developer

ARENA = Path(sysconfig.get_path("scripts")) / "arena"
END_SECONDS = 300.0
OF_LISTENING = {
    ("word_errors", "word_error_rate"),
    ("word_errors", "hard_word_accuracy"),
    ("word_errors", "failures"),
    ("prosody", "prosody_score"),
    ("quality", "overall_mos"),
    ("quality", "background_mos"),
    ("quality", "p808_mos"),
}
"""The audited metrics of the size `listening`."""


@pytest.fixture(autouse=True)
def models() -> None:
    """Skips the tests where nothing listens."""
    if find_spec("moonshine_voice") is None:
        pytest.skip("the models that listen are not installed: `make listening` installs them")


@asynccontextmanager
async def auditing(http: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Runs an audit and yields its messages. Leaving the context hangs up."""

    async def messages(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))

    async with asyncio.timeout(END_SECONDS), http.stream("POST", "/metrics/audit", json={}) as stream:
        yield messages(stream)


async def test_the_metrics_of_this_installation_move_as_they_should(
    mesh: Mesh, developer: Developer, http: httpx.AsyncClient
) -> None:
    # Who hangs up ends the audit, and makes room for the next one.
    for _ in range(2):
        async with auditing(http) as messages:
            first = await anext(messages)
            assert (first["kind"], first["evaluated"]) == ("progress", 0)
            assert first["total"] == len(SENTENCES) * len(PERTURBATIONS)
            refused = await http.post("/metrics/audit", json={})
            assert (refused.status_code, "in progress" in refused.text) == (409, True)

    process = await asyncio.create_subprocess_exec(
        *(ARENA, "metrics", "audit", "--json", "--url", mesh.api_url, "--key", developer.api_key),
        env={**os.environ, "COLUMNS": "100"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(END_SECONDS):
        out, err = await process.communicate()
    assert process.returncode in (0, 1), err.decode()
    audit = json.loads(out)
    failed = [finding for metric in audit["metrics"] for finding in metric["findings"] if not finding["ok"]]
    assert (audit["passed"], failed, process.returncode) == (True, [], 0)
    assert (audit["clips"], tuple(audit["voices"])) == (len(SENTENCES), VOICES)
    results = {(metric["step"], metric["name"]): metric for metric in audit["metrics"]}
    assert {key for key, metric in results.items() if metric["audit"] == "passed"} == OF_LISTENING
    assert all(metric["reason"] for key, metric in results.items() if key not in OF_LISTENING)
    assert any("moonshine" in backend for backend in results["word_errors", "word_error_rate"]["backends"])
    assert err.decode().splitlines()[0].startswith("0 of ")

    assert (await http.get("/metrics/audit")).raise_for_status().json() == audit
    metrics = (await http.get("/metrics")).raise_for_status().json()["metrics"]
    listed = {(each["step"], each["name"]): (each["audit"], each["audit_reason"]) for each in metrics}
    for key in OF_LISTENING & listed.keys():
        assert listed[key] == ("passed", "")
    assert listed["naturalness", "utmos"][0] == listed["decode", "channels"][0] == "not_run"
    assert all(reason for status, reason in listed.values() if status != "passed")
