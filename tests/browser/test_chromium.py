"""Which browser the tests use."""

import os
from pathlib import Path

import pytest

from tests.browser import chromium
from tests.browser.chromium import NoBrowser, find_chromium, running_chromium


def program(folder: Path, name: str) -> str:
    """Makes a program that does nothing, and returns its path."""
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_setting_comes_before_the_path(tmp_path: Path) -> None:
    program(tmp_path, "chromium")
    named = program(tmp_path, "my-browser")
    assert find_chromium({"CHROMIUM": named, "PATH": str(tmp_path)}).path == named


@pytest.mark.parametrize("name", chromium.NAMES)
def test_a_browser_on_the_path_is_used(tmp_path: Path, name: str) -> None:
    path = program(tmp_path, name)
    assert find_chromium({"PATH": str(tmp_path)}).path == path


def test_a_setting_that_names_no_program_is_an_error(tmp_path: Path) -> None:
    program(tmp_path, "chromium")
    with pytest.raises(NoBrowser, match="CHROMIUM is /nowhere, which is not a program"):
        find_chromium({"CHROMIUM": "/nowhere", "PATH": str(tmp_path)})


async def test_without_a_browser_that_of_npm_is_installed_and_shows_a_page(tmp_path: Path) -> None:
    hidden = {name: value for name, value in os.environ.items() if name != "CHROMIUM"} | {"PATH": str(tmp_path)}
    found = find_chromium(hidden)
    assert Path(found.path).is_relative_to(chromium.FALLBACK)
    async with running_chromium(found) as browser:
        page = await browser.new_page()
        await page.set_content("<h1>The arena</h1>")
        heading = await page.locator("h1").bounding_box()
        assert heading
        assert (await page.inner_text("h1"), heading["height"] > 20) == ("The arena", True)


def test_without_any_browser_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "FALLBACK", tmp_path)
    (tmp_path / "package.json").write_text('{"dependencies": {"@sparticuz/chromium": "1"}}')
    (tmp_path / "package-lock.json").write_text("{}")
    with pytest.raises(NoBrowser, match=r"(?s)that of npm can't be had: .*apt-get install chromium"):
        find_chromium({"PATH": str(tmp_path), "npm_config_offline": "true"})
