"""What people bring that is wrong, dead, too large or hostile: each has its sentence, and nothing breaks."""

from __future__ import annotations

import asyncio
import io
import re
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from services.experiments.listening.tokens import ListeningTokens
from tests.browser.arena import CATEGORY, Arena, make_void
from tests.browser.conftest import Open
from tests.browser.opened import Opened
from tests.experiments import api_client
from tests.fakes.recordings import tone
from tests.mesh import register

HOSTILE = "<script>window.wasHit = true</script><img src=x onerror='window.wasHit = true'>"
# Right to left with an override, emoji of several code points, and no space at which it could be broken.
STRANGE = ("\u202eمرحبا\u202c👩‍👩‍👧‍👦" * 20)[:199] + "é"
EVALUATE = "/playground?tab=evaluate"
UPLOAD_MB = 60
MAX_REVOKING_SECONDS = 10.0


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/models/mdl_" + "0" * 32, "There is no voice model"),
        ("/models/nonsense", "must be mdl_"),
        ("/experiments/exp_" + "0" * 32, "There is no such experiment"),
        ("/evaluations/evl_" + "0" * 32, "There is no evaluation"),
        ("/listen", "This page needs a listening link"),
        ("/listen#nonsense", "This link can't be used"),
        ("/listen#" + "A" * 64, "This link can't be used"),
        ("/leaderboard?board=nonsense&sort=nonsense&page=-1", "Aurora"),
        ("/?category=nonsense&language=xx", "must be empty or a category that has scenarios"),
    ],
)
async def test_a_dead_or_strange_address_has_a_sentence(address: str, says: str, opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key)
    await tab.goto(address)
    await expect(tab.page.locator("main")).to_contain_text(_any_case(says))


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


async def test_a_revoked_link_says_so(opened: Open, arena: Arena) -> None:
    async with api_client(arena.mesh, arena.developer.api_key) as http:
        made = (await http.post(f"/experiments/{arena.listening_id}/listening-links", json={})).json()
        path = f"/experiments/{arena.listening_id}/listening-links/{made['link']['id']}"
        (await http.delete(path)).raise_for_status()
    tab = await opened()
    await tab.goto(f"/listen#{made['token']}")
    await expect(tab.page.locator("main")).to_contain_text("was revoked")


async def test_an_expired_link_says_so(opened: Open, arena: Arena) -> None:
    tokens = ListeningTokens(arena.mesh.data_dir.secret("audio_url_secret"))
    tab = await opened()
    tab.expects("401")
    await tab.goto("/listen#" + tokens.of_link("lnk_" + "0" * 32, datetime(2020, 1, 1, tzinfo=UTC)))
    await expect(tab.page.locator("main")).to_contain_text("This listening link has expired.")


async def test_a_key_that_is_revoked_in_mid_use_is_named_as_the_reason(opened: Open, arena: Arena) -> None:
    developer = await register(arena.mesh)
    tab = await opened(key=developer.api_key)
    await tab.goto("/experiments")
    await expect(tab.page.get_by_text("You have no experiments yet")).to_be_visible()
    async with api_client(arena.mesh, developer.api_key) as http:
        (key,) = (await http.get("/api-keys")).raise_for_status().json()["api_keys"]
        (await http.delete(f"/api-keys/{key['id']}")).raise_for_status()
        # A revoked key stops working within a second.
        async with asyncio.timeout(MAX_REVOKING_SECONDS):
            while (await http.get("/experiments")).status_code != 401:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    await tab.page.get_by_label("Status").select_option("running")
    await expect(tab.page.get_by_role("alert")).to_contain_text(_any_case("key"))
    await expect(tab.page.get_by_role("alert")).to_contain_text("trace")
    await expect(tab.page.locator("main").get_by_role("button", name="Enter a key")).to_be_visible()


async def drop(page: Page, *files: Path) -> None:
    """Drags files over the place for recordings and drops them, as from the desktop."""
    box = await page.get_by_text("Drop an audio file here").bounding_box()
    assert box is not None
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    dragged = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    protocol = await page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver", "drop"):
        await protocol.send("Input.dispatchDragEvent", {"type": event, **middle, "data": dragged})
    await protocol.detach()


