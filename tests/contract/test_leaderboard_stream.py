"""A watched board comes at once, and again when it was computed."""

import asyncio
import json
from collections.abc import AsyncIterator

import grpc
import httpx
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import WatchLeaderboardRequest
from voicearena.elo.v1.leaderboard_service_pb2_grpc import LeaderboardServiceStub

from deploy.local.mesh import Mesh
from services.elo.ratings import Votes
from services.runtime.db import Database
from tests.contract.stores.elo.votes import add_cast, add_votes
from tests.contract.world import World

MAX_WAIT_SECONDS = 30.0


async def boards(response: httpx.Response) -> AsyncIterator[dict[str, object]]:
    """Yields the boards of an event stream, without heartbeats."""
    async for line in response.aiter_lines():
        if line.startswith("data: ") and "leaderboard" in (message := json.loads(line.removeprefix("data: "))):
            yield message["leaderboard"]


async def test_the_first_votes_of_a_category_reach_its_watchers_within_seconds(
    http: httpx.AsyncClient, mesh: Mesh
) -> None:
    params = {"category": "watched", "board": "human"}
    async with (
        asyncio.timeout(MAX_WAIT_SECONDS),
        http.stream("GET", "/api/v1/leaderboard/stream", params=params) as response,
    ):
        found = boards(response)
        before = await anext(found)
        assert (before["rows"], before["votes"], "computed_at" in before) == ([], 0, False)
        database = await Database.connect(mesh.database_url, "elo", pool_size=1)
        try:
            cast = await add_cast(database, 2, 1, 1, prefix="watched", category="watched")
            votes = Votes.of([0], [1], [0], [0], [0])
            await add_votes(database, cast, votes, prefix="watched", category="watched")
        finally:
            await database.close()
        async for board in found:
            if board["rows"]:
                break
    assert (board["votes"], board["category"], "computed_at" in board) == (1, "watched", True)
    assert [row["provisional"] for row in board["rows"]] == [True, True]  # type: ignore[attr-defined]


async def test_a_board_is_watched_over_grpc(mesh: Mesh, world: World) -> None:
    category = await world.value("voted_category")
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        request = WatchLeaderboardRequest(category=category, board=Leaderboard.human)
        call = LeaderboardServiceStub(channel).WatchLeaderboard(request, timeout=MAX_WAIT_SECONDS)
        first = await call.read()
        assert (first.leaderboard.votes, first.HasField("sent_at")) == (60, True)
        call.cancel()
