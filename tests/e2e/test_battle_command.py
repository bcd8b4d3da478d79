"""`arena battle` on a real mesh: a vote from the terminal, and battles that a developer creates."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.e2e.test_cli import Terminal
from tests.mesh import Developer

UNKNOWN = "bat_" + "0" * 32


@pytest_asyncio.fixture(loop_scope="session")
async def terminal(mesh: Mesh, tmp_path: Path) -> AsyncIterator[Terminal]:
    """The terminal of somebody without an API key."""
    yield Terminal(mesh, tmp_path)


async def test_somebody_without_a_key_votes_and_sees_who_spoke(terminal: Terminal) -> None:
    voted = await terminal.run("battle", "--save", "clips", "--no-play", stdin="a\n")
    assert voted.exit_code == 0, voted.err
    lines = voted.out.splitlines()
    assert lines[0] == "You said: A is better."
    assert [line[0] for line in lines if "→" in line] == ["A", "B"]
    clips = sorted((terminal.home / "clips").glob("bat_*.wav"))
    assert [path.name[-6:] for path in clips] == ["-a.wav", "-b.wav"]
    id_ = clips[0].name.removesuffix("-a.wav")
    shown = json.loads((await terminal.run("--json", "battle", "show", id_)).out)
    assert (shown["id"], bool(shown["model_a_id"])) == (id_, shown["status"] == "decided")


async def test_a_script_votes_with_the_same_session_again(terminal: Terminal) -> None:
    for cast in (1, 2):
        voted = await terminal.run("--json", "battle", "--answer", "tie")
        assert voted.exit_code == 0, voted.err
        assert json.loads(voted.out)["votes_cast"] == cast


async def test_a_developer_creates_a_battle_of_two_voices_and_hears_it_on_the_own_board(
    terminal: Terminal, developer: Developer
) -> None:
    key = ("--key", developer.api_key)
    voices = ("--model", "espeak:en-us", "--model", "espeak:en-gb")
    made = await terminal.run(*key, "--json", "battle", "create", *voices, "--category", "sales", "--private")
    assert made.exit_code == 0, made.err
    battle = json.loads(made.out)
    assert (battle["status"], battle["private"]) == ("preparing", True)
    voted = await terminal.run(*key, "--json", "battle", "--own-board", "--category", "sales", "--answer", "b")
    assert voted.exit_code == 0, voted.err
    assert json.loads(voted.out)["battle"]["id"] == battle["id"]
    shown = await terminal.run(*key, "battle", "show", battle["id"])
    assert "espeak:en-us" in shown.out
    assert (await terminal.run("battle", "show", battle["id"])).exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("battle", "show", UNKNOWN), 4, f"There is no battle '{UNKNOWN}'"),
        (("battle", "show", "x"), 2, "bat_"),
        (("battle", "--category", "No Such"), 2, "category"),
        (("battle", "create"), 3, "API key"),
        (("battle", "--own-board"), 3, "Battles of your own board need your API key."),
    ],
)
async def test_every_refusal_is_a_line(
    terminal: Terminal, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    refused = await terminal.run(*arguments)
    assert (refused.exit_code, refused.out) == (exit_code, "")
    first = refused.err.splitlines()[0]
    assert first.startswith("arena: ")
    assert says in refused.err
