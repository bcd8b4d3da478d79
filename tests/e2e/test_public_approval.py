"""While PUBLIC_APPROVAL is on, developers' public models and scenarios wait for an operator."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.contract.cases.scenarios import scenario
from tests.contract.clients import bearer, json_failure
from tests.mesh import OPERATOR_ID, mesh_settings, operator_key, register

ENV = {"elo": {"PUBLIC_APPROVAL": "true", "OPERATORS": f"dev_nobody, {OPERATOR_ID}", "BATTLE_POOL": "0"}}
MODEL = {"name": "Ann", "provider": "espeak", "config": {"voice_id": "en-gb"}, "arena": True}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def careful(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A mesh in which an operator approves."""
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("approval")), service_env=ENV) as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("path", "created", "other", "change"),
    [
        ("models", MODEL, {"version": "2"}, {"name": "Another name"}),
        ("scenarios", scenario(), {}, {"ground_truth_transcript": "Other words."}),
    ],
)
async def test_an_operator_approves_what_public_battles_may_use(
    careful: Mesh, path: str, created: dict[str, object], other: dict[str, object], change: dict[str, object]
) -> None:
    developer, operator = await register(careful), bearer(await operator_key(careful))
    async with httpx.AsyncClient(
        base_url=f"{careful.api_url}/api/v1", headers=bearer(developer.api_key), trust_env=False, timeout=30
    ) as api:
        made = (await api.post(f"/{path}", json=created)).json()
        assert made["awaits_approval"] is True
        private = (await api.post(f"/{path}", json={**created, "visibility": "private", **other})).json()
        assert private["awaits_approval"] is False

        async def awaiting() -> list[Any]:
            page = (await api.get(f"/{path}?awaiting_approval=true", headers=operator)).json()
            return [each["id"] for each in page[path]]

        assert await awaiting() == [made["id"]]
        refused = await api.post(f"/{path}/{made['id']}/approve", json={})
        assert (refused.status_code, json_failure(refused).reason) == (403, "PERMISSION_DENIED")
        assert "OPERATORS" in json_failure(refused).message

        approved = (await api.post(f"/{path}/{made['id']}/approve", json={}, headers=operator)).json()
        assert (approved["awaits_approval"], await awaiting()) == (False, [])
        # Approving again changes nothing, and what was not looked at needs another approval.
        assert (await api.post(f"/{path}/{made['id']}/approve", json={}, headers=operator)).json() == approved
        assert (await api.patch(f"/{path}/{made['id']}", json=change)).json()["awaits_approval"] is True
        assert await awaiting() == [made["id"]]
