"""A tab of the browser, and everything that went wrong in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect

# Watches from the first moment on how far what is shown jumps without a person's doing.
SHIFTS = """
window.shiftsSeen = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) {
      const moved = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 120) ?? "?");
      window.shiftsSeen.push({ value: entry.value, moved });
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
MAX_LOAD_MS = 15_000
MAX_HEARD_MS = 20_000
# A request that the page itself ended, such as a stream of a screen that was left.
ENDED_BY_PAGE = "net::ERR_ABORTED"


class Opened:
    """A tab. At the end of a test, `check` finds errors of the console, failed requests, and requests to others."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("request", self._requested)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    @classmethod
    async def of(cls, context: BrowserContext, url: str, key: str | None = None) -> Opened:
        """Opens an empty tab for the page at a URL. `key` is the API key of the developer who is signed in."""
        await context.add_init_script(SHIFTS)
        if key is not None:
            await context.add_init_script(f"sessionStorage.setItem('voicearena.api_key', '{key}')")
        return cls(await context.new_page(), url)

    async def another_tab(self) -> Opened:
        """Opens another tab of the same person. Its problems count as those of this tab."""
        tab = Opened(await self.page.context.new_page(), self.url)
        tab.problems, tab._expected = self.problems, self._expected
        return tab

    async def goto(self, address: str) -> None:
        """Opens an address of the page and waits until its screen is complete."""
        await self.page.goto(self.url + address, wait_until="load")
        await self.settled()

    async def settled(self) -> None:
        """Waits until the screen has its heading, nothing of it is loading, and two frames were drawn since."""
        await expect(self.page.locator("main h1")).to_be_visible(timeout=MAX_LOAD_MS)
        await expect(self.page.locator("main [aria-busy=true]:visible")).to_have_count(0, timeout=MAX_LOAD_MS)
        await self.page.evaluate(TWO_FRAMES)

    async def hear(self, side: str) -> None:
        """Plays a clip of a comparison and waits until it was heard to its end."""
        play = self.page.get_by_role("button", name=f"Play clip {side}")
        await expect(play).to_be_enabled()
        await play.click()
        await self.heard(side)

    async def heard(self, side: str) -> None:
        """Waits until a clip of a comparison was heard to its end."""
        clip = self.page.get_by_role("region", name=f"clip {side}")
        await expect(clip).to_contain_text("✓ heard", timeout=MAX_HEARD_MS)

    def expects(self, problem: str) -> None:
        """Allows problems that match a regular expression, in a test that causes them."""
        self._expected.append(re.compile(problem))

    def check(self) -> None:
        """Fails if something went wrong that the test does not expect."""
        left = [one for one in self.problems if not any(expected.search(one) for expected in self._expected)]
        assert not left, "\n".join(left)

    def _logged(self, message: ConsoleMessage) -> None:
        # Violations of the Content-Security-Policy are among the errors.
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} ({message.location.get('url')})")

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and f"{address.scheme}://{address.netloc}" != self.url:
            self.problems.append(f"request to somebody else: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != ENDED_BY_PAGE:
            self.problems.append(f"failed request: {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"HTTP {response.status}: {response.url}")
