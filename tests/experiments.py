"""Calls of the JSON API that tests make for experiments. `http` has the owner's API key; see `api_client`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

from deploy.local.mesh import Mesh

END_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.1

Json = Mapping[str, Any]


def api_client(mesh: Mesh, api_key: str, seconds: float = END_SECONDS) -> httpx.AsyncClient:
    """Returns a client of the JSON API with an API key. `seconds` is the timeout of a call."""
    return httpx.AsyncClient(
        base_url=f"{mesh.api_url}/api/v1",
        headers={"authorization": f"Bearer {api_key}"},
        timeout=seconds,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


def plan(models: Iterable[tuple[str, str]], prompts: Sequence[str], **changes: object) -> Json:
    """Returns the request that creates an experiment. `models` are pairs of provider and voice.

    It has the profile `latency` unless it has weights, so that no model listens to its trials.
    """
    profile = {} if "weights" in changes else {"profile": "latency"}
    return {
        **profile,
        "name": "a comparison",
        "scenario": "general",
        "eval_mode": "automated",
        "models": [{"provider": provider, "voice_id": voice} for provider, voice in models],
        "prompts": list(prompts),
        **changes,
    }


async def created(http: httpx.AsyncClient, planned: Json) -> str:
    """Creates an experiment and returns its id."""
    return str((await http.post("/experiments", json=planned)).raise_for_status().json()["id"])


async def started(http: httpx.AsyncClient, planned: Json) -> str:
    """Creates and starts an experiment and returns its id."""
    id_ = await created(http, planned)
    (await http.post(f"/experiments/{id_}/run")).raise_for_status()
    return id_


async def ended(http: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    """Watches an experiment to its end and returns it."""
    async with asyncio.timeout(END_SECONDS), http.stream("GET", f"/experiments/{id_}/stream") as stream:
        async for _ in stream.raise_for_status().aiter_lines():
            pass
    return dict((await http.get(f"/experiments/{id_}")).raise_for_status().json())


async def trials(http: httpx.AsyncClient, id_: str) -> list[dict[str, Any]]:
    """Returns the trials of an experiment."""
    response = await http.get(f"/experiments/{id_}/trials", params={"page_size": 100})
    return list(response.raise_for_status().json()["trials"])


async def check_completes(http: httpx.AsyncClient, id_: str, total: int) -> None:
    """Checks that all `total` trials of an experiment complete. Calls can fail meanwhile."""
    async with asyncio.timeout(END_SECONDS):
        while (response := await http.get(f"/experiments/{id_}")).json().get("status") in (None, "running"):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    experiment = response.json()
    counts = (experiment["status"], experiment["completed_trials"], experiment["failed_trials"])
    assert counts == ("completed", total, 0), await trials(http, id_)
