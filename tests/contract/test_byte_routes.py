"""Stored audio and clips as players fetch them: lengths, ranges, ETags, HEAD."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.contract.clients import bearer, json_failure
from tests.contract.world import World

# Both return a WAV of about 20 to 100 kB.
RPCS = {
    "audio": "TtsService.GetAudio",
    "listening-clips": "ListeningService.GetListeningClip",
    "battle-clips": "BattleService.GetBattleClip",
}
"""The RPC of each route, by the first part of its path."""


@dataclass(frozen=True)
class Stored:
    """A stored WAV: its URL and bytes."""

    http: httpx.AsyncClient
    url: str
    content: bytes

    async def get(self, **headers: str) -> httpx.Response:
        return await self.http.get(self.url, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest_asyncio.fixture(loop_scope="session", params=["HTTP/1.1", "HTTP/2"])
async def anyone(mesh: Mesh, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key that uses one version of HTTP."""
    http2 = request.param == "HTTP/2"
    async with httpx.AsyncClient(base_url=mesh.api_url, http1=not http2, http2=http2, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session", params=RPCS)
async def stored(anyone: httpx.AsyncClient, world: World, request: pytest.FixtureRequest) -> Stored:
    if request.param == "audio":
        query = f"expires={await world.value('link_expires')}&signature={await world.value('link_signature')}"
        url = f"/api/v1/audio/{await world.value('audio_name')}?{query}"
    elif request.param == "battle-clips":
        url = f"/api/v1/battle-clips/{await world.value('clip_name_of_shown_battle')}"
    else:
        url = f"/api/v1/listening-clips/{await world.value('new_clip', {})}"
    response = await anyone.get(url)
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/wav")
    assert response.content[:4] == b"RIFF"
    return Stored(anyone, url, response.content)


async def test_a_full_response_has_a_length_an_etag_and_accepts_ranges(stored: Stored) -> None:
    response = await stored.get()
    assert int(response.headers["content-length"]) == len(response.content) == len(stored.content)
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"].startswith('"')
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith("inline")
    assert "transfer-encoding" not in response.headers
    assert response.content == stored.content


async def test_head_returns_the_headers_of_get(stored: Stored) -> None:
    got, head = await stored.get(), await stored.http.head(stored.url)
    differs = {"date", "x-ratelimit-remaining", "x-voicearena-clip", "cache-control"}
    assert (head.status_code, head.content) == (200, b"")
    assert {k: v for k, v in head.headers.items() if k not in differs} == {
        k: v for k, v in got.headers.items() if k not in differs
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-1", slice(0, 2)),
        ("bytes=0-", slice(0, None)),
        ("bytes=44-20043", slice(44, 20_044)),
        ("bytes=-1000", slice(-1000, None)),
        ("bytes=100-99999999", slice(100, None)),
    ],
)
async def test_a_range_returns_its_bytes(stored: Stored, text: str, part: slice) -> None:
    response = await stored.get(range=text)
    start, end, _ = part.indices(len(stored.content))
    assert (response.status_code, response.content) == (206, stored.content[part])
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{len(stored.content)}"
    assert int(response.headers["content-length"]) == end - start


async def test_a_range_beyond_the_end_is_refused_with_the_size(stored: Stored) -> None:
    for text in (f"bytes={len(stored.content)}-", "bytes=-0"):
        response = await stored.get(range=text)
        assert (response.status_code, json_failure(response).reason) == (416, "RANGE_NOT_SATISFIABLE")
        assert response.headers["content-range"] == f"bytes */{len(stored.content)}"


@pytest.mark.parametrize("text", ["bytes=0-1,4-5", "bytes=9-1", "lines=1-2", "bytes=x-"])
async def test_unsupported_ranges_return_the_full_content(stored: Stored, text: str) -> None:
    response = await stored.get(range=text)
    assert (response.status_code, response.content, "content-range" in response.headers) == (200, stored.content, False)


