"""The page: its files, the paths of its screens and everything else that a browser asks for, with the real Envoy."""

import asyncio
import gzip
import http.client
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.config import render, validate
from gateway.page import CONTENT_SECURITY_POLICY, NOT_BUILT, SCREENS, SECURITY_HEADERS
from gateway.previews import CARD_HEIGHT, CARD_WIDTH, PREVIEWS
from gateway.settings import GatewaySettings
from services.shared.cards import drawing
from tests.gateway import running_gateway
from tests.unit.gateway.conftest import ANYBODY, UNLIMITED, EveryService, gateway
from tests.unit.gateway.test_json_calls import error_of

INDEX = b"<!doctype html><title>Voice Arena</title><script type=module src=/assets/index-1a2b.js></script>"
SCRIPT = b"console.log('hello');" * 2000
ICON = bytes(range(256))
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built page."""
    page = tmp_path_factory.mktemp("page") / "dist"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_bytes(INDEX)
    (page / "icon.png").write_bytes(ICON)
    script = page / "assets" / "index-1a2b.js"
    script.write_bytes(SCRIPT)
    # Envoy does not read it, so any text shows which one was sent.
    script.with_name("index-1a2b.js.br").write_bytes(b"as brotli")
    script.with_name("index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (page / ".build.json").write_text("{}")
    (page.parent / "secret.txt").write_text("outside")
    return page


@pytest.fixture(scope="module")
async def page(built: Path, services: tuple[EveryService, int]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with a page, without an API key."""
    async with (
        gateway(services[1], page_path=built, **UNLIMITED) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, headers={"accept-encoding": "identity"}) as client,
    ):
        yield client


def raw(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Sends a path as it is, and returns the status and the body."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?board=hybrid",
        "/index.html",
        "/leaderboard",
        "/leaderboard/",
        "/models/mdl_1.5:x",
        "/scenarios",
        "/analytics",
        "/playground",
        "/evaluations/eval_1",
        "/experiments",
        "/experiments/exp_1?tab=trials",
        "/listen",
        "/console",
    ],
)
async def test_each_screen_is_the_start_of_the_page(path: str, page: httpx.AsyncClient) -> None:
    response = await page.get(path)
    assert (response.status_code, response.content) == (200, INDEX)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    # The next version of the page is seen at once.
    assert response.headers["cache-control"] == "no-cache"


async def test_a_file_with_a_hash_in_its_name_is_kept_for_ever(page: httpx.AsyncClient) -> None:
    response = await page.get("/assets/index-1a2b.js")
    assert (response.status_code, response.content) == (200, SCRIPT)
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == FOR_EVER


async def test_another_file_is_asked_for_again(page: httpx.AsyncClient) -> None:
    response = await page.get("/icon.png")
    assert (response.status_code, response.content) == (200, ICON)
    assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/png", "no-cache")


@pytest.mark.parametrize("path", ["/", "/icon.png", "/assets/index-1a2b.js"])
async def test_what_a_client_has_is_not_sent_again(path: str, page: httpx.AsyncClient) -> None:
    got = await page.get(path)
    tag = got.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response = await page.get(path, headers={"if-none-match": known})
        assert (response.status_code, response.content) == (304, b"")
        assert {name: response.headers[name] for name in ("etag", "cache-control")} == {
            "etag": tag,
            "cache-control": got.headers["cache-control"],
        }
        assert "location" not in response.headers
    assert (await page.get(path, headers={"if-none-match": 'W/"other"'})).content == got.content


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=1.0, gzip;q=0.5", "br"),
        ("gzip, br;q=0", "gzip"),
        ("gzip;q=0.000, br;q=0", None),
        ("deflate", None),
        ("brotli, xgzip", None),
    ],
)
async def test_a_file_is_sent_compressed_to_those_who_accept_it(
    accepted: str, sent: str | None, page: httpx.AsyncClient
) -> None:
    body = {"br": b"as brotli", "gzip": gzip.compress(SCRIPT, mtime=0), None: SCRIPT}[sent]
    async with page.stream("GET", "/assets/index-1a2b.js", headers={"accept-encoding": accepted}) as response:
        received = b"".join([chunk async for chunk in response.aiter_raw()])
    assert (response.headers.get("content-encoding"), response.headers["vary"]) == (sent, "accept-encoding")
    assert response.headers["etag"] == (await page.get("/assets/index-1a2b.js")).headers["etag"]
    assert (gzip.decompress(received) if sent == "gzip" else received) == (SCRIPT if sent == "gzip" else body)


