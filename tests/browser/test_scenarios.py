"""Scenarios: a developer adds one, changes it and archives it, and a visitor reads what they wrote as text."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser import axe
from tests.browser.arena import Arena
from tests.browser.conftest import Open

HARD = "<img src=x onerror=alert(1)> \u202eשלום 🚀 " + "x" * 150


async def test_a_developer_adds_changes_and_archives_a_scenario(opened: Open, arena: Arena) -> None:
    tab = await opened(key=arena.developer.api_key, viewport={"width": 390, "height": 844})
    await tab.goto("/scenarios")
    page = tab.page
    await page.get_by_role("button", name="Add a scenario").click()
    await expect(page.get_by_role("heading", name="Add a scenario")).to_be_visible()
    assert await axe.violations(page) == []

    # What the API refuses is said at each field, and the first one has the focus.
    await page.get_by_label("Category").fill("Not a category!")
    await page.get_by_role("button", name="Add it").click()
    name = page.get_by_label("Name")
    await expect(name).to_be_focused()
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(page.locator(".field-error")).to_have_count(3)

    await name.fill(HARD)
    await page.get_by_label("What is spoken").fill("Your parcel 4815 arrives on March 3rd.")
    await page.get_by_label("Category").fill("page_tests")
    await page.get_by_label("Only you").check()
    await page.get_by_role("button", name="Add it").click()
    await expect(page.locator("main h1")).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(page.locator("main blockquote")).to_have_text("Your parcel 4815 arrives on March 3rd.")
    await tab.settled()
    assert await axe.violations(page) == []
    address = page.url

    await page.get_by_role("button", name="Change", exact=True).click()
    await page.get_by_label("Name").fill("A parcel of the tests")
    await page.get_by_role("button", name="Save the changes").click()
    await expect(page.get_by_role("heading", name="A parcel of the tests")).to_be_visible()

    await page.get_by_role("button", name="Archive", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Archive", exact=True).click()
    await expect(page.get_by_text("No new battles use it.")).to_be_visible()
    await expect(page.get_by_role("button", name="Archive", exact=True)).to_have_count(0)

    # The list has it again with the filters of a link.
    await tab.goto("/scenarios?whose=mine&category=page_tests&archived=yes")
    await expect(page.get_by_role("link", name="A parcel of the tests")).to_have_attribute(
        "href", address.removeprefix(tab.url).replace("?", "?category=page_tests&whose=mine&archived=yes&")
    )


async def test_a_private_scenario_and_a_dead_link_are_not_found_by_a_visitor(opened: Open) -> None:
    tab = await opened()
    await tab.goto(f"/scenarios?id=scn_{'0' * 32}")
    failure = tab.page.get_by_role("alert")
    await expect(failure).to_contain_text("NOT_FOUND")
    await expect(failure.get_by_role("button", name="Retry")).to_be_visible()
    await tab.page.get_by_role("button", name="All scenarios").click()
    await expect(tab.page.get_by_role("heading", name="Scenarios")).to_be_visible()


async def test_filters_are_in_the_address_and_sorting_is_too(opened: Open) -> None:
    tab = await opened()
    await tab.goto("/scenarios?category=medical&sort=name")
    rows = tab.page.locator("main tbody th a")
    names = await rows.all_inner_texts()
    assert len(names) == 12
    assert names == sorted(names, key=str.casefold)
    await tab.page.get_by_label("Difficulty").select_option("hard")
    await expect(tab.page).to_have_url(f"{tab.url}/scenarios?category=medical&difficulty=hard&sort=name")
    await expect(tab.page.locator("main tbody tr").first).to_contain_text("hard")
    assert 0 < await rows.count() < 12
    await rows.first.click()
    await expect(tab.page.locator("main blockquote")).to_be_visible()
    await tab.page.go_back()
    await expect(tab.page.get_by_label("Difficulty")).to_have_value("hard")


async def test_without_a_key_adding_asks_for_one(opened: Open) -> None:
    tab = await opened()
    await tab.goto("/scenarios?view=new")
    await expect(tab.page.get_by_text("This needs an API key")).to_be_visible()
