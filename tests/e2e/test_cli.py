"""The program `arena` on a real mesh, from registration to the list of experiments, and its refusals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sysconfig
import wave
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from gateway.cli.errors import HINT_KEY
from tests.mesh import register

ARENA = Path(sysconfig.get_path("scripts")) / "arena"
RUN_TIMEOUT_SECONDS = 90.0
UNKNOWN_ID = "exp_" + "0" * 32
SCENARIOS = "general, customer_support, medical, financial, technical_support, adversarial, multilingual"
PLAN = ("--name", "Greeting", "--model", "espeak:en-us", "--model", "espeak:en-gb", "--prompt", "Hello, who is there?")


@dataclass(frozen=True)
class CommandResult:
    """The output of a command and its exit code."""

    exit_code: int
    out: str
    err: str


class Terminal:
    """The terminal of one user: its own configuration folder, and ARENA_URL set to the mesh."""

    def __init__(self, mesh: Mesh, home: Path) -> None:
        self.mesh = mesh
        self.home = home
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
        self._environment |= {
            "ARENA_URL": mesh.api_url,
            "XDG_CONFIG_HOME": str(home),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    async def run(self, *arguments: str, stdin: str = "") -> CommandResult:
        """Runs `arena` to its end in the user's home."""
        process = await asyncio.create_subprocess_exec(
            ARENA,
            *arguments,
            cwd=self.home,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
                out, err = await process.communicate(stdin.encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return CommandResult(process.returncode, out.decode(), err.decode())

    async def ok(self, *arguments: str) -> str:
        """Runs `arena`, which must succeed, and returns its output."""
        outcome = await self.run(*arguments)
        assert outcome.exit_code == 0, outcome.out + outcome.err
        return outcome.out


def stored_file(home: Path) -> Path:
    """Returns the path of the file with the stored API keys."""
    return home / "voice-arena" / "credentials.json"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ada(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """The terminal of a user who has logged in."""
    terminal = Terminal(mesh, tmp_path_factory.mktemp("ada"))
    await terminal.ok("login", "--key", (await register(mesh)).api_key)
    return terminal


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def experiment(ada: Terminal) -> dict:
    """An experiment of Ada, created, run and watched to its end with one command."""
    outcome = await ada.run("experiment", "create", *PLAN, "--prompt", "Goodbye.", "--run", "--watch", "--json")
    assert outcome.exit_code == 0, outcome.err
    return json.loads(outcome.out)


async def test_register_prints_and_stores_a_key_that_login_accepts(mesh: Mesh, tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    email = f"grace-{secrets.token_hex(6)}@example.com"
    key = (await Terminal(mesh, home).ok("register", "--name", "Grace", "--email", email)).strip()
    stored = stored_file(home)
    assert json.loads(stored.read_text())[mesh.api_url]["api_key"] == key
    assert stored.stat().st_mode & 0o777 == 0o600
    assert (await Terminal(mesh, home).run("experiment", "list")).out == "No experiments.\n"
    login = await Terminal(mesh, elsewhere).run("login", stdin=f"{key}\n")
    assert (login.exit_code, login.out) == (0, f"You are Grace <{email}>.\n")
    assert json.loads(stored_file(elsewhere).read_text())[mesh.api_url]["email"] == email


async def test_an_e_mail_address_can_register_once(mesh: Mesh, tmp_path: Path) -> None:
    email = (await register(mesh)).email
    outcome = await Terminal(mesh, tmp_path).run("register", "--name", "Ada", "--email", email)
    assert (outcome.exit_code, outcome.out) == (5, "")
    assert not stored_file(tmp_path).exists()


async def test_all_voices_are_listed(ada: Terminal) -> None:
    voices = json.loads(await ada.ok("voices", "--json"))["voices"]
    named = {(voice["provider"], voice["voice_id"]) for voice in voices}
    assert {("espeak", "en-us"), ("espeak", "en-gb"), ("stand-in", "steady")} <= named
    # More than one page.
    assert len(named) == len(voices) > 100


async def test_speech_becomes_a_wav_with_the_true_length_in_its_header(ada: Terminal) -> None:
    file = ada.home / "hello.wav"
    document = json.loads(
        await ada.ok("say", "Hello, how are you today?", "--voice", "espeak:en-us", "--out", str(file), "--json")
    )
    with wave.open(str(file)) as audio:
        frames, rate = audio.getnframes(), audio.getframerate()
        assert (audio.getnchannels(), audio.getsampwidth()) == (1, 2)
        assert len(audio.readframes(frames + 1)) == 2 * frames
    assert file.stat().st_size == 44 + 2 * frames
    assert frames / rate > 0.5
    assert (document["duration_seconds"], document["sample_rate_hz"]) == (pytest.approx(frames / rate, abs=0.001), rate)


async def test_one_command_creates_runs_and_watches_an_experiment(experiment: dict) -> None:
    assert (experiment["name"], experiment["status"]) == ("Greeting", "completed")
    assert (experiment["completed_trials"], experiment["failed_trials"]) == (4, 0)


async def test_results_have_a_ranking_pairs_and_a_verdict(ada: Terminal, experiment: dict) -> None:
    lines = (await ada.ok("experiment", "results", experiment["id"])).splitlines()
    headings = [re.split("  ", line)[0] for line in lines if re.match("(Ranking|Parts|Head|Verdict)", line)]
    assert headings == ["Ranking", "Parts of the score", "Head to head", "Verdict"]
    ranked = [line.split()[1] for line in lines if re.match(r"\d=? +espeak:", line)]
    # In the ranking, and in the table of what a listener hears.
    assert sorted(ranked) == ["espeak:en-gb", "espeak:en-gb", "espeak:en-us", "espeak:en-us"]
    # Two prompts are not enough evidence.
    assert lines[lines.index("Verdict") + 1].startswith("There is not enough evidence to name a winner.")


async def test_trials_have_measurements_and_audio(ada: Terminal, experiment: dict) -> None:
    trials = json.loads(await ada.ok("experiment", "trials", experiment["id"], "--json"))["trials"]
    assert [(trial["prompt_index"], trial["voice_id"], trial["status"]) for trial in trials] == [
        (prompt, voice, "completed") for prompt in (0, 1) for voice in ("en-us", "en-gb")
    ]
    for trial in trials:
        assert 0 < trial["ttfb_ms"] <= trial["generation_time_ms"]
        assert trial["duration_seconds"] > 0.5
        assert trial["audio_url"].startswith(f"{ada.mesh.api_url}/api/v1/audio/")


async def test_only_its_owner_sees_an_experiment(mesh: Mesh, ada: Terminal, experiment: dict) -> None:
    listed = json.loads(await ada.ok("experiment", "list", "--status", "completed", "--json"))["experiments"]
    assert experiment["id"] in [one["id"] for one in listed]
    assert experiment["id"] in await ada.ok("experiment", "list")
    other = (await register(mesh, "Eve")).api_key
    assert json.loads(await ada.ok("experiment", "list", "--key", other, "--json")) == {"experiments": []}
    assert (await ada.run("experiment", "results", experiment["id"], "--key", other)).exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "exit_code", "lines"),
    [
        (("create", *PLAN, "--scenario", "cooking"), 2, [f"scenario: must be one of {SCENARIOS}"]),
        (
            ("create", *PLAN, "--scenario", "cooking", "--prompt", " "),
            2,
            [
                "2 fields are invalid:",
                f"  scenario: must be one of {SCENARIOS}",
                "  prompts[1]: must not be only white space",
            ],
        ),
        (
            ("list", "--key", "kc_wrong"),
            3,
            ["The API key is malformed: it must be kc_ and 49 letters and digits, as issued", HINT_KEY],
        ),
        (("results", UNKNOWN_ID), 4, [f"There is no experiment {UNKNOWN_ID!r}"]),
        (("run", "{experiment}"), 5, ["The experiment is completed. Only a created experiment can be run."]),
    ],
)
async def test_a_refused_command_has_its_exit_code_and_the_reason(
    ada: Terminal, experiment: dict, arguments: tuple[str, ...], exit_code: int, lines: list[str]
) -> None:
    outcome = await ada.run("experiment", *(argument.format(experiment=experiment["id"]) for argument in arguments))
    assert (outcome.exit_code, outcome.out) == (exit_code, "")
    assert outcome.err.removeprefix("arena: ").splitlines() == lines


async def test_a_call_without_a_key_prints_how_to_get_one(mesh: Mesh, tmp_path: Path) -> None:
    outcome = await Terminal(mesh, tmp_path).run("voices")
    assert (outcome.exit_code, outcome.out) == (3, "")
    assert outcome.err.splitlines()[-1] == HINT_KEY


async def test_the_doctor_finds_no_problem_on_a_healthy_mesh(ada: Terminal) -> None:
    lines = (await ada.ok("doctor", "--data-dir", str(ada.mesh.data_dir.path))).splitlines()
    # A provider that is not available is a note. Which ones are not depends on the machine.
    assert {line[0] for line in lines} <= {"✓", "·"}
    assert all(line.startswith("· provider") for line in lines if line[0] == "·")
    ok = [line.split(":")[0].removeprefix("✓ ") for line in lines if line[0] == "✓"]
    expected = ("python", "disk", "gateway", "clock", "services", "key", "provider espeak", "voices", "catalogue")
    assert set(expected) <= set(ok)


async def test_the_doctor_reports_a_missing_key(mesh: Mesh, tmp_path: Path) -> None:
    outcome = await Terminal(mesh, tmp_path).run("doctor", "--json")
    document = json.loads(outcome.out)
    assert (outcome.exit_code, document["ok"]) == (1, False)
    problems = {check["name"]: check["advice"] for check in document["checks"] if check["outcome"] == "problem"}
    assert problems["key"] == HINT_KEY
