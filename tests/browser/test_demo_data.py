"""Without a backend the page shows demo data, and it returns to live data by itself."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.arena import Arena
from tests.browser.conftest import Open

# The page asks for the backend every 5 s.
BACK_MS = 30_000
PREPARED_MS = 60_000


async def test_an_open_page_shows_demo_data_while_the_gateway_is_gone(opened: Open, arena: Arena) -> None:
    tab = await opened()
    for failure in (
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED",
        "ERR_EMPTY_RESPONSE",
        "ERR_NETWORK",
        "HTTP 503",
    ):
        tab.expects(failure)
    # The chunk of the last screen.
    async with tab.page.expect_response(re.compile(r"/assets/console-"), timeout=PREPARED_MS):
        await tab.goto("/analytics")
    await expect(tab.page.locator(".demo-banner")).to_have_count(0)
    await arena.mesh.stop("envoy")
    try:
        await tab.page.get_by_role("link", name="Scenarios").click()
        await expect(tab.page.locator(".demo-banner")).to_contain_text("This is demo data", timeout=BACK_MS)
        await expect(tab.page.locator(".demo-banner code")).to_have_text("make up")
        await tab.page.get_by_role("link", name="Battle").click()
        await expect(tab.page.locator("main")).to_contain_text("This battle is demo data")
        # The recordings are in memory: fetching them needs no gateway.
        await expect(tab.page.locator("main")).not_to_contain_text("can't be reached")
    finally:
        await arena.mesh.start("envoy")
    await expect(tab.page.locator(".demo-banner")).to_have_count(0, timeout=BACK_MS)
    await expect(tab.page.locator("main")).not_to_contain_text("demo data", timeout=BACK_MS)


async def test_a_page_that_calls_nothing_notices_too_that_the_backend_is_gone(opened: Open, arena: Arena) -> None:
    tab = await opened()
    tab.expects("HTTP 503|status of 503")
    await arena.mesh.stop("auth")
    try:
        await tab.goto("/experiments")
        await expect(tab.page.locator(".demo-banner")).to_be_visible(timeout=BACK_MS)
        await expect(tab.page.locator("main")).to_contain_text("Which local voice for customer support?")
    finally:
        await arena.mesh.start("auth")
    await expect(tab.page.locator(".demo-banner")).to_have_count(0, timeout=BACK_MS)
    await expect(tab.page.locator("main")).to_contain_text("API key")
