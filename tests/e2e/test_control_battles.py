"""A fresh mesh tests its voters: control battles come from its own battles, and look like any other until the vote."""

import asyncio

import httpx
import pytest
import sqlalchemy as sa

from deploy.local.mesh import Mesh
from services.elo.tables import BATTLE_VOTES, BATTLES
from services.runtime.db import Database
from tests.mesh import mesh_settings
from tests.voters import READY_SECONDS, Json, Voter, new_voter


async def control_of(database: Database, battle: Json) -> str:
    """Returns which kind of control a battle is, empty for an ordinary one. No response says it."""
    async with database.reading() as connection:
        query = sa.select(BATTLES.c.control).where(BATTLES.c.id == battle["battle_id"])
        return str((await connection.execute(query)).scalar_one())


async def next_control(mesh: Mesh, database: Database) -> tuple[Voter, Json]:
    """Returns the first voter whose next battle is a control battle."""
    anyone = httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", trust_env=False, timeout=READY_SECONDS)
    async with asyncio.timeout(READY_SECONDS), anyone:
        while True:
            voter = await new_voter(mesh, anyone)
            battle = await voter.next()
            if await control_of(database, battle):
                return voter, battle
            await voter.http.aclose()


async def test_a_voter_of_a_fresh_mesh_gets_control_battles(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = mesh_settings(tmp_path_factory.mktemp("controls"))
    service_env = {"elo": {"CONTROL_SHARE": "0.5", "JUDGING_SECONDS": "0.5"}}
    async with Mesh(settings, service_env=service_env) as mesh:
        database = await Database.connect(mesh.database_url, "elo")
        try:
            voter, battle = await next_control(mesh, database)
            assert (battle["rated"], battle["unrated_reason"]) == (True, "")
            assert battle["clip_a_seconds"] == battle["clip_b_seconds"]
            await voter.hear(battle)
            reveal = await voter.vote(battle, "tie")
            assert reveal["clip_a_model"]["id"] == reveal["clip_b_model"]["id"]
            assert reveal["rated"] is False
            assert "checks that voters listen" in reveal["unrated_reason"]
            assert reveal["clip_a_rating"] == reveal["clip_b_rating"]
            listed = (await voter.http.get("/battles", params={"page_size": 100})).json()["battles"]
            assert battle["battle_id"] not in {each["id"] for each in listed}
            async with database.reading() as connection:
                people = sa.select(sa.func.count()).where(BATTLE_VOTES.c.kind == "human")
                assert (await connection.execute(people)).scalar_one() == 0
            await voter.http.aclose()
        finally:
            await database.close()
