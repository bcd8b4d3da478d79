"""Checks of accessibility by axe-core."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from tests.browser.screens import WEB


@cache
def _source() -> str:
    return (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """Returns what axe finds on the page, one line each: the rule, what it asks, and where it is broken."""
    # The browser runs it outside of the page's Content-Security-Policy, which allows no such script.
    await page.evaluate(_source())
    found = await page.evaluate("async () => (await axe.run(document)).violations")
    return [f"{one['id']}: {one['help']}: {_places(one)}" for one in found]


def _places(violation: dict[str, Any]) -> str:
    return "; ".join(f"{node['html'][:200]} {node['failureSummary']}" for node in violation["nodes"])