async def test_a_file_that_is_not_compressed_does_not_vary(page: httpx.AsyncClient) -> None:
    response = await page.get("/icon.png", headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in response.headers
    assert "vary" not in response.headers


@pytest.mark.parametrize("path", ["/", "/icon.png", "/assets/index-1a2b.js", "/nothing"])
async def test_every_answer_of_the_page_has_the_security_headers(path: str, page: httpx.AsyncClient) -> None:
    response = await page.get(path, headers=BROWSER)
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_gateway_knows_every_screen_of_the_page() -> None:
    routes = (Path(__file__).parents[3] / "gateway" / "web" / "src" / "app" / "routes.ts").read_text()
    paths = [re.sub(":[a-z]+", "[^/]+", path) for path in re.findall(r'\bpath: "(.*?)"', routes)]
    assert sorted(paths) == sorted(["/", *SCREENS])


def test_the_policy_allows_no_inline_script_and_no_other_site() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert CONTENT_SECURITY_POLICY.endswith("base-uri 'none'; form-action 'self'; frame-ancestors 'none'")


async def test_head_has_the_headers_without_the_body(page: httpx.AsyncClient) -> None:
    for path, size in (("/", len(INDEX)), ("/assets/index-1a2b.js", len(SCRIPT))):
        assert await asyncio.to_thread(raw, page, "HEAD", path) == (200, b"")
        assert (await page.head(path)).headers["content-length"] == str(size)


@pytest.mark.parametrize("path", ["/", "/experiments", "/icon.png", "/assets/index-1a2b.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_only_reads_are_possible(method: str, path: str, page: httpx.AsyncClient) -> None:
    response = await page.request(method, path, json={"x": 1})
    message = f"{method} {path} is not possible. This path allows GET, HEAD, OPTIONS."
    assert error_of(response) == (405, "METHOD_NOT_ALLOWED", message)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_options_says_what_is_possible(page: httpx.AsyncClient) -> None:
    response = await page.options("/")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/nothing", "/experiments/exp_1/more", "/nothing?x=a.b", "/assets"])
async def test_a_browser_gets_the_page_s_own_screen_for_an_unknown_path(path: str, page: httpx.AsyncClient) -> None:
    response = await page.get(path, headers=BROWSER)
    assert (response.status_code, response.content) == (404, INDEX)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (response.headers["cache-control"], response.headers["vary"]) == ("no-store", "accept")
    assert await asyncio.to_thread(raw, page, "HEAD", path, **BROWSER) == (404, b"")


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/nothing", "*/*"),
        ("/nothing", "application/json"),
        ("/assets/index-0000.js", BROWSER["accept"]),
        ("/favicon.ico", BROWSER["accept"]),
        ("/.build.json", "*/*"),
        ("/assets/index-1a2b.js.gz", "*/*"),
        ("/assets/", "*/*"),
    ],
)
async def test_a_missing_file_and_a_client_of_the_api_get_an_error_as_json(
    path: str, accept: str, page: httpx.AsyncClient
) -> None:
    response = await page.get(path, headers={"accept": accept})
    assert error_of(response)[:2] == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("accept", ["*/*", BROWSER["accept"]])
async def test_an_unknown_route_of_the_api_is_an_error_as_json(accept: str, page: httpx.AsyncClient) -> None:
    response = await page.get("/api/v1/nothing", headers={"accept": accept})
    assert error_of(response)[:2] == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets/..\\..\\secret.txt",
        "//secret.txt",
        "/assets/%00",
        "/assets/index-1a2b.js%00.png",
    ],
)
async def test_no_path_leaves_the_page(path: str, page: httpx.AsyncClient) -> None:
    status, body = await asyncio.to_thread(raw, page, "GET", path)
    assert status in (400, 404)
    assert b"outside" not in body


async def test_slashes_are_merged_and_dots_resolved_inside_the_page(page: httpx.AsyncClient) -> None:
    for path in ("//assets//index-1a2b.js", "/assets/../assets/./index-1a2b.js"):
        assert await asyncio.to_thread(raw, page, "GET", path) == (200, SCRIPT)


