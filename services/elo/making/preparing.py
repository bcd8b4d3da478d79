"""Takes preparing battles to their next step: opens them, replaces a broken side, or voids them.

A step follows from the states of the renders alone. So no event has to arrive for it, and it can be repeated. Each
battle has a transaction of its own, because opening it locks the ratings of its models.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.battles.domain import MAX_SWAPS, Battle, BattleStatus, Control
from services.elo.domain import INSTALLATION
from services.elo.making.making import Making, rated_unless_named
from services.elo.making.matchmaker import Matchmaker
from services.elo.making.opening import Opening
from services.elo.making.roster import Contender
from services.elo.making.store import BattleStore
from services.elo.rendering.choosing import Renders
from services.elo.rendering.domain import Render, void_reason
from services.elo.rendering.store import RenderStore
from services.elo.tables import RENDERS_CHANGED
from services.runtime import outbox, telemetry
from services.runtime.audio_store import AudioStore
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unavailable
from services.runtime.periodic import periodic
from services.shared.clips.dispatching import Dispatcher

log = structlog.get_logger()

BATCH = 50
POLL_SECONDS = 1.0
"""Notifications wake it at once. Polling finds a battle whose notification was lost."""


class Preparing:
    """The steps of preparing battles."""

    def __init__(
        self,
        database: Database,
        store: BattleStore,
        render_store: RenderStore,
        renders: Renders,
        matchmaker: Matchmaker,
        making: Making,
        opening: Opening,
        dispatcher: Dispatcher,
        audio: AudioStore,
    ) -> None:
        self._database = database
        self._store = store
        self._render_store = render_store
        self._renders = renders
        self._matchmaker = matchmaker
        self._making = making
        self._opening = opening
        self._dispatcher = dispatcher
        self._audio = audio
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Advances battles until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._database.listen(RENDERS_CHANGED, lambda _: self._wake.set()))
            tasks.create_task(periodic(self.advance_all, POLL_SECONDS, batch=BATCH, wake=self._wake))

    async def advance_all(self) -> int:
        """Advances up to BATCH battles whose next step is due. Returns how many were advanced."""
        async with self._database.reading() as connection:
            due = await self._store.to_advance(connection, BATCH)
        advanced = 0
        for battle_id in due:
            try:
                await self.advance(battle_id)
                advanced += 1
            except Unavailable as error:
                # The audio store can't be read. The battle waits for it.
                log.warning("a battle can't be opened at the moment", battle_id=battle_id, error=error.message)
        return advanced

    async def advance(self, battle_id: str) -> Battle | None:
        """Takes the next step of a battle, if one is due. Returns the battle, None if it does not exist.

        Any number of processes can do this at the same time. Raises Unavailable if the audio store can't be read.
        """
        await self._prepare(battle_id)
        providers: Sequence[str] = ()
        async with self._database.transaction() as connection:
            battle = await self._store.get(connection, battle_id, lock=True)
            if battle is None or battle.status is not BattleStatus.PREPARING:
                return battle
            with telemetry.working_on(battle_id=battle_id), telemetry.continuing(battle.traceparent):
                render_a, render_b = await self._sides(connection, battle)
                if render_a.broken or render_b.broken:
                    battle, providers = await self._replace(connection, battle, render_a, render_b)
                elif render_a.usable and render_b.usable:
                    names = await self._matchmaker.names(connection, [battle.model_a_id, battle.model_b_id])
                    checked = rated_unless_named(battle, names, render_a.transcript, render_b.transcript)
                    battle = await self._opening.open(connection, checked, render_a, render_b)
        await self._dispatcher.release(providers)
        return battle

    async def _sides(self, connection: AsyncConnection, battle: Battle) -> tuple[Render, Render]:
        ids = [battle.render_a_id or "", battle.render_b_id or ""]
        found = await self._render_store.get(connection, ids)
        return found[ids[0]], found[ids[1]]

    async def _prepare(self, battle_id: str) -> None:
        """Stores the digests of the battle's audio, and the first ratings of its models.

        A recording that is not in the audio store is lost. The ratings are committed here, before any vote: votes lock
        ratings in the order of the models, and one that had to add a rating first could wait for a vote that waits for
        it.
        """
        async with self._database.reading() as connection:
            battle = await self._store.get(connection, battle_id)
            if battle is None or battle.status is not BattleStatus.PREPARING:
                return
            sides = await self._sides(connection, battle)
        if all(render.usable for render in sides):
            async with self._database.transaction() as connection:
                await self._opening.add_ratings(connection, battle)
        for render in sides:
            if not render.usable or render.audio_sha256 is not None:
                continue
            try:
                digest = hashlib.sha256(await self._audio.get(render.audio_name or "")).digest()
            except NotFound:
                log.warning("the audio of a render is lost", render_id=render.id)
                async with self._database.transaction() as connection:
                    await self._render_store.forget_audio(connection, [render.id], now())
            else:
                async with self._database.transaction() as connection:
                    await self._render_store.record_hash(connection, render.id, digest)

    async def _replace(
        self, connection: AsyncConnection, battle: Battle, render_a: Render, render_b: Render
    ) -> tuple[Battle, Sequence[str]]:
        """Replaces the models of broken sides, or voids the battle. Returns it, and the providers to release."""
        broken = {
            model_id: render
            for model_id, render in ((battle.model_a_id, render_a), (battle.model_b_id, render_b))
            if render.broken
        }
        # Models that somebody named are not replaced.
        may_swap = battle.probability is not None and battle.swaps + len(broken) <= MAX_SWAPS
        if may_swap and (swapped := await self._swap(connection, battle, broken)):
            return swapped
        reason = void_reason(next(iter(broken.values())))
        void = replace(battle, status=BattleStatus.VOID, void_reason=reason, decided_at=now())
        await self._store.void(connection, void)
        if void.control is Control.NONE:
            await outbox.add(connection, facts.battle_voided(void))
        return void, ()

    async def _swap(
        self, connection: AsyncConnection, battle: Battle, broken: Mapping[str, Render]
    ) -> tuple[Battle, Sequence[str]] | None:
        if battle.owner != INSTALLATION and battle.private:
            roster = await self._matchmaker.own_roster(connection, battle.owner)
        else:
            roster = await self._matchmaker.public_roster(connection)
        scenario = [each for each in roster.scenarios if each.id == battle.scenario_id]
        budget = await self._renders.budget(connection)
        staying = next((id_ for id_ in (battle.model_a_id, battle.model_b_id) if id_ not in broken), "")
        drawn = await self._matchmaker.draw(
            connection, roster, scenario, budget, including=staying, excluding=broken.keys()
        )
        if drawn is None:
            return None
        sides: tuple[Contender, Contender] = (drawn.first, drawn.second)
        if staying and sides[0 if battle.model_a_id == staying else 1].id != staying:
            sides = (drawn.second, drawn.first)
        made = await self._making.swap(connection, battle, sides, drawn.pair, budget)
        return (made.battle, made.providers) if made else None
