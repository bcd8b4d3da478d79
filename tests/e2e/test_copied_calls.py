"""What "copy as" puts on the clipboard runs as it is pasted: curl, grpcurl, Python and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.experiments import api_client, ended, started
from tests.fakes.spoken import speak
from tests.mesh import Developer, register

ROOT = Path(__file__).parents[2]
WEB = ROOT / "gateway/web"
RUN_SECONDS = 120.0
RECORDING = "hello, you.wav"
# An apostrophe, Hebrew, an emoji, an override of the reading direction, a line break, and what shells replace.
NAME = 'it\'s \u202e \u05e9\u05dc\u05d5\u05dd \U0001f600\n"$HOME" `id` \\ !!'

Calls = Mapping[str, Mapping[str, str]]
EXPERIMENTS = ("voicearena/experiments/v1/experiment_service_pb.js", "ExperimentService")
EVALUATIONS = ("voicearena/scoring/v1/evaluation_service_pb.js", "EvaluationService")
LEADERBOARD = ("voicearena/elo/v1/leaderboard_service_pb.js", "LeaderboardService")
SCENARIOS = ("voicearena/elo/v1/scenario_service_pb.js", "ScenarioService")
BATTLES = ("voicearena/elo/v1/battle_service_pb.js", "BattleService")

EXPERIMENT = {
    "name": NAME,
    "scenario": "general",
    "eval_mode": "automated",
    "models": [{"provider": "espeak", "voice_id": "en-us"}, {"provider": "espeak", "voice_id": "en-gb"}],
    "prompts": ["Hello, how can I help you today?"],
}
# `buf curl` makes the call of grpcurl from the same words, where grpcurl is not installed.
GRPCURL = """#!{python}
import os, sys
words, options = sys.argv[1:], []
while words[0].startswith("-"):
    name = words.pop(0)
    if name != "-plaintext":
        options += [name, words.pop(0)]
address, method = words
data = [] if "-d" in options else ["-d", "{{}}"]
buf = ["{buf}", "curl", "--protocol", "grpc", "--http2-prior-knowledge", *options, *data]
os.execv(buf[0], [*buf, f"http://{{address}}/{{method}}"])
"""
CREATE = ["experiment", "create", "--scenario", "general", "--model", "espeak:en-us", "--model", "espeak:en-gb"]


def wanted(service: tuple[str, str], method: str, request: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Returns a call for `printCalls.ts`."""
    return {"stub": service[0], "service": service[1], "method": method, "request": request, "options": options}


def calls(experiment_id: str) -> dict[str, dict[str, Any]]:
    """Returns typical calls of screens, by name."""
    by_id = {"id": experiment_id}
    return {
        "board": wanted(LEADERBOARD, "GetLeaderboard", {"board": "metrics"}, cli=["leaderboard", "--board", "metrics"]),
        "scenarios": wanted(
            SCENARIOS,
            "ListScenarios",
            {"category": "medical", "page_size": 2},
            cli=["scenario", "list", "--category", "medical"],
        ),
        "create": wanted(
            EXPERIMENTS,
            "CreateExperiment",
            EXPERIMENT,
            cli=[*CREATE, "--prompt", "Hello", "--name", NAME],
        ),
        "experiment": wanted(EXPERIMENTS, "GetExperiment", by_id),
        "results": wanted(EXPERIMENTS, "GetResults", by_id, cli=["experiment", "results", experiment_id]),
        "stream": wanted(EXPERIMENTS, "WatchExperiment", by_id, cli=["experiment", "watch", experiment_id]),
        "export": wanted(
            EXPERIMENTS,
            "ExportExperiment",
            {**by_id, "format": "csv"},
            saveAs="trials.csv",
            cli=["experiment", "export", experiment_id, "--format", "csv", "--out", "trials.csv"],
        ),
        "report": wanted(
            EXPERIMENTS,
            "GetReport",
            {**by_id, "audio": True},
            saveAs="report.html",
            cli=["experiment", "report", experiment_id, "--out", "report.html"],
        ),
        "upload": wanted(
            EVALUATIONS,
            "CreateEvaluation",
            {"reference_text": "Hello, how can I help you today?", "steps": ["signal"]},
            upload=RECORDING,
            cli=["evaluate", RECORDING, "--step", "signal"],
        ),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(mesh: Mesh) -> Developer:
    """The developer whose key the calls use."""
    return await register(mesh)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def finished(mesh: Mesh, owner: Developer) -> str:
    """The id of a completed experiment of the owner."""
    async with api_client(mesh, owner.api_key) as http:
        id_ = await started(http, {**EXPERIMENT, "name": "finished"})
        await ended(http, id_)
    return id_


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def copied(mesh: Mesh, finished: str) -> Calls:
    """The texts of each call by language, by the name of the call."""
    node = shutil.which("node")
    assert node, "`make test` puts the node of the virtual environment on the PATH"
    assert (WEB / "gen").exists(), "run `make gen-ts`"
    listed = calls(finished)
    for each in listed.values():
        each["options"]["baseUrl"] = mesh.api_url
    process = await asyncio.create_subprocess_exec(
        node, "src/copy/printCalls.ts", cwd=WEB, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(json.dumps(list(listed.values())).encode())
    assert process.returncode == 0, err.decode()
    return dict(zip(listed, json.loads(out), strict=True))


class Terminal:
    """A shell in a folder of its own, with the API key and the programs that the texts name."""

    def __init__(self, folder: Path, api_key: str) -> None:
        self.folder = folder
        programs = folder / "programs"
        programs.mkdir()
        (programs / "arena").symlink_to(Path(sys.prefix) / "bin/arena")
        if not shutil.which("grpcurl"):
            script = programs / "grpcurl"
            script.write_text(GRPCURL.format(python=sys.executable, buf=Path(sys.prefix) / "bin/buf"))
            script.chmod(0o755)
        speak("Hello, how can I help you today?", folder / RECORDING)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")} | {
            "ARENA_API_KEY": api_key,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "configuration"),
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "no_proxy": "*",
        }

    async def run(self, language: str, text: str) -> str:
        """Runs a text of this language and returns what it prints. Fails unless it ends with status 0."""
        command = (sys.executable, "-c", text) if language == "python" else ("sh", "-c", text)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(RUN_SECONDS):
            out, err = await process.communicate()
        assert process.returncode == 0, f"{text}\n{out.decode()}\n{err.decode()}"
        assert "google.rpc.ErrorInfo" not in out.decode(), f"{text}\n{out.decode()}"
        return out.decode()