async def test_a_bad_api_key_does_not_hide_the_page(
    page: httpx.AsyncClient, services: tuple[EveryService, int]
) -> None:
    services[0].checked.clear()
    assert (await page.get("/", headers={"authorization": "Bearer kc_bad"})).status_code == 200
    assert services[0].checked == []


async def test_the_api_works_beside_the_page(page: httpx.AsyncClient) -> None:
    response = await page.get("/api/v1/experiments/exp_1", headers=ANYBODY)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert "content-security-policy" not in response.headers


async def test_files_of_the_page_are_limited_apart_from_calls(built: Path) -> None:
    limits = {**UNLIMITED, "rate_limit_per_second": 1, "rate_limit_burst": 5}
    async with running_gateway(page_path=built, **limits) as url, httpx.AsyncClient(base_url=url) as client:
        seen = [await client.get("/icon.png") for _ in range(40)]
        # Starting the gateway took some, and some come back meanwhile.
        assert 10 <= sum(response.status_code == 200 for response in seen) <= 30
        refused = next(response for response in seen if response.status_code != 200)
        message = "Too many files of the page were requested from one address. Try again in a second."
        assert error_of(refused) == (429, "RATE_LIMITED", message)
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/api/v1/health")).status_code != 429


async def test_without_a_built_page_a_browser_gets_a_sentence_that_says_so(tmp_path: Path) -> None:
    async with running_gateway(page_path=tmp_path) as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/", "/leaderboard"):
            response = await client.get(path, headers=BROWSER)
            assert (response.status_code, response.text) == (404, NOT_BUILT)
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert error_of(await client.get("/"))[:2] == (404, "ROUTE_NOT_FOUND")


async def test_a_page_that_is_switched_off_is_an_unknown_path() -> None:
    async with running_gateway(page_path="off") as url, httpx.AsyncClient(base_url=url) as client:
        assert error_of(await client.get("/", headers=BROWSER))[:2] == (404, "ROUTE_NOT_FOUND")


def test_envoy_accepts_the_configuration_with_a_page_and_without_limits(built: Path) -> None:
    validate(render(GatewaySettings(page_path=built)))
    validate(render(GatewaySettings(page_path=built, rate_limit_per_second=0, anonymous_rate_limit_per_second=0)))


@pytest.mark.parametrize(
    ("path", "card"),
    [
        ("/", "/api/v1/leaderboard/card"),
        ("/leaderboard?board=human", "/api/v1/leaderboard/card"),
        (f"/models/mdl_{'0a' * 16}?x=%22%3E%3Cscript%3E", f"/api/v1/models/mdl_{'0a' * 16}/card"),
    ],
)
@pytest.mark.parametrize(
    "program", ["Slackbot-LinkExpanding 1.0", "Mozilla/5.0 (compatible; Discordbot/2.0)", "WhatsApp/2"]
)
async def test_a_program_that_shows_previews_gets_the_card(
    path: str, card: str, program: str, page: httpx.AsyncClient
) -> None:
    response = await page.get(path, headers={"user-agent": program})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r'property="og:image" content="([^"]*)"', response.text) == [f"http://localhost:8080{card}"]
    assert "script" not in response.text
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/experiments/exp_1", "/models/mdl_1", '/models/"><script>', "/scenarios"])
async def test_other_paths_have_no_preview(path: str, page: httpx.AsyncClient) -> None:
    response = await page.get(path, headers={"user-agent": "Slackbot 1.0", **BROWSER})
    assert response.content == INDEX


async def test_a_browser_gets_the_page_and_no_preview(page: httpx.AsyncClient) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    assert (await page.get("/leaderboard", headers={"user-agent": agent})).content == INDEX


def test_a_preview_says_how_large_its_card_is() -> None:
    assert (CARD_WIDTH, CARD_HEIGHT) == (drawing.WIDTH, drawing.HEIGHT)


def test_the_address_of_a_preview_is_escaped() -> None:
    document = PREVIEWS[1].document("https://arena.example:8443")
    assert 'content="https://arena.example:8443/api/v1%PATH(NQ)%/card"' in document
    assert '"https://a&quot;%%20b%PATH(NQ)%"' in PREVIEWS[0].document('https://a"%20b')
