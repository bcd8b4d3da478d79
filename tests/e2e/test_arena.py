"""A fresh mesh becomes an arena by itself: battles, votes of metrics and people, ratings, boards, and a restart."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from deploy.local.mesh import Mesh
from services.elo.domain import INSTALLATION
from services.elo.ratings import LiveElo
from services.elo.settings import EloSettings
from services.elo.tables import LIVE_RATINGS
from services.elo.voting.live_ratings import LiveRatings
from services.runtime.db import Database
from tests.mesh import mesh_settings
from tests.voters import LOOK_AGAIN_SECONDS, READY_SECONDS, new_voter

LOCAL_PROVIDERS = ("espeak", "flite")

Json = Mapping[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """A fresh mesh with its local voices, and with the pool of battles that it has without settings."""
    pool = str(EloSettings.model_fields["battle_pool"].default)
    # Each battle is an ordinary one.
    service_env = {"elo": {"BATTLE_POOL": pool, "CONTROL_SHARE": "0"}}
    async with Mesh(mesh_settings(tmp_path_factory.mktemp("arena")), service_env=service_env) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def anyone(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """The client of somebody without a key."""
    async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", timeout=READY_SECONDS, trust_env=False) as client:
        yield client


async def watched(http: httpx.AsyncClient, path: str, **params: str) -> AsyncIterator[dict[str, Any]]:
    """Yields the messages of a stream."""
    async with asyncio.timeout(READY_SECONDS), http.stream("GET", path, params=params) as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def board_where(http: httpx.AsyncClient, reached: Any, **params: str) -> dict[str, Any]:
    """Watches a board until it is as expected, and returns it."""
    async with aclosing(watched(http, "/leaderboard/stream", **params)) as messages:
        async for message in messages:
            board = message.get("leaderboard")
            if board is not None and reached(board):
                return dict(board)
    raise AssertionError("the stream of the board ended")


async def test_a_fresh_mesh_fills_its_pool_and_its_leaderboard_by_itself(anyone: httpx.AsyncClient) -> None:
    board = await board_where(
        # The first votes are on one scenario, which says nothing about others: there are no intervals yet.
        anyone,
        lambda board: len(board["rows"]) >= 2 and all("rating_low" in row for row in board["rows"]),
    )
    assert (board["board"], board["votes"] > 0, board["voters"]) == ("hybrid", True, 0)
    assert all(row["provider"] in LOCAL_PROVIDERS and row["provisional"] for row in board["rows"])
    assert all(row["rating_low"] < row["rating"] < row["rating_high"] for row in board["rows"])
    assert board["computed_at"] < board["next_at"]
    battles = (await anyone.get("/battles", params={"status": "open"})).raise_for_status().json()["battles"]
    assert battles
    assert {(one["model_a_id"], one["eval_b_id"], one["rated"]) for one in battles} == {("", "", True)}


async def test_a_voter_hears_both_clips_votes_and_sees_who_spoke_and_how_ratings_moved(
    mesh: Mesh, anyone: httpx.AsyncClient
) -> None:
    voter = await new_voter(mesh, anyone)
    given = await voter.next()
    assert (await voter.next())["battle_id"] == given["battle_id"]
    unheard = await voter.answer(given, "a")
    assert (unheard.status_code, unheard.json()["details"][0]["metadata"]["status"]) == (409, "not_fetched")
    path = f"/battles/{given['battle_id']}"

    async def last_seen() -> dict[str, Any]:
        async with aclosing(watched(anyone, f"{path}/stream")) as messages:
            seen = [message["battle"] async for message in messages if message.get("battle")]
        assert (seen[0]["status"], seen[0]["model_a_id"]) == ("open", "")
        return dict(seen[-1])

    watching = asyncio.create_task(last_seen())
    await voter.hear(given)
    reveal = await voter.vote(given, "a")
    battle, decided = reveal["battle"], await watching
    heard = {reveal["clip_a_model"]["id"], reveal["clip_b_model"]["id"]}
    assert heard == {battle["model_a_id"], battle["model_b_id"]}
    won_by_a = reveal["clip_a_model"]["id"] == battle["model_a_id"]
    assert (decided["status"], decided["winner"]) == ("decided", "a" if won_by_a else "b")
    assert decided["vote_source"] == "hybrid"
    assert decided["metrics_a"]["word_error_rate"] >= 0
    rating = reveal["clip_a_rating"]
    assert 0 < rating["after"] - rating["before"] < 48
    gained = rating["after"] - rating["before"]
    other = reveal["clip_b_rating"]
    assert other["after"] - other["before"] == pytest.approx(-gained)
    me = (await voter.http.get("/voters/me")).raise_for_status().json()
    assert (me["id"], me["votes_cast"], me["votes_until_ranking"]) == (voter.id, 1, 29)
    assert (await voter.answer(given, "a")).json()["clip_a_rating"] == rating
    changed = await voter.answer(given, "b")
    assert (changed.status_code, changed.json()["details"][0]["metadata"]["status"]) == (409, "answered")


async def test_the_human_board_follows_votes_of_people(mesh: Mesh, anyone: httpx.AsyncClient) -> None:
    async def vote_once() -> str:
        voter = await new_voter(mesh, anyone)
        given = await voter.next()
        await voter.hear(given)
        return str((await voter.vote(given, "b"))["clip_b_model"]["id"])

    winners = [await vote_once() for _ in range(3)]

    def has_votes(board: Json) -> bool:
        wins = {row["model_id"]: row["wins"] for row in board["rows"]}
        return all(wins.get(model, 0) >= winners.count(model) for model in winners)

    board = await board_where(anyone, has_votes, board="human")
    assert board["votes"] >= len(winners)
    cells = (await anyone.get("/leaderboard/head-to-head", params={"board": "human"})).json()["cells"]
    assert sum(cell["wins"] for cell in cells) == sum(cell["losses"] for cell in cells) >= len(winners)


async def test_a_private_battle_is_on_the_board_of_its_developer_only(
    mesh: Mesh, http: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    scenario = {
        "name": "Our hotline",
        "category": "support",
        "difficulty": "easy",
        "language": "en",
        "ground_truth_transcript": "Your ticket 4815 was solved on Monday.",
        "visibility": "private",
    }
    scenario_id = (await http.post("/scenarios", json=scenario)).raise_for_status().json()["id"]
    voices = (await http.get("/models", params={"provider": "espeak", "page_size": 2})).json()["models"]
    planned = {"model_a_id": voices[0]["id"], "model_b_id": voices[1]["id"], "scenario_id": scenario_id}
    made = (await http.post("/battles", json=planned)).raise_for_status().json()
    assert (made["private"], made["own_board"]) == (True, True)
    voter, stranger = await new_voter(mesh, http), await new_voter(mesh, anyone)
    given = await voter.next(own_board=True)
    assert given["battle_id"] == made["id"]
    assert (await anyone.get(f"/battles/{made['id']}")).status_code == 404
    assert (await stranger.http.post("/battles/next", json={"own_board": True})).status_code == 403
    await voter.hear(given)
    reveal = await voter.vote(given, "tie")
    # Which side a model is on is drawn.
    assert {reveal["battle"]["model_a_id"], reveal["battle"]["model_b_id"]} == {voice["id"] for voice in voices}
    async with asyncio.timeout(READY_SECONDS):
        while not (own := await _own_board(http))["rows"]:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert {row["model_id"] for row in own["rows"]} == {voice["id"] for voice in voices}
    exported = (await anyone.get("/leaderboard/export", params={"board": "human"})).raise_for_status().text
    assert made["id"] not in exported
    assert not re.search("ticket 4815", exported)


async def _own_board(http: httpx.AsyncClient) -> dict[str, Any]:
    response = await http.get("/leaderboard", params={"board": "human", "private": "true"})
    return dict(response.raise_for_status().json())


async def test_a_battle_goes_on_after_a_restart_and_a_replay_of_the_votes_gives_every_rating(
    mesh: Mesh, anyone: httpx.AsyncClient
) -> None:
    voter = await new_voter(mesh, anyone)
    given = await voter.next()
    await voter.hear(given)
    services = ("elo", "tts", "scoring", "auth")
    for name in services:
        await mesh.stop(name)
    stored, replayed = await _stored_and_replayed(mesh)
    assert replayed == stored
    assert len(stored) >= 2
    for name in services:
        await mesh.start(name)
    await mesh.wait_serving()
    assert (await voter.next())["battle_id"] == given["battle_id"]
    reveal = await voter.vote(given, "a")
    assert reveal["clip_a_rating"]["after"] > reveal["clip_a_rating"]["before"]


async def _stored_and_replayed(mesh: Mesh) -> tuple[Mapping[int, float], Mapping[int, float]]:
    """Returns the live ratings of the public board, and the same computed again from the votes."""
    database = await Database.connect(mesh.database_url, "elo")
    try:
        async with database.transaction() as connection:
            query = sa.select(LIVE_RATINGS.c.model_seq, LIVE_RATINGS.c.rating)
            found = await connection.execute(query.where(LIVE_RATINGS.c.owner == INSTALLATION))
            stored = {row.model_seq: row.rating for row in found}
            return stored, await LiveRatings(LiveElo()).replay(connection, INSTALLATION)
    finally:
        await database.close()
