"""Voters during faults. They ask for battles, hear both clips and vote, and repeat a vote until it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random
from typing import Any

import httpx

from deploy.local.mesh import Mesh

MIN_VOTES = 3
"""Of a round. A vote takes as long as both clips last."""
ANSWERS = ("a", "b", "tie", "both_bad")
# The statuses that a mesh may return during a fault. Any other one is an answer.
TEMPORARY = {500, 502, 503, 504}
CALL_SECONDS = 20.0
RETRY_SECONDS = 0.2


@dataclass(frozen=True)
class AcceptedVote:
    """A vote whose acceptance its voter was told."""

    voter_id: str
    battle_id: str
    answer: str


@dataclass
class Votes:
    """What voters were told."""

    voters: list[str] = field(default_factory=list)
    accepted: list[AcceptedVote] = field(default_factory=list)
    refused: int = 0
    """How many votes came too late: others had decided the battle."""
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when MIN_VOTES were accepted."""


class Voter:
    """One person with a session."""

    def __init__(self, http: httpx.AsyncClient, votes: Votes, random: Random) -> None:
        """`http` has the base URL of the API."""
        self._http = http
        self._votes = votes
        self._random = random
        # The mesh trusts a proxy. Voters at one address are limited.
        self._headers = {"x-forwarded-for": str(IPv4Address(0x0A000000 | random.getrandbits(24)))}
        self._id = ""

    async def vote_until(self, stop: asyncio.Event) -> None:
        """Votes in one battle after the other. A vote that was sent is repeated until its answer has come."""
        session = await self._answer("POST", "/voters", json={})
        self._headers["authorization"], self._id = f"Bearer {session.json()['session_token']}", session.json()["id"]
        self._votes.voters.append(self._id)
        while not stop.is_set():
            response = await self._once("POST", "/battles/next", json={})
            if response is None or response.status_code != 200:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._vote(response.json(), self._random.choice(ANSWERS), stop)

    async def _vote(self, battle: Mapping[str, Any], answer: str, stop: asyncio.Event) -> None:
        sent = False
        while sent or not stop.is_set():
            if not sent:
                for clip in ("clip_a_url", "clip_b_url"):
                    await self._once("GET", battle[clip])
            response = await self._once("POST", f"/battles/{battle['battle_id']}/vote", json={"winner": answer})
            if response is None:
                # It may have been accepted.
                sent = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if response.status_code == 200:
                self._votes.accepted.append(AcceptedVote(self._id, battle["battle_id"], answer))
                if len(self._votes.accepted) >= MIN_VOTES:
                    self._votes.enough.set()
                return
            status = _status(response)
            if status not in ("not_fetched", "not_heard"):
                assert status in ("decided", "void"), response.text
                self._votes.refused += 1
                return
            # Nothing was recorded: an accepted vote is never called unheard.
            sent = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _answer(self, method: str, url: str, **request: Any) -> httpx.Response:
        while (response := await self._once(method, url, **request)) is None:  # noqa: ASYNC110 - another machine
            await asyncio.sleep(RETRY_SECONDS)
        return response.raise_for_status()

    async def _once(self, method: str, url: str, **request: Any) -> httpx.Response | None:
        """Returns the answer to a call, or None if a fault may have kept it back."""
        try:
            response = await self._http.request(method, url, headers=self._headers, **request)
        except httpx.TransportError:
            return None
        return None if response.status_code in TEMPORARY else response


def _status(response: httpx.Response) -> str:
    details = response.json().get("details", [])
    return next((str(one["metadata"]["status"]) for one in details if "status" in one.get("metadata", {})), "")


def voting_client(mesh: Mesh) -> httpx.AsyncClient:
    """Returns the HTTP client of all voters of a round."""
    return httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", timeout=CALL_SECONDS, trust_env=False)
