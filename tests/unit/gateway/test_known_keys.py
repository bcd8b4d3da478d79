"""How long Envoy remembers a valid API key, and that no call without a valid key passes."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway import config
from tests.unit.gateway.conftest import UNLIMITED, EveryService, KeyCheck, gateway, serving

GET = "/api/v1/experiments/x"
PUBLIC = "/api/v1/health"
LONG = 60_000
TIMEOUT_SECONDS = 20.0


@pytest.fixture(scope="module")
async def stand_in() -> AsyncIterator[tuple[EveryService, str]]:
    handler = EveryService(known={})
    async with serving(handler) as port, gateway(port, **UNLIMITED) as url:
        yield handler, url


@pytest.fixture
async def services(stand_in: tuple[EveryService, str]) -> AsyncIterator[EveryService]:
    """The stand-in behind the gateway, without keys and without earlier calls."""
    services = stand_in[0]
    services.known = {}
    services.checked.clear()
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


async def test_auth_checks_a_key_once_and_other_services_never_receive_it(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer once": KeyCheck("a token", believe_ms=LONG)}
    for _ in range(3):
        services.metadata = {}
        assert await get(api, "once") == 200
        assert services.metadata["x-voicearena-identity"] == "a token"
        assert "authorization" not in services.metadata
    assert services.checked == ["Bearer once"]


async def test_only_the_exact_header_is_remembered(api: httpx.AsyncClient, services: EveryService) -> None:
    services.known = {"Bearer exact": KeyCheck("a token", believe_ms=LONG)}
    assert await get(api, "exact") == 200
    for other in ("exac", "Exact", "exactly", "exact,exact", "other"):
        assert await get(api, other) == 401
    for headers in ({"authorization": "bearer exact"}, {"authorization": "exact"}, {}):
        assert (await api.get(GET, headers=headers)).status_code == 401
    twice = [("authorization", "Bearer exact"), ("authorization", "Bearer other")]
    assert (await api.get(GET, headers=twice)).status_code == 401
    assert (await api.get(GET, headers=twice[::-1])).status_code == 401


async def test_each_key_has_its_own_identity(api: httpx.AsyncClient, services: EveryService) -> None:
    services.known = {f"Bearer own{n}": KeyCheck(f"token {n}", f"key_{n}", LONG) for n in range(5)}
    for _ in range(2):
        for n in range(5):
            assert await get(api, f"own{n}") == 200
            assert services.metadata["x-voicearena-identity"] == f"token {n}"
    assert len(services.checked) == 5


async def test_an_identity_from_a_client_is_removed(api: httpx.AsyncClient, services: EveryService) -> None:
    services.known = {"Bearer honest": KeyCheck("a token", believe_ms=LONG)}
    for _ in range(2):
        assert await get(api, "honest", **{"x-voicearena-identity": "forged"}) == 200
        assert services.metadata["x-voicearena-identity"] == "a token"
    forged = {"x-voicearena-identity": "forged"}
    assert (await api.get(GET, headers=forged)).status_code == 401
    for headers in (forged, {**forged, **bearer("unknown")}):
        assert (await api.get(PUBLIC, headers=headers)).status_code == 200
        assert "x-voicearena-identity" not in services.metadata


async def test_a_revoked_key_stops_working_when_its_lifetime_ends(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer revoked": KeyCheck("a token", believe_ms=800)}
    assert await get(api, "revoked") == 200
    services.known = {}
    revoked_at = accepted_at = time.monotonic()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            sent_at = time.monotonic()
            if await get(api, "revoked") != 200:
                break
            accepted_at = sent_at
    assert accepted_at - revoked_at < 0.8
    assert await get(api, "revoked") == 401


async def test_while_auth_fails_only_remembered_keys_work(api: httpx.AsyncClient, services: EveryService) -> None:
    services.known = {"Bearer kept": KeyCheck("a token", believe_ms=500)}
    assert await get(api, "kept") == 200
    services.broken = True
    assert await get(api, "other") == 503
    assert (await api.get(GET)).status_code == 401
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while (status := await get(api, "kept")) == 200:
            pass
    assert status == 503


async def test_one_call_refreshes_a_key_while_the_others_still_use_it(
    api: httpx.AsyncClient, services: EveryService
) -> None:
    services.known = {"Bearer busy": KeyCheck("a token", believe_ms=3000)}
    assert await get(api, "busy") == 200
    services.may_answer.clear()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while len(services.checked) == 1:
            waiting = asyncio.create_task(get(api, "busy"))
            await asyncio.wait([waiting], timeout=0.05)
        # The refreshing call waits for auth. The next call does not.
        assert not waiting.done()
        assert await get(api, "busy") == 200
        assert len(services.checked) == 2
        services.may_answer.set()
        assert await waiting == 200


@pytest.mark.parametrize("believe_ms", [0, -5])
async def test_a_key_without_a_lifetime_is_checked_each_time(
    api: httpx.AsyncClient, services: EveryService, believe_ms: int
) -> None:
    services.known = {"Bearer brief": KeyCheck("a token", believe_ms=believe_ms)}
    for _ in range(3):
        assert await get(api, "brief") == 200
    assert len(services.checked) == 3


async def test_an_unknown_key_on_a_public_route_has_no_identity(api: httpx.AsyncClient, services: EveryService) -> None:
    for _ in range(2):
        services.metadata = {}
        assert (await api.get(PUBLIC, headers=bearer("unknown"))).status_code == 200
        assert "x-voicearena-identity" not in services.metadata
        assert "authorization" not in services.metadata
    assert len(services.checked) == 2


async def test_the_number_of_remembered_keys_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "known_keys.lua"
    small.write_text(config.KNOWN_KEYS.read_text().replace("MAX_KEYS = 10000", "MAX_KEYS = 3"))
    monkeypatch.setattr(config, "KNOWN_KEYS", small)
    services = EveryService(known={f"Bearer {n}": KeyCheck(f"token {n}", believe_ms=LONG) for n in range(4)})
    async with serving(services) as port, gateway(port, **UNLIMITED) as url, httpx.AsyncClient(base_url=url) as api:
        for n in (0, 1, 2, 0, 1, 2):
            assert await get(api, str(n)) == 200
        assert len(services.checked) == 3
        for n in (3, 0, 3, 0):
            assert await get(api, str(n)) == 200
        assert len(services.checked) == 5
