"""What people do with the page, each from beginning to end."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.browser.arena import CATEGORY, Arena
from tests.browser.conftest import Open
from tests.browser.opened import Opened
from tests.browser.screens import screens

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DEMO_DATA_IS_HERE = """() => performance.getEntriesByType("resource")
  .some((one) => one.name.includes("/demo/") && one.responseEnd > 0)"""
BATTLE = f"/?category={CATEGORY}"


async def tab_to(tab: Opened, name: str, most: int = 40) -> None:
    """Presses the Tab key until the control with this name has the focus."""
    for _ in range(most):
        await tab.page.keyboard.press("Tab")
        focused = await tab.page.evaluate(
            "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )
        if name in focused:
            return
    raise AssertionError(f"{most} presses of Tab reach no {name}")


async def test_a_visitor_votes_with_single_keys(opened: Open) -> None:
    tab = await opened()
    await tab.goto(BATTLE)
    question = tab.page.get_by_role("group", name="Which voice is better?")
    await tab.page.keyboard.press("a")
    await expect(tab.page.get_by_role("status").filter(has_text="Hear both clips")).to_have_count(1)
    for key, side in (("2", "B"), ("1", "A")):
        await expect(tab.page.get_by_role("button", name=f"Play clip {side}")).to_be_enabled()
        await tab.page.keyboard.press(key)
        await tab.heard(side)
    await expect(question).to_contain_text("You have heard both clips.")
    await tab.page.keyboard.press("Control+b")
    await expect(question).to_be_visible()
    await tab.page.keyboard.press("b")
    await expect(tab.page.get_by_text("You said that B is better.", exact=True)).to_be_visible()
    await expect(tab.page.get_by_text("You have cast 1 vote.")).to_be_visible()
    await expect(tab.page.locator(".revealed-name a")).to_have_count(2)
    await expect(tab.page.locator(".revealed").first).to_contain_text("→")
    await expect(tab.page.get_by_role("table", name="What was measured")).to_be_visible()
    await expect(tab.page.get_by_role("button", name="Next battle")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await expect(question).to_be_visible()


async def test_a_visitor_votes_with_tab_and_enter_and_single_keys_switched_off(opened: Open) -> None:
    tab = await opened()
    await tab.goto(BATTLE)
    await tab_to(tab, "Play clip A")
    await tab.page.keyboard.press("Enter")
    await tab.heard("A")
    await tab_to(tab, "Play clip B")
    await tab.page.keyboard.press("Space")
    await tab.heard("B")
    keys = tab.page.get_by_role("checkbox", name="Use keys")
    await keys.focus()
    await tab.page.keyboard.press("Space")
    await expect(keys).not_to_be_checked()
    await tab.page.keyboard.press("a")
    question = tab.page.get_by_role("group", name="Which voice is better?")
    await expect(question).to_be_visible()
    await tab.page.get_by_role("button", name="Play clip B").focus()
    await tab_to(tab, "Equal")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_text("You said that they are equal.", exact=True)).to_be_visible()


async def test_a_pause_is_offered_after_twenty_votes(opened: Open) -> None:
    tab = await opened()
    await tab.page.add_init_script("sessionStorage.setItem('voicearena.votes_without_pause', `19,${Date.now()}`)")
    await tab.goto(BATTLE)
    offer = tab.page.locator(".pause-offer")
    for side in "AB":
        await tab.hear(side)
    await expect(offer).to_have_count(0)
    await tab.page.get_by_role("button", name="Equal").click()
    await expect(offer).to_contain_text("You have compared 20 pairs.")
    # Nobody has to take it.
    await expect(tab.page.get_by_role("button", name="Next battle")).to_be_enabled()


async def test_nothing_plays_by_itself_and_only_one_clip_plays(opened: Open) -> None:
    tab = await opened()
    await tab.goto(BATTLE)
    play_a, play_b = (tab.page.get_by_role("button", name=f"Play clip {side}") for side in "AB")
    await expect(play_a).to_be_enabled()
    await expect(play_b).to_be_enabled()
    await play_a.click()
    await expect(tab.page.get_by_role("button", name="Pause clip A")).to_be_visible()
    await play_b.click()
    await expect(tab.page.get_by_role("button", name="Pause clip B")).to_be_visible()
    await expect(play_a).to_be_visible()


async def test_two_tabs_of_one_visitor_have_one_battle_and_one_vote(opened: Open) -> None:
    first = await opened()
    await first.goto(BATTLE)
    second = await first.another_tab()
    await second.goto(BATTLE)
    texts = [await one.page.locator(".prompt").inner_text() for one in (first, second)]
    assert texts[0] == texts[1]
    for side in "AB":
        await first.hear(side)
    await first.page.get_by_role("button", name="Both are bad").click()
    await expect(first.page.get_by_text("You said that both are bad.", exact=True)).to_be_visible()
    ended = second.page.get_by_role("alert").filter(has_text="battle")
    await expect(ended).to_be_visible()
    await second.page.get_by_role("button", name="Next battle").click()
    await expect(second.page.get_by_role("group", name="Which voice is better?")).to_be_visible()


async def test_a_listener_on_a_phone_judges_every_pair_of_a_link(opened: Open, arena: Arena) -> None:
    tab = await opened(**PHONE)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
    # As links are issued.
    await tab.goto(f"/#/listen/{arena.listening_token}")
    for number, answer in ((1, "A is better"), (2, "Equal")):
        await expect(tab.page.get_by_role("heading", name=f"Pair {number} of 2")).to_be_visible()
        for side in "AB":
            play = tab.page.get_by_role("button", name=f"Play clip {side}")
            await expect(play).to_be_enabled()
            box = await play.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 44
            await play.tap()
            await tab.heard(side)
        await tab.page.get_by_role("button", name=answer).tap()
    await expect(tab.page.locator("main")).to_contain_text("You have judged 2 pairs.")
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    # The token is in the fragment and in bodies of calls, and never in an address.
    assert asked
    assert not [url for url in asked if arena.listening_token in url]
    # Nothing of the other screens was loaded.
    assert await tab.page.get_by_role("navigation").count() == 0
    chunks = {url.rpartition("/")[2].partition("-")[0] for url in asked if "/assets/" in url}
    assert "listen" in chunks
    assert not chunks & {screen.area or "battle" for screen in screens() if screen.area != "listen"}


async def test_a_tab_that_is_older_than_the_page_says_so(opened: Open) -> None:
    tab = await opened()
    await tab.goto("/")
    # Another version: other names of scripts, and those of before are gone.
    await tab.page.route("**/assets/*.js", lambda route: route.fulfill(status=404))
    newer = '<!doctype html><script type="module" src="/assets/newer.js"></script>'
    await tab.page.route(f"{tab.url}/", lambda route: route.fulfill(status=200, content_type="text/html", body=newer))
    tab.expects(r"404")
    await tab.page.get_by_role("link", name="Scenarios").click()
    await expect(tab.page.get_by_role("heading", name="Voice Arena was updated")).to_be_visible()
    await tab.page.unroute_all()
    await tab.page.get_by_role("button", name="Reload").click()
    await tab.settled()
    assert await tab.page.title() == "Scenarios – Voice Arena"


async def test_the_backend_stops_and_comes_back(opened: Open, arena: Arena) -> None:
    tab = await opened()
    tab.expects(r"ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|ERR_CONNECTION_RESET|HTTP 50[234]|50[234]")
    await tab.goto("/leaderboard")
    banner = tab.page.locator(".banner")
    await expect(banner).to_have_count(0)
    # A tab fetches the demo data once it has nothing else to do.
    await tab.page.wait_for_function(DEMO_DATA_IS_HERE, timeout=30_000)
    await arena.mesh.stop("envoy")
    try:
        await expect(banner).to_be_visible(timeout=60_000)
        await expect(banner).to_contain_text("demo", ignore_case=True)
        await expect(tab.page.locator("main [aria-busy=true]:visible")).to_have_count(0)
    finally:
        await arena.mesh.start("envoy")
        async with asyncio.timeout(60):
            await arena.mesh.wait_serving()
    await expect(banner).to_have_count(0, timeout=60_000)
    await tab.settled()
