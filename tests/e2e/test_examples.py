"""The example clients of the README run without changes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from deploy.local.mesh import Mesh
from tests.mesh import Developer

ROOT = Path(__file__).parents[2]
# A battle may have to be spoken and measured first.
RUN_TIMEOUT_SECONDS = 120.0


async def run(*command: str, cwd: Path = ROOT, **env: str) -> tuple[int, str, str]:
    """Runs a command to its end and returns its exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_python_example_compares_two_voices(mesh: Mesh, developer: Developer) -> None:
    address = mesh.api_url.removeprefix("http://")
    status, out, err = await run(sys.executable, "examples/compare.py", address, developer.api_key)
    assert (status, err) == (0, "")
    assert "4 of 4 trials" in out
    assert out.splitlines()[-1] == "confidence: inconclusive"


async def test_the_python_example_prints_what_is_wrong_with_the_key(mesh: Mesh) -> None:
    address = mesh.api_url.removeprefix("http://")
    status, _, err = await run(sys.executable, "examples/compare.py", address, "kc_wrong")
    assert (status, err.startswith("UNAUTHENTICATED: The API key is malformed")) == (1, True)


@pytest.mark.skipif(
    not (ROOT / "gateway/web/gen").exists() and not os.environ.get("CI"), reason="`make gen-ts` has not been run"
)
async def test_the_typescript_example_compares_two_voices_over_grpc_web(mesh: Mesh, developer: Developer) -> None:
    node = shutil.which("node")
    assert node, "`make test` puts the node of the virtual environment on the PATH"
    command = (node, "examples/compare.ts", mesh.api_url, developer.api_key)
    status, out, err = await run(*command, cwd=ROOT / "gateway/web")
    assert (status, err) == (0, "")
    assert "4 of 4 trials" in out
    assert out.splitlines()[-1] == "confidence: inconclusive"


async def test_the_python_example_votes_in_a_battle(mesh: Mesh, tmp_path: Path) -> None:
    address = mesh.api_url.removeprefix("http://")
    status, out, err = await run(sys.executable, str(ROOT / "examples/vote.py"), address, "a", cwd=tmp_path)
    assert (status, err) == (0, "")
    assert [line.split(" was ")[0] for line in out.splitlines()[-3:-1]] == ["A", "B"]
    assert out.splitlines()[-1].startswith("the vote moves")
    assert {name for name in os.listdir(tmp_path) if name.endswith(".wav")} == {"a.wav", "b.wav"}


@pytest.mark.skipif(
    not (ROOT / "gateway/web/gen").exists() and not os.environ.get("CI"), reason="`make gen-ts` has not been run"
)
async def test_the_typescript_example_votes_in_a_battle_over_grpc_web(mesh: Mesh) -> None:
    node = shutil.which("node")
    assert node, "`make test` puts the node of the virtual environment on the PATH"
    status, out, err = await run(node, "examples/vote.ts", mesh.api_url, "both_bad", cwd=ROOT / "gateway/web")
    assert (status, err) == (0, "")
    assert [line.split(" was ")[0] for line in out.splitlines()[-3:-1]] == ["A", "B"]
    assert out.splitlines()[-1].startswith("the vote moves")
