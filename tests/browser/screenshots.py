"""Writes a picture of every screen at three widths in both themes: `make screenshots`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from services.runtime import event_loop
from tests.browser.arena import Arena, running_arena
from tests.browser.chromium import running_chromium
from tests.browser.opened import Opened
from tests.browser.screens import Screen, screens

WIDTHS = (390, 1280, 2560)
HEIGHT = 900
THEMES = ("light", "dark")


async def write(folder: Path, names: list[str]) -> None:
    """Writes the pictures of the named screens, or of all of them."""
    chosen = [screen for screen in screens() if not names or screen.name in names]
    with tempfile.TemporaryDirectory() as directory:
        async with running_arena(Path(directory) / "mesh") as arena, running_chromium() as browser:
            for screen in chosen:
                await _write_one(browser, arena, screen, folder)


async def _write_one(browser: Browser, arena: Arena, screen: Screen, folder: Path) -> None:
    for theme in THEMES:
        context = await browser.new_context(color_scheme=theme, locale="en-GB", timezone_id="UTC")
        tab = await Opened.of(context, arena.mesh.api_url, arena.developer.api_key)
        for width in WIDTHS:
            await tab.page.set_viewport_size({"width": width, "height": HEIGHT})
            await tab.goto(screen.address(arena.addresses))
            path = folder / f"{screen.name}-{width}-{theme}.png"
            await tab.page.screenshot(path=path, full_page=True)
            print(path, *tab.problems, sep="\n  ")  # noqa: T201
            tab.problems.clear()
        await context.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("screenshots"), help="where the pictures are written")
    parser.add_argument("--only", action="append", default=[], help="the name of a screen; may be repeated")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    event_loop.run(write(arguments.folder, arguments.only))


if __name__ == "__main__":
    main()
