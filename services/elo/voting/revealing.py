"""What a voter learns about a battle by voting. It is read with the last statements of the vote's transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.views import BattleView, BattleViews
from services.elo.battles.visibility import Viewer
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.rows import SELECT_MODELS, model_from
from services.elo.catalogue.standings import NEW, Standing
from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.tables import BATTLES, LIVE_RATINGS
from services.runtime.statements import Statement

_B, _M, _R = BATTLES.c, VOICE_MODELS.c, LIVE_RATINGS.c
_MODELS = Statement(
    SELECT_MODELS.add_columns(_R.rating.label("live_rating"), _R.battles, _R.wins, _R.losses, _R.ties, _R.both_bad)
    .join(BATTLES, sa.or_(_M.id == _B.model_a_id, _M.id == _B.model_b_id))
    .outerjoin(LIVE_RATINGS, sa.and_(_R.model_seq == _M.seq, _R.owner == _B.owner))
    .where(_B.id == sa.bindparam("of_battle", type_=sa.Text))
)
"""The models of a battle, each with its live rating on the battle's board."""


@dataclass(frozen=True, slots=True)
class RevealedBattle:
    """A battle whose models the viewer may know."""

    view: BattleView
    models: Mapping[str, tuple[VoiceModel, Standing]]
    """By id, each with how it stands on the board of the battle."""


Revealing = Callable[[], RevealedBattle]
"""Returns the battle when the statements that read it were executed."""


async def reveal_later(battles: BattleViews, connection: AsyncConnection, battle_id: str, viewer: Viewer) -> Revealing:
    """Reads a battle and its models with the next statement of the transaction, at the latest with the commit."""
    read_view = await battles.get_later(connection, battle_id, viewer)
    models = await _MODELS.read_later(connection, of_battle=battle_id)

    def revealed() -> RevealedBattle:
        view = read_view()
        assert view is not None
        return RevealedBattle(view, {row.id: (model_from(row), _standing(row)) for row in models.rows})

    return revealed


def _standing(row: Any) -> Standing:
    if row.live_rating is None:
        return NEW
    return Standing(row.live_rating, row.battles, row.wins, row.losses, row.ties, row.both_bad)