async def test_conditional_requests_are_honoured(stored: Stored) -> None:
    etag = (await stored.get()).headers["etag"]
    known = await stored.get(if_none_match=f'"x", W/{etag}')
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert (await stored.http.head(stored.url, headers={"if-none-match": etag})).status_code == 304
    assert (await stored.get(if_none_match='"x"')).status_code == 200
    assert (await stored.get(if_range=etag, range="bytes=0-1")).status_code == 206
    for other in ('"x"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert (await stored.get(if_range=other, range="bytes=0-1")).status_code == 200
    assert (await stored.get(if_match=etag, range="bytes=0-1")).status_code == 206
    failed = await stored.get(if_match='"x"')
    assert (failed.status_code, json_failure(failed).reason) == (412, "PRECONDITION_FAILED")


async def test_the_ranges_of_a_phones_player_add_up_to_the_whole(stored: Stored) -> None:
    # A probe for ranges, then the whole, which is abandoned when the player seeks, then the rest.
    first = await stored.get(range="bytes=0-1")
    size = int(first.headers["content-range"].partition("/")[2])
    assert (first.status_code, size) == (206, len(stored.content))
    async with stored.http.stream("GET", stored.url, headers={"range": f"bytes=0-{size - 1}"}) as response:
        assert response.status_code == 206
        begin = await anext(response.aiter_raw(1000))
    rest = await stored.get(range=f"bytes={len(begin)}-{size - 1}", if_range=first.headers["etag"])
    assert (rest.status_code, begin + rest.content) == (206, stored.content)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("audio/trl_" + "0" * 32 + ".wav", 404, "NOT_FOUND"),
        ("listening-clips/clp_" + "0" * 32 + ".wav", 404, "NOT_FOUND"),
        ("listening-clips/clp_" + "0" * 32 + ".wav?token=1", 400, "INVALID_INPUT"),
        ("battle-clips/clp_" + "0" * 32 + ".wav", 404, "NOT_FOUND"),
        ("battle-clips/clp_" + "0" * 32 + ".wav?token=1", 400, "INVALID_INPUT"),
        ("audio/a%20b.wav", 404, "NOT_FOUND"),
        ("audio/a.wav?expires=abc", 400, "INVALID_INPUT"),
        ("audio/a.wav?expires=-1", 400, "INVALID_INPUT"),
        ("audio/a.wav?expires=99999999999999999999", 400, "INVALID_INPUT"),
        ("audio/a.wav?name=b.wav", 400, "MALFORMED_REQUEST"),
    ],
)
async def test_errors_have_the_same_form_as_on_other_routes(
    anyone: httpx.AsyncClient, world: World, method: str, path: str, status: int, reason: str
) -> None:
    response = await anyone.request(method, f"/api/v1/{path}", headers=bearer(world.developer.api_key))
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    if method == "GET":
        assert json_failure(response).reason == reason


async def test_a_browser_caches_audio_no_longer_than_its_link_is_valid(anyone: httpx.AsyncClient, world: World) -> None:
    name, expires = await world.value("audio_name"), int(await world.value("link_expires"))
    query = {"expires": str(expires), "signature": await world.value("link_signature")}
    by_link = (await anyone.get(f"/api/v1/audio/{name}", params=query)).headers["cache-control"]
    kind, age, forever = by_link.split(", ")
    assert (kind, forever) == ("private", "immutable")
    assert abs(int(age.removeprefix("max-age=")) - (expires - time.time())) <= 2
    by_key = await anyone.get(f"/api/v1/audio/{name}", headers=bearer(world.developer.api_key))
    assert by_key.headers["cache-control"] == "private, no-cache"
    clip = await anyone.get(f"/api/v1/listening-clips/{await world.value('new_clip', {})}")
    assert clip.headers["cache-control"] == "no-store"


async def test_grpc_returns_the_same_bytes(stored: Stored, world: World) -> None:
    name = httpx.URL(stored.url).path.rpartition("/")[2]
    rpc = RPCS[httpx.URL(stored.url).path.split("/")[3]]
    request: Mapping[str, object] = {"name": name}
    assert (await world.try_call(rpc, request)).raw == stored.content
