"""The whole `arena demo`: its own mesh, three speeds, a verdict, audio, and no process left."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sysconfig
import wave
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from deploy.local.settings import PORT_SETTINGS, LocalSettings

ROOT = Path(__file__).parents[2]
ARENA = Path(sysconfig.get_path("scripts")) / "arena"
RUN_TIMEOUT_SECONDS = 400.0
NATURAL, HURRIED, SLOW = "espeak:en-us+croak", "espeak:en-us+f3", "espeak:en-us+robosoft8"
# The runner, Envoy, NATS, PostgreSQL and the five services.
MIN_PROCESSES = 9


@dataclass(frozen=True)
class Run:
    """A demo that has ended."""

    folder: Path
    exit_code: int
    steps: list[str]
    out: list[str]
    family: set[psutil.Process]
    """Every process that the demo started."""


def environment() -> dict[str, str]:
    """Returns an environment with free ports and without the user's settings."""
    # Other tests have no pool of battles. The demo has one for its tournament.
    settings = {name.upper() for name in LocalSettings.model_fields} | {"BATTLE_POOL"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in settings}
    ports = {name.upper(): "0" for name in PORT_SETTINGS}
    return {**kept, **ports, "COLUMNS": "100", "NO_COLOR": "1"}


async def demo(folder: Path, *arguments: str) -> Run:
    """Runs the demo in a folder to its end."""
    process = await asyncio.create_subprocess_exec(
        ARENA, "demo", *arguments, cwd=folder, env=environment(), stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    steps, family = [], set()
    try:
        async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
            async for line in process.stderr:
                steps.append(line.decode().rstrip())
                with suppress(psutil.NoSuchProcess):
                    family |= set(psutil.Process(process.pid).children(recursive=True))
            out = (await process.stdout.read()).decode()
            exit_code = await process.wait()
    finally:
        if process.returncode is None:
            # The demo then stops its mesh.
            process.terminate()
            await process.communicate()
    return Run(folder, exit_code, steps, [line.rstrip() for line in out.splitlines()], family)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first run of the demo in a new folder."""
    return await demo(tmp_path_factory.mktemp("demo"))


def running(family: set[psutil.Process]) -> list[psutil.Process]:
    """Returns the processes that still run after a moment. A zombie does not run."""
    _, alive = psutil.wait_procs(family, timeout=5)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def matches(run: Run, pattern: str) -> list[tuple[str, ...]]:
    """Returns the groups of each line of the output that matches a pattern."""
    return [match.groups() for line in run.out if (match := re.fullmatch(pattern, line))]


def seconds(file: Path) -> float:
    """Returns the duration of a WAV file."""
    with wave.open(str(file)) as audio:
        return audio.getnframes() / audio.getframerate()


def test_every_step_succeeds(first: Run) -> None:
    assert first.exit_code == 0, "\n".join(first.steps)
    assert [step for step in first.steps if step.startswith("✗")] == []
    assert len([step for step in first.steps if step.startswith("✓")]) == 8


def test_the_voice_at_its_own_speed_wins(first: Run) -> None:
    headline = first.out[first.out.index("Verdict") + 1]
    assert re.fullmatch(rf"{re.escape(NATURAL)} wins, with (low|medium|high) confidence\.", headline)
    # In the ranking and in the matrix of pairs.
    ranked = [model for (model,) in matches(first, r"\d=?  +(espeak:\S+) .*[/·].*")]
    assert ranked == [NATURAL, SLOW, HURRIED] * 2


def test_the_demo_hears_words_and_the_hurried_voice_is_ruled_out(first: Run) -> None:
    heading = next(line for line in first.out if line.startswith("What a listener hears"))
    columns = first.out[first.out.index(heading) + 1].split("  ")
    assert [column.strip() for column in columns if column.strip()][-5:] == [
        "Word errors",
        "Hard words",
        "Failures",
        "Quality",
        "Prosody",
    ]
    ((errors,),) = matches(first, rf"✗  {re.escape(HURRIED)} +([\d.]+)% .*")
    ((natural,),) = matches(first, rf"1  {re.escape(NATURAL)} +([\d.]+)% +[\d.]+% .*")
    assert float(natural) < float(errors)


def test_the_demo_ends_with_the_board_of_a_tournament(first: Run) -> None:
    board = first.out[first.out.index("Leaderboard  hybrid, all scenarios") :]
    assert len([line for line in board if re.match(r" *\d+(-\d+)? +eSpeak NG ", line)]) >= 2
    # How many battles are on it depends on the machine.
    assert any(re.match(r"\d+ votes? on \d+ battles?\. Computed at ", line) for line in board)


def test_each_voice_is_listed_with_its_speed(first: Run) -> None:
    assert first.out[first.out.index("Voices") + 1 :][:3] == [
        f"  {NATURAL}      natural pace",
        f"  {HURRIED}         hurried, speed 1.6",
        f"  {SLOW}  slow, speed 0.65",
    ]


def test_the_audio_is_where_the_output_says_and_has_the_listed_speeds(first: Run) -> None:
    audio = first.folder / ".arena" / "demo" / "audio"
    assert f"  24 WAV files in {audio}; those of the first prompt are" in first.out
    spoken = {model: audio / name for model, name in matches(first, r"    (espeak:\S+): (\S+\.wav)")}
    assert list(spoken) == [NATURAL, HURRIED, SLOW]
    assert seconds(spoken[HURRIED]) < seconds(spoken[NATURAL]) < seconds(spoken[SLOW])


def words(line: str) -> tuple[str, ...]:
    """Returns the words of a line without numbers, bars, ids, signs and levels, which differ from run to run."""
    line = re.sub(r"(demo-|exp_|trl_|/)[0-9a-f]{12,}", r"\1", line)
    return tuple(re.sub(r"[-+=<\d.]+|[^\x00-\x7f]|\b(high|medium|low)\b", " ", line).split())


@pytest.mark.parametrize("document", ["README.md", "docs/verdicts.md"])
def test_a_document_shows_what_it_prints(document: str, first: Run) -> None:
    """If this fails, copy the output of `COLUMNS=100 make demo` into the document."""
    text = (ROOT / document).read_text()
    shown = next(block for block in text.split("```text\n")[1:] if "Ranking" in block).split("```")[0]
    # The reasons depend on what was heard, which differs from run to run.
    shown = re.sub(r"(wins, with \w+ confidence\.\n)(  .*\n)+", r"\1", shown)
    folder = str(first.folder)
    printed = {words(line.replace(folder, "")) for line in (*first.steps, *first.out)}
    assert [line for line in shown.splitlines() if words(line.replace("...", "")) not in printed] == []


def test_no_process_is_left(first: Run) -> None:
    assert len(first.family) >= MIN_PROCESSES
    assert running(first.family) == []


async def test_the_demo_runs_again_in_the_same_folder_and_prints_its_results_as_json(first: Run) -> None:
    again = await demo(first.folder, "--json")
    assert again.exit_code == 0, "\n".join(again.steps)
    results = json.loads("\n".join(again.out))
    # Some voices of eSpeak NG sound a little different each time, so the evidence differs from run to run.
    assert (results["leader"], results["composite"]["name"]) == (NATURAL, "quality"), results["reasons"]
    seconds_spoken = {ranking["voice_id"]: ranking["avg_duration_seconds"] for ranking in results["rankings"]}
    assert results["leaderboard"]["votes"] > 0
    natural, hurried, slow = (seconds_spoken[name.partition(":")[2]] for name in (NATURAL, HURRIED, SLOW))
    assert hurried / natural == pytest.approx(0.62, abs=0.03)
    assert slow / natural == pytest.approx(1.56, abs=0.05)
    assert running(again.family) == []
