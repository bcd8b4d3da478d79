"""The use cases of reading battles."""

from collections.abc import Sequence

from services.elo.battles.views import BattleFilters, BattleView, BattleViews
from services.elo.battles.visibility import Viewer
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound
from services.runtime.pages import Pages

BATTLE_PREFIX = "bat"


class ReadBattles:
    """Reads battles as the caller may see them."""

    def __init__(self, database: Database, store: BattleViews, pages: Pages) -> None:
        self._database = database
        self._store = store
        self._pages = pages

    async def get(self, battle_id: str) -> BattleView:
        """Returns a battle. Raises NotFound if it does not exist for the caller."""
        ids.check_id(battle_id, BATTLE_PREFIX)
        async with self._database.reading() as connection:
            found = await self._store.get(connection, battle_id, Viewer.of_call())
        if found is None:
            raise NotFound.of("battle", battle_id)
        return found

    async def page(self, filters: BattleFilters, size: int, token: str) -> tuple[Sequence[BattleView], str]:
        """Returns a page of battles, newest first, and the token of the next page."""
        if filters.model_id:
            ids.check_id(filters.model_id, "mdl", "model_id")
        if filters.scenario_id:
            ids.check_id(filters.scenario_id, "scn", "scenario_id")
        viewer = Viewer.of_call()
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {
                    "list": "battles",
                    "model_id": filters.model_id,
                    "scenario_id": filters.scenario_id,
                    "status": filters.status,
                    "developer": viewer.developer_id,
                    "voter": viewer.voter_id,
                },
                lambda after, limit: self._store.page(
                    connection, viewer, filters, after[0] if after is not None else None, limit
                ),
                lambda view: [view.battle.seq],
            )
