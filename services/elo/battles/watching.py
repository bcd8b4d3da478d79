"""Streams the changes of a battle."""

import asyncio
from collections.abc import AsyncGenerator

import structlog

from services.elo.battles.domain import BattleStatus
from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleView
from services.runtime.changes import Changes
from services.runtime.db import DISCONNECTED

log = structlog.get_logger()

MIN_READ_INTERVAL_SECONDS = 0.02
"""Changes that follow each other closely are read together."""
RETRY_SECONDS = 0.5


class WatchBattle:
    """The use case of watching a battle."""

    def __init__(self, reading: ReadBattles, changes: Changes, heartbeat_seconds: float) -> None:
        self._reading = reading
        self._changes = changes
        self._heartbeat_seconds = heartbeat_seconds

    async def watch(self, battle_id: str) -> AsyncGenerator[BattleView | None, None]:
        """Yields the battle as it is now, then each change, and None as a heartbeat. Ends once it is decided or void.

        Raises NotFound if it does not exist for the caller.
        """
        with self._changes.watching(battle_id) as changed:
            known = await self._reading.get(battle_id)
            yield known
            while known.battle.status not in (BattleStatus.DECIDED, BattleStatus.VOID):
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    # The following read finds a change whose notification was lost.
                    yield None
                changed.clear()
                try:
                    new = await self._reading.get(battle_id)
                except (*DISCONNECTED, TimeoutError) as error:
                    log.warning("a watched battle can't be read now", battle_id=battle_id, error=str(error))
                    yield None
                    await asyncio.sleep(RETRY_SECONDS)
                    changed.set()
                    continue
                if new != known:
                    yield new
                known = new
                await asyncio.sleep(MIN_READ_INTERVAL_SECONDS)