@pytest.fixture
def terminal(tmp_path: Path, owner: Developer) -> Terminal:
    """A terminal of the owner."""
    return Terminal(tmp_path, owner.api_key)


@pytest.mark.parametrize("language", ["curl", "grpcurl", "python", "cli"])
async def test_reads_answer_as_they_are_pasted(language: str, copied: Calls, terminal: Terminal, finished: str) -> None:
    assert "metrics" in await terminal.run(language, copied["board"][language])
    scenarios = await terminal.run(language, copied["scenarios"][language])
    assert "medical" in scenarios
    assert "financial" not in scenarios
    assert "en-gb" in await terminal.run(language, copied["results"][language])
    assert "en-gb" in await terminal.run(language, copied["stream"][language])
    if language != "cli":
        assert finished in await terminal.run(language, copied["experiment"][language])


@pytest.mark.parametrize("language", ["curl", "python", "cli"])
async def test_a_file_is_saved_under_its_name(language: str, copied: Calls, terminal: Terminal) -> None:
    await terminal.run(language, copied["export"][language])
    assert "prompt" in (terminal.folder / "trials.csv").read_text("utf-8-sig").splitlines()[0]
    await terminal.run(language, copied["report"][language])
    assert "data:audio/wav;base64," in (terminal.folder / "report.html").read_text()


@pytest.mark.parametrize("language", ["curl", "grpcurl", "python", "cli"])
async def test_a_name_of_any_characters_arrives_unchanged(
    language: str, copied: Calls, terminal: Terminal, mesh: Mesh, owner: Developer
) -> None:
    await terminal.run(language, copied["create"][language])
    async with api_client(mesh, owner.api_key) as http:
        listed = (await http.get("/experiments", params={"page_size": 1})).raise_for_status().json()
    assert [(each["name"], each["status"]) for each in listed["experiments"]] == [(NAME, "created")]


@pytest.mark.parametrize("language", ["curl", "python", "cli"])
async def test_a_recording_is_uploaded_with_its_fields(
    language: str, copied: Calls, terminal: Terminal, mesh: Mesh, owner: Developer
) -> None:
    async with api_client(mesh, owner.api_key) as http:
        before = (await http.get("/evaluations")).raise_for_status().json()["evaluations"]
        await terminal.run(language, copied["upload"][language])
        after = (await http.get("/evaluations")).raise_for_status().json()["evaluations"]
        assert len(after) == len(before) + 1
        evaluation = (await http.get(f"/evaluations/{after[0]['id']}")).raise_for_status().json()
    assert [step["name"] for step in evaluation["steps"] if step["status"] != "skipped"] == ["decode", "signal"]
