"""Keeps a pool of prepared battles, so that a voter gets one at once."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.making.making import Made, Making, Order
from services.elo.making.matchmaker import Matchmaker, of_kind
from services.elo.making.preparing import Preparing
from services.elo.making.roster import Roster
from services.elo.making.store import BattleStore
from services.elo.rendering.choosing import Renders
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.clips.dispatching import Dispatcher

FILL_INTERVAL_SECONDS = 1.0
BATCH = 50
"""The number of battles that a round makes at most."""
MAX_GROUPS = 200
"""The number of categories and languages that have a pool: those with most scenarios."""
MAX_NEW_MODELS = 5
"""How many models without a battle are tried in a round."""
MAX_PREPARING_SECONDS = 300.0
"""A battle that is not open after this long no longer counts, so that a provider without answers empties no pool."""
MAX_PREPARING_BATTLES = 6
"""How many battles are prepared at a time, so that a new installation leaves providers and scoring to others too."""
DAY = timedelta(days=1)
_LOCK = "voicearena battle pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRules:
    """The settings of the pool."""

    size: int
    """The number of open battles of each category and language. 0 means that there is no pool."""
    battles_per_day: int
    """The number of battles that are made in 24 hours, those of developers included."""


class BattlePool:
    """Makes public battles of the matchmaker."""

    def __init__(
        self,
        database: Database,
        store: BattleStore,
        matchmaker: Matchmaker,
        renders: Renders,
        making: Making,
        preparing: Preparing,
        dispatcher: Dispatcher,
        rules: PoolRules,
        rng: random.Random,
    ) -> None:
        self._database = database
        self._store = store
        self._matchmaker = matchmaker
        self._renders = renders
        self._making = making
        self._preparing = preparing
        self._dispatcher = dispatcher
        self._rules = rules
        self._rng = rng

    async def fill(self) -> int:
        """Makes up to BATCH battles that the pool lacks. Returns how many were made.

        Processes take turns, so that together they make no more than are missing.
        """
        if not self._rules.size:
            return 0
        made = 0
        while made < BATCH and await self._make_missing():
            made += 1
        return made

    async def on_demand(self, category: str = "", language: str = "") -> Battle | None:
        """Returns a new open battle for a voter who has judged those of the pool, or None if none can open at once.

        Two models that have a recording of the same scenario already can meet at once. If there are none, a battle is
        prepared, so that a later call finds it. The budget of the day applies. Empty filters match all scenarios.
        """
        async with self._database.transaction() as connection:
            if not await self._within_budget(connection):
                return None
            roster = await self._matchmaker.public_roster(connection)
            made = await self._draw(connection, roster, category, language, only_usable=True)
            ready = made is not None
            if made is None and await self._preparing_now(connection, category, language) < MAX_PREPARING_BATTLES:
                made = await self._draw(connection, roster, category, language)
        if made is None:
            return None
        await self._dispatcher.release(made.providers)
        if not ready:
            return None
        battle = await self._preparing.advance(made.battle.id)
        return battle if battle and battle.status is BattleStatus.OPEN else None

    async def _make_missing(self) -> bool:
        """Makes one battle that is missing. Returns whether there was one."""
        async with self._database.transaction() as connection:
            locked = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(_LOCK, 0)))
            if not (await connection.execute(locked)).scalar_one() or not await self._within_budget(connection):
                return False
            if await self._preparing_now(connection) >= MAX_PREPARING_BATTLES:
                return False
            roster = await self._matchmaker.public_roster(connection)
            made = await self._of_new_model(connection, roster) or await self._of_group(connection, roster)
        if made is None:
            return False
        await self._dispatcher.release(made.providers)
        return True

    async def _of_new_model(self, connection: AsyncConnection, roster: Roster) -> Made | None:
        """Makes a battle of a model that has none yet, so that nobody has to wait for the pool to empty."""
        new = list(await self._store.without_battle(connection, [model.id for model in roster.models]))
        for model_id in self._rng.sample(new, min(len(new), MAX_NEW_MODELS)):
            if made := await self._draw(connection, roster, "", "", including=model_id):
                return made
        return None

    async def _of_group(self, connection: AsyncConnection, roster: Roster) -> Made | None:
        """Makes a battle in the group that lacks most. Groups that lack the same take turns at random."""
        since = now() - timedelta(seconds=MAX_PREPARING_SECONDS)
        there = await self._store.in_pool(connection, since)
        groups = [group for group in _groups(roster) if there.get(group, 0) < self._rules.size]
        self._rng.shuffle(groups)
        for category, language in sorted(groups, key=lambda group: there.get(group, 0)):
            if made := await self._draw(connection, roster, category, language):
                return made
        return None

    async def _draw(
        self,
        connection: AsyncConnection,
        roster: Roster,
        category: str,
        language: str,
        *,
        including: str = "",
        only_usable: bool = False,
    ) -> Made | None:
        budget = await self._renders.budget(connection)
        scenarios = of_kind(roster, category, language)
        drawn = await self._matchmaker.draw(
            connection, roster, scenarios, budget, including=including, only_usable=only_usable
        )
        if drawn is None:
            return None
        order = Order(pair=drawn.pair, only_usable=only_usable)
        return await self._making.make(connection, drawn.scenario, (drawn.first, drawn.second), budget, order)

    async def _within_budget(self, connection: AsyncConnection) -> bool:
        return await self._store.made_since(connection, now() - DAY) < self._rules.battles_per_day

    async def _preparing_now(self, connection: AsyncConnection, category: str = "", language: str = "") -> int:
        """Returns how many public battles are being prepared. Empty filters match all."""
        since = now() - timedelta(seconds=MAX_PREPARING_SECONDS)
        return await self._store.preparing_since(connection, since, category, language)


def _groups(roster: Roster) -> Sequence[tuple[str, str]]:
    """Returns the categories and languages in which battles are possible, those with most scenarios first."""
    counts = Counter((each.category, each.language_family) for each in roster.scenarios)
    languages = Counter(model.language for model in roster.models)
    # Models of unknown language are expected to speak any.
    possible = [group for group in counts if languages[""] + languages[group[1]] > 1]
    return sorted(possible, key=lambda group: -counts[group])[:MAX_GROUPS]
