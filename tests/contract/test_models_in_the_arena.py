"""What developers of voice models may rely on: own entries for own versions, one call to take part, and privacy."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import psycopg

from deploy.local.mesh import Mesh
from tests.contract.cases.scenarios import scenario
from tests.contract.clients import bearer, json_failure
from tests.mesh import Developer, operator_key

CONFIG = {"voice_id": "en-gb", "parameters": {"speed": 1.25}}


def body(**changes: object) -> dict[str, object]:
    """Returns the body of a request for a new model."""
    return {"name": "Ann", "provider": "espeak", "version": secrets.token_hex(8), "config": CONFIG, **changes}


async def created(api: httpx.AsyncClient, path: str, json: dict[str, object]) -> dict[str, Any]:
    response = await api.post(f"/api/v1/{path}", json=json)
    response.raise_for_status()
    model: dict[str, Any] = response.json()
    return model


async def test_a_changed_voice_or_version_starts_its_own_entry(api: httpx.AsyncClient, mesh: Mesh) -> None:
    first = await created(api, "models", body())
    async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        await connection.execute("UPDATE elo.voice_models SET first_battle_at = now() WHERE id = %s", (first["id"],))
        await connection.execute(
            "INSERT INTO elo.live_ratings (owner, model_seq, model_id, rating, battles, wins)"
            " SELECT '', seq, id, 1530, 1, 1 FROM elo.voice_models WHERE id = %s",
            (first["id"],),
        )
    for change in ({"version": "2"}, {"config": {**CONFIG, "voice_id": "en-us"}}, {"config": {"voice_id": "en-gb"}}):
        refused = await api.patch(f"/api/v1/models/{first['id']}", json=change)
        assert (refused.status_code, json_failure(refused).reason) == (409, "WRONG_STATE")
        assert "Register another voice model" in json_failure(refused).message
    second = await created(api, "models", body())
    assert second["id"] != first["id"]
    assert (second["elo_rating"], second["total_battles"]) == (1500, 0)
    before = (await api.get(f"/api/v1/models/{first['id']}")).json()
    assert (before["elo_rating"], before["rating"], before["total_battles"], before["win_rate"]) == (1530, 1530, 1, 1)
    assert (before["version"], before["config"]) == (first["version"], first["config"])


async def test_a_model_joins_the_arena_with_one_call(api: httpx.AsyncClient, mesh: Mesh) -> None:
    model = await created(api, "models", body(arena=True))
    assert (model["arena"], model["visibility"], model["awaits_approval"]) == (True, "public", False)
    async with httpx.AsyncClient(base_url=mesh.api_url, trust_env=False, timeout=60) as somebody_else:
        key = (await somebody_else.post("/api/v1/developers", json=named("Bob"))).json()["api_key"]
        listed, token = [], ""
        while token or not listed:
            query = {"arena_only": "true", "page_size": "100", "page_token": token}
            page = (await somebody_else.get("/api/v1/models", params=query, headers=bearer(key))).json()
            listed += [each["id"] for each in page["models"]]
            token = page["next_page_token"]
    assert model["id"] in listed


def named(name: str) -> dict[str, str]:
    return {"name": name, "email": f"{secrets.token_hex(8)}@example.com"}


async def test_a_private_model_and_scenario_are_invisible_to_others_everywhere(
    api: httpx.AsyncClient, mesh: Mesh, developer: Developer
) -> None:
    model = await created(api, "models", body(visibility="private", arena=True))
    spoken = await created(api, "scenarios", scenario(visibility="private", category=f"own_{secrets.token_hex(6)}"))
    calls = [
        ("GET", f"models/{model['id']}", None),
        ("PATCH", f"models/{model['id']}", {"name": "Mine now"}),
        ("GET", f"scenarios/{spoken['id']}", None),
        ("PATCH", f"scenarios/{spoken['id']}", {"name": "Mine now"}),
        ("POST", f"scenarios/{spoken['id']}/archive", {}),
    ]
    approvals = [("POST", f"models/{model['id']}/approve", {}), ("POST", f"scenarios/{spoken['id']}/approve", {})]
    # Neither another developer nor an operator learns that they exist: an unknown id is answered in the same way.
    for key, made in ((developer.api_key, calls), (await operator_key(mesh), calls + approvals)):
        for method, path, json in made:
            refused = await api.request(method, f"/api/v1/{path}", json=json, headers=bearer(key))
            unknown = path.replace(model["id"], "mdl_" + "0" * 32).replace(spoken["id"], "scn_" + "0" * 32)
            answer = await api.request(method, f"/api/v1/{unknown}", json=json, headers=bearer(key))
            assert (refused.status_code, json_failure(refused).reason) == (404, "NOT_FOUND")
            assert refused.text.replace(model["id"], "ID").replace(spoken["id"], "ID") == answer.text.replace(
                unknown.split("/")[1], "ID"
            )
        for path in (
            "models?arena_only=true&provider=espeak&page_size=100",
            f"scenarios?category={spoken['category']}",
        ):
            listed = await api.get(f"/api/v1/{path}", headers=bearer(key))
            assert model["id"] not in listed.text
            assert spoken["id"] not in listed.text


async def test_a_recorded_model_is_in_no_experiment(api: httpx.AsyncClient) -> None:
    model = await created(api, "models", {"name": "Agent", "kind": "recorded", "language": "en"})
    plan = {"name": "x", "scenario": "general", "eval_mode": "automated", "prompts": ["Hello"]}
    voices = [{"provider": "", "voice_id": ""}, {"provider": "espeak", "voice_id": "en-us"}]
    refused = await api.post("/api/v1/experiments", json={**plan, "models": voices})
    assert (refused.status_code, json_failure(refused).reason) == (400, "INVALID_INPUT")
    assert model["id"] not in refused.text
