"""Listeners with different addresses, which a proxy in front of the gateway reports."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from deploy.local.mesh import Mesh
from tests.e2e.test_listening import Listener, start_listening
from tests.mesh import mesh_settings, register

PEOPLE = 8


async def test_eight_addresses_reach_high_confidence_and_one_address_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    async with Mesh(mesh_settings(tmp_path)) as mesh:
        developer = await register(mesh)
        key = {"authorization": f"Bearer {developer.api_key}"}

        async def vote(token: str, address: str) -> None:
            headers = {"x-forwarded-for": address}
            async with httpx.AsyncClient(base_url=mesh.api_url, headers=headers, trust_env=False) as client:
                assert await Listener(client, token).vote_for_longer() == 1

        async with httpx.AsyncClient(base_url=mesh.api_url, headers=key, timeout=30, trust_env=False) as http:
            at_home = {"prompts": ["Good morning."], "votes_per_pair": PEOPLE}
            experiment_id, token = await start_listening(http, **at_home)
            # Three listeners share an address, and one uses IPv6.
            addresses = [*["192.0.2.1"] * 3, *(f"198.51.100.{number}" for number in range(4)), "2001:db8:1:2::3"]
            await asyncio.gather(*(vote(token, address) for address in addresses))
            results = (await http.get(f"/api/v1/experiments/{experiment_id}/results")).raise_for_status().json()
            assert (results["confidence"], results["p_winner"], results["reasons"]) == ("high", 2 / 2**PEOPLE, [])
            assert results["winner"] == results["leader"]
            assert (results["votes"]["excluded"], results["votes"]["largest_address_share"]) == (0, 3 / PEOPLE)

            experiment_id, token = await start_listening(http, **at_home)
            # An IPv6 network (/64) counts as one address.
            await asyncio.gather(*(vote(token, f"2001:db8:1:2::{number}") for number in range(PEOPLE)))
            closed = await http.post(f"/api/v1/experiments/{experiment_id}/close-listening", json={})
            closed.raise_for_status()
            results = (await http.get(f"/api/v1/experiments/{experiment_id}/results")).raise_for_status().json()
            assert (results["confidence"], results["votes"]["excluded"]) == ("inconclusive", PEOPLE - 3)
