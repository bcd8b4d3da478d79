"""What holds for every screen of the shell, in both themes and from the narrowest width on."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.async_api import expect

from tests.browser import axe
from tests.browser.arena import Arena
from tests.browser.conftest import Open
from tests.browser.opened import Opened
from tests.browser.screens import DIST, Screen, screens

SCREENS = screens()
THEMES = ("light", "dark")
NARROW, WIDE = 320, 1280
HEIGHT = 900
MAX_LAYOUT_SHIFT = 0.01
"""Less than what an eye notices. Web Vitals calls up to 0.1 good."""
MAX_INITIAL_SCRIPT_KB = 60
MAX_TABS = 80
FIRST_TABS = 25
"""Screens with tables have hundreds of controls, which are alike."""

TABS = (
    *(f"/console?tab={name}" for name in ("keys", "webhooks", "voices", "status")),
    *(f"/leaderboard?tab={name}" for name in ("head-to-head", "history")),
    "/playground?tab=evaluate",
    "/experiments?new=1",
    # Of the experiment with a verdict.
    *(f"?tab={name}" for name in ("trials", "files", "setup")),
)

each_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)


async def shown(opened: Open, arena: Arena, screen: Screen, width: int = WIDE, **options: object) -> Opened:
    """Opens a screen for a developer who is signed in."""
    size = {"width": width, "height": HEIGHT}
    tab = await opened(key=arena.developer.api_key, viewport=size, **options)
    await tab.goto(screen.address(arena.addresses))
    return tab


@each_screen
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_is_accessible_and_fits_its_width_and_does_not_jump(
    screen: Screen, theme: str, width: int, opened: Open, arena: Arena
) -> None:
    tab = await shown(opened, arena, screen, width, color_scheme=theme)
    await check_layout(tab, width)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("address", TABS)
async def test_a_tab_of_a_screen_is_accessible_and_fits_its_width_and_does_not_jump(
    address: str, theme: str, opened: Open, arena: Arena
) -> None:
    size = {"width": NARROW, "height": HEIGHT}
    tab = await opened(key=arena.developer.api_key, viewport=size, color_scheme=theme)
    await tab.goto(arena.addresses.get("/experiments/:id", "") + address if address.startswith("?") else address)
    await check_layout(tab, NARROW)


async def check_layout(tab: Opened, width: int) -> None:
    """Fails if a screen is not accessible, is wider than its window, or has moved while it loaded."""
    assert await axe.violations(tab.page) == []
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    shifts = await tab.page.evaluate("window.shiftsSeen")
    assert sum(shift["value"] for shift in shifts) < MAX_LAYOUT_SHIFT, shifts


@each_screen
async def test_is_accessible_without_a_key(screen: Screen, opened: Open, arena: Arena) -> None:
    tab = await opened(viewport={"width": WIDE, "height": HEIGHT})
    await tab.goto(screen.address(arena.addresses))
    assert await axe.violations(tab.page) == []


# Describes what has the focus, and whether that is visible: an outline or a shadow that it has only then.
FOCUSED = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const look = () => {
    // The control itself, or what draws for it, such as the label around a hidden radio button.
    return [focused, focused.parentElement, focused.nextElementSibling].filter(Boolean).map((one) => {
      const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(one);
      const outline = outlineStyle === "none" || outlineWidth === "0px" ? "" : outlineStyle + outlineWidth;
      return [outline, boxShadow, borderColor, backgroundColor].join(" ");
    }).join("|");
  };
  const focusedLook = look();
  focused.blur();
  const plainLook = look();
  focused.focus({ preventScroll: true, focusVisible: true });
  const box = focused.getBoundingClientRect();
  return {
    what: focused.outerHTML.slice(0, 160),
    isVisible: focusedLook !== plainLook && box.width > 0 && box.height > 0,
    isMain: document.querySelector("main").contains(focused),
  };
}"""
CONTROLS = """() => [...document.querySelectorAll("main a[href], main button, main input, main select, main textarea")]
  .filter((one) => !one.disabled && one.checkVisibility({ visibilityProperty: true })).length"""


@each_screen
async def test_shows_the_focus_on_every_control_that_the_tab_key_reaches(
    screen: Screen, opened: Open, arena: Arena
) -> None:
    tab = await shown(opened, arena, screen)
    await tab.page.keyboard.press("Tab")
    assert "skip" in (await tab.page.evaluate(FOCUSED))["what"]
    in_main = 0
    for _ in range(MAX_TABS):
        await tab.page.keyboard.press("Tab")
        focused = await tab.page.evaluate(FOCUSED)
        if focused is None:
            break
        assert focused["isVisible"], focused["what"]
        in_main += focused["isMain"]
        if in_main == FIRST_TABS:
            break
    assert bool(in_main) == bool(await tab.page.evaluate(CONTROLS))


@each_screen
async def test_is_still_for_people_who_want_less_motion(screen: Screen, opened: Open, arena: Arena) -> None:
    tab = await shown(opened, arena, screen, reduced_motion="reduce")
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
      const { animationName, transitionDuration } = getComputedStyle(one);
      return animationName !== "none" || transitionDuration.split(", ").some((each) => parseFloat(each) > 0);
    }).map((one) => one.outerHTML.slice(0, 120))"""
    assert await tab.page.evaluate(moving) == []


async def test_each_screen_has_a_title_and_one_heading_of_its_own(opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key)
    first_with: dict[str, Screen] = {}
    for screen in SCREENS:
        await tab.goto(screen.address(arena.addresses))
        title = await tab.page.title()
        assert title.endswith(" – Voice Arena"), title
        assert await tab.page.locator("h1").count() == 1, screen
        # A list and one of its things may have the same title.
        assert first_with.setdefault(title, screen).area == screen.area, title


async def test_the_navigation_moves_the_focus_to_the_heading_of_the_next_screen(opened: Open, arena: Arena) -> None:
    tab = await opened()
    await tab.goto("/")
    links = tab.page.get_by_role("navigation", name="Screens").get_by_role("link")
    for number in range(1, await links.count()):
        await links.nth(number).focus()
        await tab.page.keyboard.press("Enter")
        await tab.settled()
        await expect(links.nth(number)).to_have_attribute("aria-current", "page")
        await expect(tab.page.locator("main h1")).to_be_focused()


async def test_an_unknown_address_says_so_and_leads_back(opened: Open) -> None:
    tab = await opened()
    tab.expects(r"HTTP 404: .*/nowhere")
    tab.expects(r"console: Failed to load resource: .*404")
    await tab.page.goto(f"{tab.url}/nowhere")
    await expect(tab.page.locator("h1")).to_have_text("There is no such page")
    await tab.page.get_by_role("link", name="Go to the battles").click()
    await tab.settled()
    assert await tab.page.title() == "Battle – Voice Arena"


def test_the_script_that_every_screen_loads_first_is_small() -> None:
    html = (DIST / "index.html").read_text()
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', html)
    assert scripts
    kilobytes = sum(len(gzip.compress((DIST / name).read_bytes(), 9)) for name in scripts) / 1000
    assert kilobytes <= MAX_INITIAL_SCRIPT_KB
