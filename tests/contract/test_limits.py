"""Rate limits per key, with real keys: a gateway with low limits in front of the mesh's services."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.contract.clients import bearer, http_client, json_failure
from tests.gateway import running_gateway
from tests.mesh import register

ME = "/api/v1/developers/me"
BURST = 3
NO_BATTLE = "bat_" + "0" * 32


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with low rate limits."""
    here = {f"{name}_address": address for name, address in mesh.endpoints.items()}
    async with (
        running_gateway(rate_limit_per_second=1, rate_limit_burst=BURST, **here) as url,
        http_client(url) as client,
    ):
        yield client


async def test_two_keys_of_one_developer_have_separate_rate_limits(mesh: Mesh, strict: httpx.AsyncClient) -> None:
    first = (await register(mesh)).api_key
    made = await strict.post("/api/v1/api-keys", json={"name": "second"}, headers=bearer(first))
    second = made.json()["key"]
    responses = [await strict.get(ME, headers=bearer(first)) for _ in range(2 * BURST)]
    assert json_failure(responses[-1]).reason == "RATE_LIMITED"
    assert (responses[-1].status_code, responses[-1].headers["retry-after"]) == (429, "1")
    response = await strict.get(ME, headers=bearer(second))
    assert (response.status_code, response.headers["x-ratelimit-remaining"]) == (200, str(BURST - 1))


async def test_registrations_are_limited_by_address_and_do_not_count_for_keys(
    mesh: Mesh, strict: httpx.AsyncClient
) -> None:
    key = (await register(mesh)).api_key
    responses = [await strict.post("/api/v1/developers", json={}) for _ in range(2 * BURST)]
    # One call was already made to check that the gateway is up.
    assert [response.status_code for response in responses[: BURST - 1]] == [400] * (BURST - 1)
    assert json_failure(responses[-1]).reason == "RATE_LIMITED"
    assert (await strict.get(ME, headers=bearer(key))).status_code == 200


@pytest.mark.parametrize(("path", "body"), [("next", {}), (f"{NO_BATTLE}/vote", {"winner": "a"})])
async def test_a_voter_who_calls_50_times_in_10_seconds_is_told_to_wait(
    http: httpx.AsyncClient, strict: httpx.AsyncClient, path: str, body: dict[str, str]
) -> None:
    session = bearer((await http.post("/api/v1/voters", json={})).raise_for_status().json()["session_token"])
    responses = [await strict.post(f"/api/v1/battles/{path}", json=body, headers=session) for _ in range(50)]
    stopped = [response for response in responses if response.status_code == 429]
    assert len(stopped) > 50 / 2
    for response in stopped:
        assert (response.headers["retry-after"], json_failure(response).reason) == ("1", "RATE_LIMITED")
        assert "Try again in a second" in json_failure(response).message


async def test_a_service_that_asks_to_wait_says_how_long_in_a_header(mesh: Mesh, http: httpx.AsyncClient) -> None:
    """A new developer has no battles. A voter who asks for too many battles in a minute gets the same header."""
    key = bearer((await register(mesh)).api_key)
    session = bearer((await http.post("/api/v1/voters", json={}, headers=key)).json()["session_token"])
    response = await http.post("/api/v1/battles/next", json={"own_board": True}, headers=session)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert json_failure(response).metadata["retry_after_seconds"] == "5"
