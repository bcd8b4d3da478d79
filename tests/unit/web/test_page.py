"""The tests of the page's own code, and the size of what a visitor loads first. `make test` builds the page before."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).parents[3] / "gateway/web"
MANIFEST = WEB / "dist/.vite/manifest.json"
# What a visitor's browser reads before it can show anything.
MAX_INITIAL_SCRIPT_KB = 60
VITEST_TIMEOUT_SECONDS = 300


async def test_the_tests_of_the_page_pass() -> None:
    node = shutil.which("node")
    assert node, "`make test` puts the node of the virtual environment on the PATH"
    process = await asyncio.create_subprocess_exec(
        node,
        "node_modules/vitest/vitest.mjs",
        "run",
        cwd=WEB,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(VITEST_TIMEOUT_SECONDS):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict[str, Any]]:
    """What vite says about each chunk: its file and its imports."""
    chunks: dict[str, dict[str, Any]] = json.loads(MANIFEST.read_text())
    return chunks


def test_the_first_screen_needs_a_small_script(manifest: dict[str, dict[str, Any]]) -> None:
    needed = set(_with_imports(manifest, "index.html")) | set(_with_imports(manifest, "src/screens/battle/index.tsx"))
    sizes = {name: len(gzip.compress((WEB / "dist" / name).read_bytes())) / 1000 for name in needed}
    assert sum(sizes.values()) <= MAX_INITIAL_SCRIPT_KB, sizes


def test_each_screen_is_a_chunk_of_its_own(manifest: dict[str, dict[str, Any]]) -> None:
    screens = {path.parent.name for path in WEB.glob("src/screens/*/index.tsx")}
    lazy = {key for key in manifest["index.html"]["dynamicImports"] if key.startswith("src/screens/")}
    assert lazy == {f"src/screens/{screen}/index.tsx" for screen in screens}
    shared = set(_with_imports(manifest, "index.html"))
    assert not shared & {manifest[key]["file"] for key in lazy}


def test_the_page_has_nothing_inline() -> None:
    html = (WEB / "dist/index.html").read_text()
    assert "<script>" not in html
    assert "<style" not in html
    assert " style=" not in html
    assert " on" not in "".join(tag.split(">")[0] for tag in html.split("<"))


def _with_imports(manifest: dict[str, dict[str, Any]], key: str) -> Iterator[str]:
    """Yields the files of a chunk and of what it imports at once."""
    yield manifest[key]["file"]
    for imported in manifest[key].get("imports", []):
        yield from _with_imports(manifest, imported)