async def test_a_recording_that_is_dropped_is_evaluated(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    await tab.goto(EVALUATE)
    file = tmp_path / "call.wav"
    file.write_bytes(wav(2.0))
    await drop(tab.page, file)
    await expect(tab.page.get_by_text("call.wav, ")).to_be_visible()
    await tab.page.get_by_role("button", name="Evaluate", exact=True).click()
    await tab.page.wait_for_url("**/evaluations/evl_*")
    await tab.settled()


async def test_of_two_files_that_are_dropped_the_first_is_taken(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    await tab.goto(EVALUATE)
    files = [tmp_path / name for name in ("first.wav", "second.wav")]
    for file in files:
        file.write_bytes(wav(1.0))
    await drop(tab.page, *files)
    await expect(tab.page.get_by_text("Only the first file is taken: first.wav.")).to_be_visible()


async def test_a_text_that_is_dropped_as_audio_is_named(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    await tab.goto(EVALUATE)
    file = tmp_path / "call.wav"
    file.write_bytes(b"This is no recording.\n" * 40)
    await drop(tab.page, file)
    await expect(tab.page.get_by_text("it looks like text")).to_be_visible()


async def test_a_recording_that_is_too_large_has_a_sentence(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    tab.expects("413|ERR_CONNECTION_RESET|ERR_CONNECTION_ABORTED|ERR_FAILED|400")
    await tab.goto(EVALUATE)
    large = tmp_path / "long.wav"
    large.write_bytes(wav(1.0) + bytes(UPLOAD_MB * 1_000_000))
    await drop(tab.page, large)
    await tab.page.get_by_role("button", name="Evaluate", exact=True).click()
    await expect(
        tab.page.get_by_text("larger than this server takes").or_(tab.page.get_by_text("more than this server takes"))
    ).to_be_visible(timeout=60_000)


async def test_an_upload_whose_connection_drops_can_be_repeated(opened: Open, arena: Arena, tmp_path: Path) -> None:
    tab = await opened(key=arena.developer.api_key)
    tab.expects("ERR_CONNECTION_RESET")
    await tab.goto(EVALUATE)
    file = tmp_path / "call.wav"
    file.write_bytes(wav(2.0))
    await tab.page.locator("input[type=file]").set_input_files(file)
    await tab.page.route("**/api/v1/evaluations", lambda route: route.abort("connectionreset"))
    start = tab.page.get_by_role("button", name="Evaluate", exact=True)
    await start.click()
    await expect(tab.page.get_by_role("alert")).to_be_visible()
    await tab.page.unroute_all()
    await start.click()
    await tab.page.wait_for_url("**/evaluations/evl_*")
    await tab.settled()


async def test_an_evaluation_whose_stream_is_cut_is_followed_to_its_end(opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key)
    tab.expects("ERR_CONNECTION_RESET")
    await tab.page.route("**/*EvaluationService/WatchEvaluation", lambda route: route.abort("connectionreset"))
    await evaluate(tab, wav(2.0))
    await expect(tab.page.get_by_role("heading", name="Numbers")).to_be_visible(timeout=90_000)


async def test_an_evaluation_that_fails_says_why_and_can_be_repeated(opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key)
    await evaluate(tab, wav(0.0))
    ended = tab.page.get_by_role("alert").filter(has_text="The evaluation failed")
    await expect(ended.locator("p")).to_have_count(2, timeout=60_000)
    await expect(tab.page.get_by_role("button", name="Evaluate again")).to_be_visible()


async def evaluate(tab: Opened, recording: bytes) -> None:
    """Uploads a recording and waits for the address of its evaluation."""
    await tab.goto(EVALUATE)
    await tab.page.locator("input[type=file]").set_input_files(
        {"name": "call.wav", "mimeType": "audio/wav", "buffer": recording}
    )
    await tab.page.get_by_role("button", name="Evaluate", exact=True).click()
    await tab.page.wait_for_url("**/evaluations/evl_*")


async def test_a_microphone_that_is_refused_has_a_sentence(opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key, permissions=[])
    await tab.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); };"
    )
    await tab.goto(EVALUATE)
    await tab.page.get_by_text("Record with the microphone").first.click()
    record = tab.page.get_by_role("button", name="Record", exact=True)
    await record.click()
    await expect(tab.page.get_by_text("The browser may not use the microphone.")).to_be_visible()


async def test_a_battle_that_becomes_void_while_it_is_open_says_so(opened: Open, arena: Arena) -> None:
    tab = await opened()
    await tab.goto(f"/?category={CATEGORY}")
    await expect(tab.page.get_by_role("button", name="Play clip A")).to_be_enabled()
    shown = await tab.page.locator(".prompt-text").inner_text()
    await make_void(arena.mesh.database_url, shown)
    await expect(tab.page.get_by_text("It takes no votes.")).to_be_visible(timeout=30_000)


async def test_names_with_markup_are_text_and_long_ones_do_not_break_the_layout(opened: Open, arena: Arena) -> None:
    async with api_client(arena.mesh, arena.developer.api_key) as http:
        for name in (STRANGE, HOSTILE):
            scenario = {"name": name, "category": "strange", "ground_truth_transcript": f"Text {name}"[:240]}
            more = {"description": HOSTILE, "language": "en", "difficulty": "easy", "visibility": "private"}
            (await http.post("/scenarios", json={**scenario, **more})).raise_for_status()
            planned = {
                "name": name,
                "scenario": "general",
                "eval_mode": "automated",
                "profile": "latency",
                "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
                "prompts": [f"Hello {HOSTILE}"],
            }
            made = (await http.post("/experiments", json=planned)).raise_for_status().json()
    tab = await opened(key=arena.developer.api_key, viewport={"width": 320, "height": 800})
    for address in ("/scenarios?category=strange", "/experiments", f"/experiments/{made['id']}"):
        await tab.goto(address)
        await expect(tab.page.locator("main")).to_contain_text(HOSTILE)
        assert await tab.page.evaluate("window.wasHit") is None, address
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= 320, address


async def test_a_clock_that_is_wrong_by_a_year_changes_no_time_on_the_page(opened: Open, arena: Arena) -> None:
    tab = await opened()
    await tab.page.clock.set_fixed_time("2031-01-01T00:00:00Z")
    await tab.goto("/leaderboard")
    await expect(tab.page.locator("main")).not_to_contain_text("2031")
    await expect(tab.page.locator("main")).not_to_contain_text(_any_case("years ago"))
    await expect(tab.page.locator(".board-freshness")).to_contain_text(re.compile("Computed .*(now|second|minute)"))


async def test_a_browser_that_refuses_storage_still_shows_and_votes(opened: Open) -> None:
    tab = await opened()
    await tab.page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
          Object.defineProperty(window, name, { get() { throw new DOMException("refused", "SecurityError"); } });
        }"""
    )
    await vote(tab)


async def test_without_cookies_a_visitor_votes_and_none_is_ever_set(opened: Open) -> None:
    tab = await opened()
    session = await tab.page.context.new_cdp_session(tab.page)
    await session.send("Emulation.setDocumentCookieDisabled", {"disabled": True})
    with_cookies: list[str] = []
    tab.page.on("response", lambda one: with_cookies.append(one.url) if "set-cookie" in one.headers else None)
    await vote(tab)
    assert with_cookies == []
    assert await tab.page.context.cookies() == []


async def vote(tab: Opened) -> None:
    """Opens a battle, hears both clips, and votes."""
    await tab.goto(f"/?category={CATEGORY}")
    for side in "AB":
        await tab.hear(side)
    await tab.page.get_by_role("button", name="Equal").click()
    await expect(tab.page.get_by_text("You said that they are equal.", exact=True)).to_be_visible()


def wav(seconds: float) -> bytes:
    """Returns a WAV of a tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(24_000)
        out.writeframes(tone(seconds, dbfs=-12).tobytes())
    return file.getvalue()
