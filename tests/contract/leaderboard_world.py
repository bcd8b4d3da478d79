"""The values for the cases of leaderboards: votes on boards of their own categories."""

from __future__ import annotations

import asyncio
import secrets

import numpy as np

from services.elo.domain import INSTALLATION
from services.runtime.db import Database
from tests.contract.case_world import CaseWorld
from tests.contract.cases import leaderboard
from tests.contract.stores.elo.votes import add_cast, add_votes
from tests.simulated_votes import Arena

LOOK_AGAIN_SECONDS = 0.2
MAX_WAIT_SECONDS = 30.0
VOTES = Arena(models=3, scenarios=6, voters=12, votes=60)


class LeaderboardWorld(CaseWorld):
    """The part of `World` for leaderboards."""

    async def _voted_category(self) -> str:
        """A category of the public board with 60 votes on 3 models. The first of them is `voted_model`."""
        return await self._category_with_votes(INSTALLATION, "voted")

    async def _own_voted_category(self) -> str:
        """A category of the developer's own board with as many votes."""
        return await self._category_with_votes(self.developer.id, "own_voted")

    async def _voted_model(self) -> str:
        await self.value("voted_category")
        return str(self._values["voted_model"])

    async def _snapshots_page_token(self) -> str:
        category = await self.value("voted_category")
        request = {"board": "human", "category": category, "page_size": 2}
        return str((await self.call(leaderboard.HISTORY, request))["next_page_token"])

    async def _category_with_votes(self, owner: str, name: str) -> str:
        part = secrets.token_hex(4)
        category = f"{name}_{part}"
        random = np.random.default_rng(1)
        votes = VOTES.vote(VOTES.strengths(random), random)
        database = await Database.connect(self.mesh.database_url, "elo", pool_size=1)
        try:
            # With the number of a model, these are the 32 digits of an id.
            ids = secrets.token_hex(16)[:31]
            # Archived, so that no battle of another test takes a text of this category and gets a vote of the metrics.
            scenario = {"category": category, "archived": True}
            cast = await add_cast(database, VOTES.models, VOTES.scenarios, VOTES.voters, prefix=ids, **scenario)
            await add_votes(database, cast, votes, prefix=part, owner=owner, category=category)
        finally:
            await database.close()
        self._values[f"{name}_model"] = cast.models[0][0]
        request = {"board": "human", "category": category, "private": owner != INSTALLATION}
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while not (await self.call(leaderboard.GET, request)).get("rows"):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return category
