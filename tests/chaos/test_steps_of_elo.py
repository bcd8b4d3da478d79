"""elo is killed in each step of making a battle, of voting, of publishing boards, and of judging votes again.

Two processes of elo run, and both are killed when one of them is in the step. Then both go on at the same time.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from services.shared.listening.judging import MIN_SAME_SIDE
from tests.chaos.audit import Audit
from tests.chaos.audit_battles import audit_battles
from tests.chaos.event_copies import copy_events
from tests.chaos.steps_of_elo import killed_at, writing
from tests.chaos.voting import ANSWERS, TEMPORARY, AcceptedVote, Votes
from tests.mesh import mesh_settings, register

END_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.1
# The tables that are written, in this order.
MAKING = ("renders", "battles", "listening_tests", "listening_pairs", "live_ratings", "battle_votes")
VOTING = ("listening_votes", "listening_vote_states", "voters", "live_ratings", "outbox", "battles", "scenarios")
# The boards are written before, in the same transaction.
PUBLISHING = ("board_votes", "snapshots")

Json = Mapping[str, Any]


class Arena:
    """A developer who makes battles of three models, and their voters, who say where they voted."""

    def __init__(self, mesh: Mesh, http: httpx.AsyncClient, api_key: str, models: Sequence[str]) -> None:
        self.mesh, self._http, self.models = mesh, http, models
        self._developer = {"authorization": f"Bearer {api_key}"}
        self._scenarios: list[str] = []
        self._spoken = ""
        self.votes = Votes()

    async def call(self, method: str, path: str, headers: Mapping[str, str], **request: Any) -> dict[str, Any]:
        """Returns the response to a call, which is repeated while elo is down."""
        async with asyncio.timeout(END_SECONDS):
            while True:
                try:
                    response = await self._http.request(method, path, headers=headers, **request)
                except httpx.TransportError:
                    continue
                if response.status_code not in TEMPORARY:
                    return dict(response.raise_for_status().json())
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def create(self, a: int = 0, b: int = 1, *, spoken: bool = False) -> str:
        """Creates a battle exactly once, on a scenario that had none, so that both sides have to be spoken.

        If `spoken`, it is on the scenario of the last battle that said so, whose two sides are spoken already.
        """
        if not self._scenarios:
            page = await self.call("GET", "/scenarios", {}, params={"page_size": 90})
            self._scenarios = [one["id"] for one in page["scenarios"]]
        if spoken and not self._spoken:
            self._spoken = self._scenarios.pop()
        planned = {
            "model_a_id": self.models[a],
            "model_b_id": self.models[b],
            "scenario_id": self._spoken if spoken else self._scenarios.pop(),
            "request_id": secrets.token_hex(16),
        }
        return str((await self.call("POST", "/battles", self._developer, json=planned))["id"])

    async def opened(self, battle_id: str) -> None:
        """Waits until a battle is open."""
        async with asyncio.timeout(END_SECONDS):
            while (status := (await self.call("GET", f"/battles/{battle_id}", {}))["status"]) != "open":
                assert status == "preparing"
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def open(self, a: int = 0, b: int = 1, *, spoken: bool = False) -> str:
        """Creates a battle and waits until it is open."""
        battle_id = await self.create(a, b, spoken=spoken)
        await self.opened(battle_id)
        return battle_id

    async def heard(self, *, spoken: bool = False) -> tuple[Voter, str]:
        """Returns a new voter and a battle that they have heard."""
        voter, battle_id = await self.voter(), await self.open(spoken=spoken)
        await voter.hear(battle_id)
        return voter, battle_id

    async def voter(self) -> Voter:
        """Returns a voter with a new session."""
        session = await self.call("POST", "/voters", {}, json={})
        self.votes.voters.append(session["id"])
        return Voter(self, session)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> None:
        (await self._http.get(url, headers=headers)).raise_for_status()

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.mesh.database_url) as connection:
            return await (await connection.execute(query, values)).fetchall()

    async def board(self) -> dict[str, Any]:
        """Returns the board of people."""
        return await self.call("GET", "/leaderboard", {}, params={"board": "human"})

    async def check(self) -> Audit:
        """Checks all battles and votes so far."""
        await self.mesh.wait_serving()
        audit = Audit()
        await audit_battles(self.mesh, self.votes, audit)
        assert audit.errors == []
        return audit


class Voter:
    """A person who votes exactly once in each battle."""

    def __init__(self, arena: Arena, session: Json) -> None:
        self.id = session["id"]
        self._arena = arena
        self._headers = {"authorization": f"Bearer {session['session_token']}"}

    async def hear(self, battle_id: str) -> None:
        """Gets a battle and fetches both clips. The recorded times are moved an hour back."""
        given = await self._arena.call("POST", "/battles/next", self._headers, json={})
        assert given["battle_id"] == battle_id
        for clip in ("clip_a_url", "clip_b_url"):
            await self._arena.fetch(given[clip], self._headers)
        moved = (
            "UPDATE elo.listening_assignments SET a_sent_at = a_sent_at - interval '1 hour',"
            " b_sent_at = b_sent_at - interval '1 hour'"
            " WHERE test_id = %s AND listener_id = %s AND a_sent_at IS NOT NULL AND b_sent_at IS NOT NULL"
        )
        async with (
            asyncio.timeout(END_SECONDS),
            await psycopg.AsyncConnection.connect(self._arena.mesh.database_url, autocommit=True) as connection,
        ):
            # The gateway reports what it has sent a moment later.
            while (await connection.execute(moved, (battle_id, self.id))).rowcount == 0:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def vote(self, battle_id: str, answer: str) -> dict[str, Any]:
        """Votes. The vote is repeated until its answer has come."""
        path = f"/battles/{battle_id}/vote"
        reveal = await self._arena.call("POST", path, self._headers, json={"winner": answer})
        self._arena.votes.accepted.append(AcceptedVote(self.id, battle_id, answer))
        return reveal

    async def counted(self) -> int:
        """Returns how many of their votes count."""
        query = (
            "SELECT count(*) FILTER (WHERE o.counted) FROM elo.battle_votes o JOIN elo.voters v ON v.seq = o.voter_seq"
            " WHERE v.id = %s"
        )
        return int((await self._arena.rows(query, self.id))[0][0])

    async def wait_counted(self, votes: int) -> None:
        """Waits until this number of their votes counts."""
        async with asyncio.timeout(END_SECONDS):
            while await self.counted() != votes:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    env = {
        "elo": {
            "BATTLE_POOL": "0",
            "CONTROL_SHARE": "0",
            # All voters are at one address.
            "MAX_COUNTED_VOTERS_PER_ADDRESS": "0",
            "MAX_BATTLES_PER_MINUTE": "1000",
            "RENDERS_PER_SCENARIO": "1",
            "RECONCILE_AFTER_SECONDS": "1",
            "JUDGING_SECONDS": "0.5",
            "BOARD_INTERVAL_SECONDS": "1",
        }
    }
    settings = mesh_settings(tmp_path_factory.mktemp("steps")).model_copy(update={"workers": {"elo": 2}})
    async with Mesh(settings, service_env=env) as mesh:
        await copy_events(mesh.database_url)
        developer = await register(mesh)
        async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", timeout=END_SECONDS, trust_env=False) as http:
            listed = (await http.get("/models", params={"provider": "espeak"})).raise_for_status().json()
            models = [model["id"] for model in listed["models"]]
            yield Arena(mesh, http, developer.api_key, models[:3])


@pytest.mark.parametrize("table", MAKING)
async def test_a_battle_is_made_once_when_elo_is_killed_while_it_writes(arena: Arena, table: str) -> None:
    before = (await arena.check()).battles
    async with asyncio.TaskGroup() as tasks:
        async with killed_at(arena.mesh, writing(table)):
            creating = tasks.create_task(arena.create())
        battle_id = await creating
        await arena.opened(battle_id)
    assert (await arena.check()).battles == before + Counter(open=1)
    # It is the only open battle, and a vote ends it before the next test.
    voter = await arena.voter()
    await voter.hear(battle_id)
    await voter.vote(battle_id, "a")


@pytest.mark.parametrize(("table", "answer"), list(zip(VOTING, itertools.cycle(ANSWERS))))
async def test_a_vote_is_counted_once_when_elo_is_killed_while_it_writes(arena: Arena, table: str, answer: str) -> None:
    voter, battle_id = await arena.heard(spoken=True)
    async with asyncio.TaskGroup() as tasks:
        async with killed_at(arena.mesh, writing(table)):
            voting = tasks.create_task(voter.vote(battle_id, answer))
        reveal = await voting
    assert (reveal["battle"]["status"], reveal["votes_cast"]) == ("decided", 1)
    await arena.check()
    assert await voter.counted() == 1


@pytest.mark.parametrize("table", PUBLISHING)
async def test_boards_have_each_vote_once_when_elo_is_killed_while_it_writes(arena: Arena, table: str) -> None:
    voter, battle_id = await arena.heard(spoken=True)
    async with killed_at(arena.mesh, writing(table)):
        await voter.vote(battle_id, "a")
    await arena.check()
    ((votes,),) = await arena.rows("SELECT count(*) FROM elo.battle_votes WHERE kind = 'human'")
    async with asyncio.timeout(END_SECONDS):
        while (board := await arena.board())["votes"] != votes:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert sum(row["wins"] + row["losses"] + row["ties"] + row["both_bad"] for row in board["rows"]) == 2 * votes
    today = (
        "SELECT count(*) FROM elo.snapshots WHERE board = 'human' AND category = '' GROUP BY snapshot_date, model_id"
    )
    assert {count for (count,) in await arena.rows(today)} == {1}


async def test_votes_are_judged_again_once_when_elo_is_killed_during_the_replay(arena: Arena) -> None:
    voter = await arena.voter()
    for number in range(MIN_SAME_SIDE):
        # Only the first battle has the third model.
        battle_id = await arena.open(a=2 if number == 0 else 0)
        await voter.hear(battle_id)
        if number < MIN_SAME_SIDE - 1:
            await voter.vote(battle_id, "a")
    assert await voter.counted() == MIN_SAME_SIDE - 1
    ((third,),) = await arena.rows("SELECT seq FROM elo.voice_models WHERE id = %s", arena.models[2])
    # The replay waits for a rating that the vote does not move.
    async with killed_at(arena.mesh, f"SELECT FROM elo.live_ratings WHERE model_seq = {third} FOR UPDATE"):
        await voter.vote(battle_id, "a")
    await voter.wait_counted(0)
    await arena.check()
    # The last vote did not decide its battle.
    other = await arena.voter()
    await other.hear(battle_id)
    await other.vote(battle_id, "tie")
    battle_id = await arena.open()
    await voter.hear(battle_id)
    theirs = f"voter_seq = (SELECT seq FROM elo.voters WHERE id = '{voter.id}')"
    async with killed_at(arena.mesh, f"SELECT FROM elo.battle_votes WHERE {theirs} FOR UPDATE"):
        await voter.vote(battle_id, "b")
    await voter.wait_counted(MIN_SAME_SIDE + 1)
    await arena.check()
