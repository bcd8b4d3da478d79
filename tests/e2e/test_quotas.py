"""Quotas of a developer or an address hold even for simultaneous calls."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable

import httpx
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.contract.cases.scenarios import scenario
from tests.contract.clients import bearer, json_failure
from tests.mesh import mesh_settings

LIMIT, AT_ONCE = 3, 10
# The tests below register two of these developers themselves.
REGISTRATIONS = 4
ENV = {
    "auth": {"MAX_REGISTRATIONS_PER_ADDRESS": str(REGISTRATIONS), "MAX_VOTERS_PER_ADDRESS": str(LIMIT)},
    "elo": {"MAX_MODELS": str(LIMIT), "MAX_SCENARIOS": str(LIMIT)},
    "experiments": {"MAX_UNFINISHED_EXPERIMENTS": str(LIMIT)},
}


@pytest.fixture(scope="module")
def plan() -> dict[str, object]:
    return {
        "name": "One of many",
        "scenario": "general",
        "eval_mode": "automated",
        "profile": "latency",
        "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
        "prompts": ["Hello"],
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a mesh with low quotas, with the API key of a developer."""
    async with (
        Mesh(mesh_settings(tmp_path_factory.mktemp("quotas")), service_env=ENV) as mesh,
        httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", timeout=30, trust_env=False) as client,
    ):
        client.headers.update(bearer((await _register(client)).json()["api_key"]))
        yield client


async def _register(client: httpx.AsyncClient, email: str = "") -> httpx.Response:
    body = {"name": "Ada", "email": email or f"{secrets.token_hex(6)}@example.com"}
    return await client.post("/developers", json=body, headers={"authorization": ""})


async def _at_once(calls: list[Awaitable[httpx.Response]], limit: int) -> list[httpx.Response]:
    """Makes calls at the same time. Checks that `limit` of them succeed and that the others name the quota."""
    responses = await asyncio.gather(*calls)
    assert Counter(response.status_code for response in responses) == {200: limit, 429: len(calls) - limit}
    for refused in (response for response in responses if response.status_code == 429):
        failure = json_failure(refused)
        assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
        assert failure.metadata["limit"] in failure.message
    return [response for response in responses if response.status_code == 200]


async def test_unfinished_experiments_have_a_quota(strict: httpx.AsyncClient, plan: dict[str, object]) -> None:
    made = await _at_once([strict.post("/experiments", json=plan) for _ in range(AT_ONCE)], LIMIT)
    clone = f"/experiments/{made[0].json()['id']}/clone"
    assert json_failure(await strict.post(clone, json={})).reason == "QUOTA_EXCEEDED"
    assert (await strict.delete(f"/experiments/{made[1].json()['id']}")).status_code == 200
    assert (await strict.post(clone, json={})).status_code == 200


async def test_voice_models_have_a_quota(strict: httpx.AsyncClient) -> None:
    def model(version: int) -> dict[str, object]:
        return {"name": "Mine", "provider": "espeak", "version": str(version), "config": {"voice_id": "en-gb"}}

    made = await _at_once([strict.post("/models", json=model(number)) for number in range(AT_ONCE)], LIMIT)
    path = f"/models/{made[0].json()['id']}"
    archived = await strict.patch(path, json={"active": False, "update_mask": "active"})
    assert (archived.status_code, archived.json()["active"]) == (200, False)
    assert (await strict.post("/models", json=model(AT_ONCE))).status_code == 200
    assert (
        json_failure(await strict.patch(path, json={"active": True, "update_mask": "active"})).reason
        == "QUOTA_EXCEEDED"
    )


async def test_scenarios_have_a_quota_and_archiving_one_frees_a_place(strict: httpx.AsyncClient) -> None:
    made = await _at_once([strict.post("/scenarios", json=scenario()) for _ in range(AT_ONCE)], LIMIT)
    assert (await strict.post(f"/scenarios/{made[0].json()['id']}/archive", json={})).json()["archived"] is True
    assert (await strict.post("/scenarios", json=scenario())).status_code == 200
    assert json_failure(await strict.post("/scenarios", json=scenario())).reason == "QUOTA_EXCEEDED"


async def test_voters_of_an_address_have_a_quota(strict: httpx.AsyncClient) -> None:
    await _at_once([strict.post("/voters", json={}, headers={"authorization": ""}) for _ in range(AT_ONCE)], LIMIT)


async def test_registrations_of_an_address_have_a_quota_that_failed_ones_use_too(strict: httpx.AsyncClient) -> None:
    me = (await strict.get("/developers/me")).json()["email"]
    taken = await _register(strict, me)
    assert json_failure(taken).reason == "ALREADY_EXISTS"
    await _at_once([_register(strict) for _ in range(AT_ONCE)], REGISTRATIONS - 2)
    # The response no longer shows whether an e-mail address is registered.
    assert json_failure(await _register(strict, me)).reason == "QUOTA_EXCEEDED"
