"""How long Envoy itself knows what a key stands for, and that nobody gets past it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway import config
from tests.unit.gateway.conftest import UNLIMITED, Answer, EveryService, gateway, serving

GET = "/api/v1/experiments/x"
PUBLIC = "/api/v1/health"
LONG = 60_000
# No test waits longer for what has to happen.
SOON = 20.0


@pytest.fixture(scope="module")
async def stand_in() -> AsyncIterator[tuple[EveryService, str]]:
    handler = EveryService(known={})
    async with serving(handler) as port, gateway(port, **UNLIMITED) as url:
        yield handler, url


@pytest.fixture
async def services(stand_in: tuple[EveryService, str]) -> AsyncIterator[EveryService]:
    """What stands behind the gateway; it has been asked nothing yet."""
    services = stand_in[0]
    services.known = {}
    services.asked.clear()
    yield services
    services.broken = False
    services.may_answer.set()


@pytest.fixture
async def api(stand_in: tuple[EveryService, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stand_in[1]) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def get(api: httpx.AsyncClient, key: str, **headers: str) -> int:
    return (await api.get(GET, headers={**bearer(key), **headers})).status_code


async def test_auth_is_asked_once_about_a_key_and_services_never_see_it(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer once": Answer("a token", believe_ms=LONG)}
    for _ in range(3):
        services.metadata = {}
        assert await get(api, "once") == 200
        assert services.metadata["x-voicearena-identity"] == "a token"
        assert "authorization" not in services.metadata
    assert services.asked == ["Bearer once"]


async def test_what_is_known_holds_for_exactly_the_header_that_was_asked_about(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer exact": Answer("a token", believe_ms=LONG)}
    assert await get(api, "exact") == 200
    for other in ("exac", "Exact", "exactly", "exact,exact", "other"):
        assert await get(api, other) == 401
    for headers in ({"authorization": "bearer exact"}, {"authorization": "exact"}, {}):
        assert (await api.get(GET, headers=headers)).status_code == 401
    twice = [("authorization", "Bearer exact"), ("authorization", "Bearer other")]
    assert (await api.get(GET, headers=twice)).status_code == 401
    assert (await api.get(GET, headers=twice[::-1])).status_code == 401


async def test_each_key_has_its_own_identity(api: httpx.AsyncClient, services: EveryService) -> None:
    services.known = {f"Bearer own{n}": Answer(f"token {n}", f"key_{n}", LONG) for n in range(5)}
    for _ in range(2):
        for n in range(5):
            assert await get(api, f"own{n}") == 200
            assert services.metadata["x-voicearena-identity"] == f"token {n}"
    assert len(services.asked) == 5


async def test_an_identity_that_a_client_sends_is_stripped_whether_the_key_is_known_or_not(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer honest": Answer("a token", believe_ms=LONG)}
    for _ in range(2):
        assert await get(api, "honest", **{"x-voicearena-identity": "forged"}) == 200
        assert services.metadata["x-voicearena-identity"] == "a token"
    forged = {"x-voicearena-identity": "forged"}
    assert (await api.get(GET, headers=forged)).status_code == 401
    for headers in (forged, {**forged, **bearer("unknown")}):
        assert (await api.get(PUBLIC, headers=headers)).status_code == 200
        assert "x-voicearena-identity" not in services.metadata


async def test_a_key_that_auth_takes_no_more_stops_when_its_time_is_over(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer revoked": Answer("a token", believe_ms=800)}
    assert await get(api, "revoked") == 200
    services.known = {}
    revoked_at = time.monotonic()
    async with asyncio.timeout(SOON):
        while await get(api, "revoked") == 200:
            pass
    assert time.monotonic() - revoked_at < 1
    assert await get(api, "revoked") == 401


async def test_when_auth_fails_nothing_is_let_pass_that_is_not_known(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer kept": Answer("a token", believe_ms=500)}
    assert await get(api, "kept") == 200
    services.broken = True
    assert await get(api, "other") == 503
    assert (await api.get(GET)).status_code == 401
    async with asyncio.timeout(SOON):
        while (status := await get(api, "kept")) == 200:
            pass
    assert status == 503


async def test_before_its_time_is_over_one_call_asks_again_and_the_others_go_on(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer busy": Answer("a token", believe_ms=3000)}
    assert await get(api, "busy") == 200
    services.may_answer.clear()
    async with asyncio.timeout(SOON):
        while len(services.asked) == 1:
            waiting = asyncio.create_task(get(api, "busy"))
            await asyncio.wait([waiting], timeout=0.05)
        # That one waits for auth; the next does not.
        assert not waiting.done()
        assert await get(api, "busy") == 200
        assert len(services.asked) == 2
        services.may_answer.set()
        assert await waiting == 200


@pytest.mark.parametrize("believe_ms", [0, -5])
async def test_what_is_not_to_be_believed_is_asked_each_time(
    api: httpx.AsyncClient, services: EveryService, believe_ms: int
) -> None:
    services.known = {"Bearer brief": Answer("a token", believe_ms=believe_ms)}
    for _ in range(3):
        assert await get(api, "brief") == 200
    assert len(services.asked) == 3


async def test_who_is_let_pass_as_nobody_is_nobody_each_time(api: httpx.AsyncClient, services: EveryService) -> None:
    for _ in range(2):
        services.metadata = {}
        assert (await api.get(PUBLIC, headers=bearer("unknown"))).status_code == 200
        assert "x-voicearena-identity" not in services.metadata
        assert "authorization" not in services.metadata
    assert len(services.asked) == 2


async def test_what_is_known_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "known_keys.lua"
    small.write_text(config.KNOWN_KEYS.read_text().replace("LARGEST = 10000", "LARGEST = 3"))
    monkeypatch.setattr(config, "KNOWN_KEYS", small)
    services = EveryService(known={f"Bearer {n}": Answer(f"token {n}", believe_ms=LONG) for n in range(4)})
    async with serving(services) as port, gateway(port, **UNLIMITED) as url, httpx.AsyncClient(base_url=url) as api:
        for n in (0, 1, 2, 0, 1, 2):
            assert await get(api, str(n)) == 200
        assert len(services.asked) == 3
        for n in (3, 0, 3, 0):
            assert await get(api, str(n)) == 200
        assert len(services.asked) == 5
