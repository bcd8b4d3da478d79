"""The shell blocks of README.md and docs/ run as they are written, against the mesh of the tests.

The blocks of a document run in their order in one shell, in a folder that stands for the folder of the project.
`localhost:8080` is replaced by the address of the mesh, and e-mail addresses by new ones, because each can register
only once. A block must end with status 0 and in the same folder.

- A block after ```` ```sh ```` runs. A block that has only `make` commands does not: that its targets exist is checked
  by tests/unit/test_documents.py, and what they do by other tests.
- ```` ```sh needs=NAME ```` runs if NAME is a program on the PATH or an existing path of the project.
- ```` ```sh no-test: REASON ```` does not run.
- A block with the word `output` after its language is what the block before it prints. `...` in it stands for any text,
  and white space does not count.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.mesh import Mesh
from tests.mesh import Developer

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTED_ADDRESS = "localhost:8080"
EMAIL = re.compile(r"\b[\w.]+(?=@(?:dev|example)\.com)")
RUN_SECONDS = 180.0
FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "=== end of a block"
# What an error looks like as JSON. A block that shows one has to show it in its output.
ERROR = '"type.googleapis.com/google.rpc.ErrorInfo"'


@dataclass
class Block:
    """A shell block and what it is documented to print."""

    commands: str
    output: str | None = None


def blocks(text: str) -> list[Block]:
    """Returns the blocks of a document that can run here."""
    found: list[Block] = []
    runs = False
    for language, words, code in FENCE.findall(text):
        if language == "sh":
            runs = can_run(words) and not all(line.startswith(("make ", "#")) for line in code.splitlines() if line)
            if runs:
                found.append(Block(code))
        elif words == "output" and runs:
            found[-1].output = code
    return found


def can_run(words: str) -> bool:
    """Returns whether a block with these words after its language runs. Raises ValueError if they mean nothing."""
    if not words:
        return True
    if name := words.removeprefix("needs=") if words.startswith("needs=") else "":
        return (ROOT / name).exists() or shutil.which(name) is not None
    if re.fullmatch(r"no-test: \S.*", words):
        return False
    raise ValueError(f"{words!r} after `sh` is neither needs=NAME nor no-test: REASON")


def prints(output: str, documented: str) -> bool:
    """Returns whether an output is what a document shows."""
    parts = [re.escape("".join(part.split())) for part in documented.split("...")]
    return re.fullmatch(".*".join(parts), "".join(output.split())) is not None


async def run_all(commands: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    """Runs blocks one after another in one shell and returns what each prints. Fails if one of them fails."""
    begin = 'FOLDER="$PWD"'
    script = "\n".join([begin, *(f'{{\n{each}\n}}\n[ "$PWD" = "$FOLDER" ]\necho "{MARK}"' for each in commands)])
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, cwd=folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    printed = out.decode().split(f"{MARK}\n")
    assert process.returncode == 0, f"{commands[len(printed) - 1]}\n{printed[-1]}\n{err.decode()}"
    return printed[:-1]


@pytest.fixture
def project(tmp_path: Path, developer: Developer) -> Path:
    """A folder that looks like that of the project while `make up` runs. Commands can write into it."""
    folder = tmp_path / "project"
    (folder / ".arena").mkdir(parents=True)
    (folder / ".arena" / "api_key").write_text(developer.api_key)
    for name in ("examples", "gateway", "protos"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


RUNNABLE = {each.name: found for each in DOCUMENTS if (found := blocks(each.read_text()))}


@pytest.mark.parametrize("documented", RUNNABLE.values(), ids=RUNNABLE)
async def test_the_commands_of_a_document_do_what_it_says(documented: list[Block], project: Path, mesh: Mesh) -> None:
    address = mesh.api_url.removeprefix("http://")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
    environment |= {
        "ARENA_URL": mesh.api_url,
        "XDG_CONFIG_HOME": str(project / "configuration"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "no_proxy": "*",
    }
    suffix = f"-{secrets.token_hex(4)}"
    commands = [
        EMAIL.sub(lambda name: name[0] + suffix, each.commands.replace(DOCUMENTED_ADDRESS, address))
        for each in documented
    ]
    for block, printed in zip(documented, await run_all(commands, project, environment), strict=True):
        if block.output is not None:
            output = printed.replace(address, DOCUMENTED_ADDRESS).replace(suffix, "")
            assert prints(output, block.output), f"{block.commands}\nprints\n{output}\ninstead of\n{block.output}"
        if ERROR not in (block.output or ""):
            assert ERROR not in printed, f"{block.commands}\nprints an error:\n{printed}"


def test_blocks_belong_to_the_output_that_follows_them() -> None:
    text = (
        "```sh\nmake up\n```\n```sh\necho 1 23\n```\n```text output\n1\n...\n```\n"
        "```sh no-test: it needs a key\nfalse\n```\n```text output\nnothing\n```\n"
        "```sh needs=docs/missing.md\nfalse\n```\n"
    )
    assert blocks(text) == [Block("echo 1 23\n", "1\n...\n")]
    assert prints("1 23\n", "1\n...\n")
    assert not prints("2 13\n", "1\n...\n")
    with pytest.raises(ValueError, match="neither needs=NAME"):
        blocks("```sh slow\nfalse\n```\n")
