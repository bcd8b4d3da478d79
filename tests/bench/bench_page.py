"""Measures the leaderboard of the page with 500 models, beside an empty page in the same browser.

Both are opened in turns, each in a new browser context without a cache, so other load on the machine affects both.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence

import httpx
import numpy as np
from playwright.async_api import Browser, Page, Route

from deploy.local.mesh import Mesh
from services.runtime.db import Database
from tests.bench import running_mesh
from tests.bench.bench_uploads import percentile
from tests.bench.result import BenchResult
from tests.browser.chromium import running_chromium
from tests.contract.stores.elo.votes import add_cast, add_votes
from tests.simulated_votes import Arena

ARENA = Arena(models=500, scenarios=10, voters=100, votes=5000)
ROUNDS = 8
SCROLLED_PIXELS = 6_000
STEP_PIXELS = 60
MAX_BOARD_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.2
MAX_READY_MS = 30_000

TARGET_READY_MS = 1_000.0
TARGET_FRAMES = 1.5

BOARD, EMPTY = "/leaderboard", "/empty"
# As tall as what is scrolled, so that both scroll as far.
EMPTY_PAGE = f"<!doctype html><title>Empty</title><main><h1>Empty</h1><svg height='{2 * SCROLLED_PIXELS}'></svg></main>"
# Remembers when the heading is there, nothing is loading any more, and the browser is free to answer.
WATCH_READY = """
const look = () => {
  const main = document.querySelector("main");
  const isReady = main?.querySelector("h1") && !main.querySelector("[aria-busy=true]")
    && (location.pathname === "/empty" || main.querySelector("tbody tr"));
  if (isReady) {
    observer.disconnect();
    setTimeout(() => { window.readyMs = performance.now(); });
  }
};
const observer = new MutationObserver(look);
observer.observe(document, { childList: true, subtree: true, attributes: true });
addEventListener("load", look);
"""
# Scrolls a step in each frame, and returns how long the frames took.
SCROLL = """async ([distance, step]) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const times = [];
  let before = await frame();
  for (let y = 0; y < distance; y += step) {
    scrollBy(0, step);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  return times;
}"""


async def run() -> list[BenchResult]:
    """Opens and scrolls the board and the empty page in turns."""
    async with running_mesh.mesh() as mesh, running_chromium() as browser:
        await _add_models(mesh)
        # The first pages of a browser take longer.
        for path in (BOARD, EMPTY):
            await _measure(browser, mesh, path)
        boards, empties = [], []
        for _ in range(ROUNDS):
            boards.append(await _measure(browser, mesh, BOARD))
            empties.append(await _measure(browser, mesh, EMPTY))
    return [_ready(boards, empties), _frames(boards, empties)]


Measured = tuple[float, Sequence[float]]


async def _add_models(mesh: Mesh) -> None:
    random = np.random.default_rng(1)
    votes = ARENA.vote(ARENA.strengths(random), random)
    database = await Database.connect(mesh.database_url, "elo", pool_size=1)
    try:
        cast = await add_cast(database, ARENA.models, ARENA.scenarios, ARENA.voters, prefix="bench")
        await add_votes(database, cast, votes)
    finally:
        await database.close()
    async with asyncio.timeout(MAX_BOARD_SECONDS), httpx.AsyncClient(base_url=mesh.api_url, trust_env=False) as client:
        while len((await client.get("/api/v1/leaderboard")).raise_for_status().json()["rows"]) < ARENA.models:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _measure(browser: Browser, mesh: Mesh, path: str) -> Measured:
    """Returns the milliseconds until a page is ready, and those of each frame while it is scrolled."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.add_init_script(WATCH_READY)
    page = await context.new_page()
    await page.route(f"**{EMPTY}", _empty)
    await page.goto(mesh.api_url + path)
    await page.wait_for_function("() => window.readyMs !== undefined", timeout=MAX_READY_MS)
    ready = float(await page.evaluate("window.readyMs"))
    frames = await _scroll(page)
    await context.close()
    return ready, frames


async def _empty(route: Route) -> None:
    await route.fulfill(status=200, content_type="text/html", body=EMPTY_PAGE)


async def _scroll(page: Page) -> Sequence[float]:
    frames: list[float] = await page.evaluate(SCROLL, [SCROLLED_PIXELS, STEP_PIXELS])
    return frames


def _ready(boards: Sequence[Measured], empties: Sequence[Measured]) -> BenchResult:
    board, empty = (statistics.median(ready for ready, _ in one) for one in (boards, empties))
    return BenchResult(
        name="leaderboard of the page, ready",
        value=board - empty,
        unit="ms",
        target=TARGET_READY_MS,
        higher_is_better=False,
        detail=f"{ARENA.models} models, without a cache: {board:.0f} ms, an empty page {empty:.0f} ms, {ROUNDS} rounds",
    )


def _frames(boards: Sequence[Measured], empties: Sequence[Measured]) -> BenchResult:
    board, empty = (percentile([ms for _, frames in one for ms in frames], 95) for one in (boards, empties))
    return BenchResult(
        name="leaderboard of the page, frames while scrolling, p95",
        value=board / empty,
        unit="of empty page",
        target=TARGET_FRAMES,
        higher_is_better=False,
        detail=f"{ARENA.models} models: {board:.1f} ms, an empty page {empty:.1f} ms",
    )
