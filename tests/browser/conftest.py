"""One mesh with data and one browser for all tests of the page, stopped after the last of them.

Each test has a context of its own: no stored data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.local.mesh import Mesh
from tests.browser.arena import Arena, running_arena
from tests.browser.chromium import running_chromium
from tests.browser.opened import Opened

# On a busy machine everything takes longer.
expect.set_options(timeout=15_000)

Open = Callable[..., Awaitable[Opened]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser. Without one the tests fail and say what to install."""
    async with running_chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    """The mesh and what there is to see."""
    async with running_arena(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="package")
def mesh(arena: Arena) -> Mesh:
    """The mesh of these tests. A test that stops a process must start it again."""
    return arena.mesh


@pytest_asyncio.fixture(loop_scope="session")
async def opened(browser: Browser, arena: Arena) -> AsyncIterator[Open]:
    """Opens a tab of somebody new, with options of Playwright's contexts. `key` signs a developer in.

    At the end of the test, everything that went wrong in a tab fails it.
    """
    tabs: list[Opened] = []
    async with AsyncExitStack() as stack:

        async def open_(*, key: str | None = None, **options: Any) -> Opened:
            context = await browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
            stack.push_async_callback(context.close)
            tabs.append(await Opened.of(context, arena.mesh.api_url, key))
            return tabs[-1]

        yield open_
    for tab in tabs:
        tab.check()
