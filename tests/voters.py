"""Voters of tests: they hear the clips of battles as a player fetches them, and vote."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from deploy.local.mesh import Mesh
from tests.experiments import api_client

READY_SECONDS = 120.0
"""Within this time a fresh mesh must have battles and a leaderboard with rows."""
LOOK_AGAIN_SECONDS = 0.2

Json = Mapping[str, Any]


class Voter:
    """A voter who hears battles in the API as a player does: in ranges of bytes."""

    def __init__(self, mesh: Mesh, session: Json) -> None:
        self.id = session["id"]
        self.http = api_client(mesh, session["session_token"])

    async def next(self, **wish: object) -> dict[str, Any]:
        """Returns the next battle, as soon as there is one."""
        async with asyncio.timeout(READY_SECONDS):
            while (response := await self.http.post("/battles/next", json=wish)).status_code == 503:
                assert response.json()["details"][0]["reason"] == "NOT_READY", response.text
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return dict(response.raise_for_status().json())

    async def hear(self, battle: Json) -> tuple[bytes, bytes]:
        """Fetches both clips in two ranges each, waits as long as they play, and returns them."""
        clips = []
        for url in (battle["clip_a_url"], battle["clip_b_url"]):
            head = await self.http.get(url, headers={"range": "bytes=0-9999"})
            assert (head.status_code, len(head.content)) == (206, 10_000)
            size = int(head.headers["content-range"].rpartition("/")[2])
            rest = await self.http.get(url, headers={"range": "bytes=10000-"})
            assert (rest.status_code, len(rest.content)) == (206, size - 10_000)
            clips.append(head.content + rest.content)
        await asyncio.sleep(battle["clip_a_seconds"] + battle["clip_b_seconds"])
        return clips[0], clips[1]

    async def vote(self, battle: Json, winner: str) -> dict[str, Any]:
        """Votes, as soon as the gateway has reported that the clips were sent. Returns the reveal."""
        async with asyncio.timeout(READY_SECONDS):
            while (response := await self.answer(battle, winner)).status_code == 409:
                assert response.json()["details"][0]["metadata"]["status"] in ("not_fetched", "not_heard")
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return dict(response.raise_for_status().json())

    async def answer(self, battle: Json, winner: str) -> httpx.Response:
        """Sends an answer at once, and returns the response."""
        return await self.http.post(f"/battles/{battle['battle_id']}/vote", json={"winner": winner})


async def new_voter(mesh: Mesh, http: httpx.AsyncClient) -> Voter:
    """Returns a voter with a new session. If `http` has a key, the voter may hear the battles of its developer."""
    return Voter(mesh, (await http.post("/voters", json={})).raise_for_status().json())
