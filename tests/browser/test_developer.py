"""A developer registers, runs an experiment, reads its verdict, and takes the call to the command line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
from pathlib import Path

from playwright.async_api import expect

from tests.browser.arena import Arena
from tests.browser.conftest import Open
from tests.browser.opened import Opened

CURL_SECONDS = 30


async def register(tab: Opened, name: str = "Ada") -> str:
    """Registers on the console and returns the key that it shows once."""
    await tab.goto("/console")
    await tab.page.get_by_label("Name").fill(name)
    await tab.page.get_by_label("E-mail address").fill(f"{secrets.token_hex(8)}@example.com")
    await tab.page.get_by_role("button", name="Register", exact=True).click()
    dialog = tab.page.get_by_role("dialog", name="Your API key")
    key = (await dialog.locator("code").inner_text()).strip()
    await dialog.get_by_role("button", name="I have stored it").click()
    return key


async def test_a_developer_registers_compares_voices_reads_the_verdict_and_copies_a_curl_line_that_works(
    opened: Open,
) -> None:
    tab = await opened(viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    key = await register(tab)
    assert key.startswith("kc_")
    await tab.page.get_by_role("link", name="Experiments").click()
    await (
        tab.page.get_by_role("link", name="New experiment")
        .or_(tab.page.get_by_role("button", name="New experiment"))
        .first.click()
    )
    await tab.page.get_by_label("Name").fill("Greeting of the hotline")
    for place, voice in ((1, "en-us"), (2, "en-gb")):
        await tab.page.get_by_label(f"Voice {place}").select_option(f"espeak:{voice}")
    await tab.page.get_by_label("Texts").fill("Good morning.\nHow can I help you?")
    await tab.page.get_by_text("More options").click()
    await tab.page.get_by_label("Score", exact=True).select_option("latency")
    # It costs nothing, and the form says that two texts can't find a difference.
    await expect(tab.page.get_by_text("No cost")).to_be_visible()
    await expect(tab.page.get_by_text("no difference can be found")).to_be_visible()
    await tab.page.get_by_role("button", name="Create and run").click()
    await tab.page.wait_for_url("**/experiments/exp_*")
    # The page follows the experiment to its end by itself.
    await expect(tab.page.locator("main").get_by_text("completed").first).to_be_visible(timeout=60_000)
    await expect(tab.page.get_by_role("heading", name="Greeting of the hotline")).to_be_visible()
    await expect(tab.page.locator(".verdict-sentence")).to_contain_text("There is not enough evidence")
    id_ = tab.page.url.rpartition("/")[2].partition("?")[0]
    await tab.page.get_by_role("button", name="Copy as").first.click()
    await tab.page.get_by_role("menuitem", name="curl", exact=True).click()
    await expect(tab.page.get_by_role("status").filter(has_text="Copied as curl")).to_have_count(1)
    line = await tab.page.evaluate("navigator.clipboard.readText()")
    # The line names no key: it reads one from the environment.
    assert key not in line
    ran = await asyncio.create_subprocess_exec(
        *("sh", "-c", line), env={**os.environ, "ARENA_API_KEY": key}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(CURL_SECONDS):
        output, errors = await ran.communicate()
    assert ran.returncode == 0, errors
    assert id_ in json.dumps(json.loads(output))


async def test_a_report_is_downloaded_and_opens_without_a_network(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    await tab.goto(f"/experiments/{arena.experiment_id}?tab=files")
    file = await downloaded(tab, tmp_path / "report.html")
    report = await opened(offline=True)
    report.expects(f"request to somebody else: {re.escape(file.as_uri())}$")
    await report.page.goto(file.as_uri())
    await expect(report.page.get_by_role("heading", name="Listen")).to_be_visible()
    players = report.page.locator("audio")
    # Three voices speak two texts.
    assert await players.count() == 6
    seconds = await players.first.evaluate(
        "audio => new Promise(resolve => { audio.onloadedmetadata = () => resolve(audio.duration); audio.load(); })"
    )
    assert seconds > 0.3

    await tab.page.get_by_label("With the audio").uncheck()
    smaller = await downloaded(tab, tmp_path / "smaller.html")
    assert "<audio" not in smaller.read_text()


async def downloaded(tab: Opened, file: Path) -> Path:
    """Downloads the report of the open experiment."""
    async with tab.page.expect_download() as started:
        await tab.page.get_by_role("button", name="Download the report").click()
    await (await started.value).save_as(file)
    return file


async def test_a_key_is_in_no_address_and_only_in_the_storage_that_was_chosen(opened: Open) -> None:
    tab = await opened()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    key = await register(tab)
    await tab.page.get_by_role("link", name="Experiments").click()
    await tab.settled()
    assert key not in tab.page.url
    assert not [url for url in asked if key in url]
    stored = await tab.page.evaluate("[JSON.stringify(sessionStorage), JSON.stringify(localStorage)]")
    assert [key in each for each in stored] == [True, False]
    other = await tab.another_tab()
    await other.goto("/experiments")
    await expect(other.page.get_by_text("This needs an API key")).to_be_visible()
